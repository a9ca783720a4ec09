"""Bounding boxes of countries, from Natural Earth's 1:10m borders (npm `world-atlas`, TopoJSON).

What a country's box covers:
- a territory with an ISO 3166-1 code of its own is never part of another country's box, even where
  Natural Earth draws it so (French Guiana is GF, not FR; Svalbard is SJ, not NO): see CARVED;
- areas that Natural Earth draws apart but that have no ISO code go to the country to which ISO 3166
  gives them (Northern Cyprus to CY, Crimea to UA as well): see JOINED and EXTENDED;
- of what is left, parts farther than GAP_KM from the rest are left out (Easter Island from Chile),
  but for WHOLE, whose far parts are no less the country than the main one.
"""

import json
import math
from pathlib import Path

GAP_KM = 1500.0

# Territory: the Natural Earth country it is drawn in, and a box around it (west, south, east, north).
CARVED = {
    "BQ": ("Netherlands", (-70, 11, -62, 19)),
    "BV": ("Norway", (2, -56, 5, -53)),
    "CC": ("Indian Ocean Ter.", (96, -13, 98, -11)),
    "CX": ("Indian Ocean Ter.", (104, -12, 107, -9)),
    "GF": ("France", (-56, 1, -50, 7)),
    "GP": ("France", (-62.5, 15.6, -60.5, 17)),
    "MQ": ("France", (-61.5, 14, -60.5, 15.2)),
    "RE": ("France", (54, -23, 57, -20)),
    "SJ": ("Norway", (-10, 70.5, 35, 82)),
    "TK": ("New Zealand", (-174, -11, -170, -7)),
    "YT": ("France", (44, -14, 46, -12)),
}

# Natural Earth name without ISO code: the ISO country it belongs to.
JOINED = {
    "Akrotiri": "CY",
    "Baikonur": "KZ",
    "Cyprus U.N. Buffer Zone": "CY",
    "Dhekelia": "CY",
    "Kosovo": "XK",
    "N. Cyprus": "CY",
    "Somaliland": "SO",
    "USNB Guantanamo Bay": "CU",
}

# ISO 3166-2 counts Crimea as UA-43; Natural Earth draws it in Russia.
EXTENDED = {"UA": (32.4, 44.3, 36.7, 46.2)}

# Hawaii is a state like the others; Kiribati is three archipelagos 1,500 to 2,000 km apart.
WHOLE = {"US", "KI"}

# Pole to pole, all around.
FIXED = {"AQ": (-180.0, -90.0, 180.0, -60.0)}


def country_boxes(path: Path, iso2_by_number: dict[str, str]) -> dict[str, tuple]:
    """The box (west, south, east, north) of each ISO 3166-1 alpha-2 code; west > east when it
    crosses the antimeridian."""
    topology = json.loads(path.read_text(encoding="utf-8"))
    arcs = _decode_arcs(topology)
    parts: dict[str, list] = {}
    for geometry in topology["objects"]["countries"]["geometries"]:
        name = geometry["properties"]["name"]
        code = iso2_by_number.get(geometry.get("id", "")) or JOINED.get(name)
        for box in _polygon_boxes(geometry, arcs):
            owner = _carved(name, box) or code
            if owner:
                parts.setdefault(owner, []).append(box)
    for code, box in EXTENDED.items():
        parts[code].append(box)
    boxes = {code: _union(_cluster(code, boxes)) for code, boxes in parts.items()}
    return boxes | FIXED


def _decode_arcs(topology: dict) -> list:
    (scale_x, scale_y), (move_x, move_y) = (
        topology["transform"]["scale"],
        topology["transform"]["translate"],
    )
    decoded = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for step_x, step_y in arc:
            x, y = x + step_x, y + step_y
            points.append((x * scale_x + move_x, y * scale_y + move_y))
        decoded.append(points)
    return decoded


def _polygon_boxes(geometry: dict, arcs: list):
    """The box of each polygon's outer ring, in two where it crosses the antimeridian."""
    polygons = geometry.get("arcs", [])
    if geometry["type"] == "Polygon":
        polygons = [polygons]
    for polygon in polygons:
        points = [point for index in polygon[0] for point in _arc(arcs, index)]
        latitudes = [point[1] for point in points]
        south, north = min(latitudes), max(latitudes)
        # From one point to the next by the short way: 179 to -179 is 2 degrees eastwards.
        longitudes = [points[0][0]]
        for longitude, _ in points[1:]:
            longitudes.append(longitude + 360 * round((longitudes[-1] - longitude) / 360))
        west, east = min(longitudes), max(longitudes)
        if east > 180:
            yield west, south, 180.0, north
            yield -180.0, south, east - 360, north
        elif west < -180:
            yield west + 360, south, 180.0, north
            yield -180.0, south, east, north
        else:
            yield west, south, east, north


def _arc(arcs: list, index: int) -> list:
    """An arc's points in the direction of the ring: TopoJSON writes ~index for backwards."""
    return arcs[index] if index >= 0 else arcs[~index][::-1]


def _carved(name: str, box: tuple) -> str | None:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    for code, (drawn_in, (west, south, east, north)) in CARVED.items():
        if drawn_in == name and west <= x <= east and south <= y <= north:
            return code
    return None


def _cluster(code: str, boxes: list) -> list:
    """The part with the largest box and all that hangs together with it by gaps under GAP_KM."""
    if code in WHOLE:
        return boxes
    waiting = sorted(boxes, key=_area, reverse=True)
    kept = [waiting.pop(0)]
    for current in kept:
        near = [box for box in waiting if _gap_km(current, box) <= GAP_KM]
        kept.extend(near)
        waiting = [box for box in waiting if box not in near]
    if waiting:
        print(f"  {code}: left out {[tuple(round(x, 1) for x in box) for box in waiting]}")
    return kept


def _area(box: tuple) -> float:
    west, south, east, north = box
    return (east - west) * (north - south) * math.cos(math.radians((south + north) / 2))


def _gap_km(a: tuple, b: tuple) -> float:
    """About the distance between two boxes: good enough for a threshold of 1,500 km."""
    latitude_gap = max(0.0, a[1] - b[3], b[1] - a[3])
    longitude_gap = max(0.0, min((a[0] - b[2]) % 360, (b[0] - a[2]) % 360))
    if a[0] <= b[2] and b[0] <= a[2]:
        longitude_gap = 0.0
    latitude = max(abs(x) for x in (a[1], a[3], b[1], b[3]))
    return 111.2 * math.hypot(latitude_gap, longitude_gap * math.cos(math.radians(latitude)))


def _union(boxes: list) -> tuple:
    """The smallest box on the globe around `boxes`: what the widest empty range of longitudes
    leaves."""
    spans = sorted((box[0], box[2]) for box in boxes)
    merged = [list(spans[0])]
    for west, east in spans[1:]:
        if west <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], east)
        else:
            merged.append([west, east])
    gaps = [
        ((merged[(i + 1) % len(merged)][0] - merged[i][1]) % 360, i) for i in range(len(merged))
    ]
    _, before = max(gaps)
    west, east = merged[(before + 1) % len(merged)][0], merged[before][1]
    return west, min(box[1] for box in boxes), east, max(box[3] for box in boxes)
