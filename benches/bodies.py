"""Bodies of the Vélib feed, as many as wanted: recorded ones, re-timed and with other counts.

Body k is the feed k minutes after the first: every station that lives reports k minutes later, and about a third of them
have a bike more or fewer; the few dead stations keep their old report. Everything else, spacing and order of keys
and rows included, is what the provider sent. The same seed gives the same bytes. No body is ever committed.
"""

import datetime
import json
import pathlib
import random
import re

DAY = "2024-11-08"  # of the recordings: a station that reported on it lives
FIRST = datetime.datetime(2024, 11, 8, 16, 5, 1)  # when body 0 was fetched, in UTC
MINUTE = datetime.timedelta(minutes=1)

ROW = re.compile(
    r'"stationcode": "(?P<code>[^"]+)".*?"numdocksavailable": (?P<docks>\d+), "numbikesavailable": (?P<bikes>\d+), '
    r'"mechanical": (?P<mechanical>\d+), "ebike": (?P<ebikes>\d+)(?P<between>, .*?"duedate": ")(?P<due>[^"]+)"'
)


def fetched_at(k):
    """When body k was fetched."""
    return FIRST + k * MINUTE


class Station:
    """What a station says at the moment."""

    def __init__(self, match):
        self.mechanical, self.ebikes = int(match["mechanical"]), int(match["ebikes"])
        self.places = int(match["docks"]) + int(match["bikes"])
        self.due = match["due"]
        self.lives = self.due.startswith(DAY)
        if self.lives:
            self.minute = datetime.datetime.fromisoformat(self.due[:16])
            self.seconds = self.due[16:]

    def change(self, die):
        if die < 22 and self.mechanical + self.ebikes < self.places:
            self.mechanical += 1
        elif 22 <= die < 44 and self.mechanical > 0:
            self.mechanical -= 1
        elif 44 <= die < 66 and self.mechanical + self.ebikes < self.places:
            self.ebikes += 1
        elif 66 <= die < 88 and self.ebikes > 0:
            self.ebikes -= 1


def recorded(recordings):
    """The recorded bodies that are whole, each as [text, match, text, match, ..., text]."""
    read = []
    for path in sorted(pathlib.Path(recordings, "velib-disponibilite").glob("*.json")):
        text = path.read_text(encoding="utf-8")
        if '"stationcode": null' in text:
            continue
        parts, end = [], 0
        for match in ROW.finditer(text):
            parts += [text[end : match.start("docks")], match]
            end = match.end("due")
        read.append((parts, text[end:]))
    if not read:
        raise SystemExit(f"{recordings}: no recordings of velib-disponibilite")
    return read


def bodies(recordings, count, seed=1):
    """Yields (fetch time, body as bytes), in the order of time."""
    read = recorded(recordings)
    stations = {}
    for parts, _ in read:
        for match in parts[1::2]:
            stations.setdefault(match["code"], Station(match))
    dice = random.Random(seed)
    for k in range(count):
        for station, die in zip(stations.values(), dice.randbytes(len(stations))):
            if station.lives:
                station.change(die)
        parts, last = read[k % len(read)]
        minutes, out = {}, []
        for text, match in zip(parts[::2], parts[1::2]):
            station = stations[match["code"]]
            due = station.due
            if station.lives:
                minute = minutes.get(station.minute)
                if minute is None:
                    minute = (station.minute + k * MINUTE).isoformat()[:16]
                    minutes[station.minute] = minute
                due = minute + station.seconds
            bikes = station.mechanical + station.ebikes
            out.append(
                f'{text}{station.places - bikes}, "numbikesavailable": {bikes}, "mechanical": {station.mechanical}, '
                f'"ebike": {station.ebikes}{match["between"]}{due}'
            )
        out.append(last)
        yield fetched_at(k), "".join(out).encode()


def write(recordings, count, folder, seed=1):
    """Writes the bodies, named by their fetch times as `vigie replay` wants them, and beside them how many bikes all reports
    have in sum, each report counted once, as a check of what is made of them."""
    folder = pathlib.Path(folder)
    done = folder / ".complete"
    if done.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    reports, bikes, last = 0, 0, {}
    for at, body in bodies(recordings, count, seed):
        (folder / f"{at:%Y%m%dT%H%M%SZ}.json").write_bytes(body)
        for match in ROW.finditer(body.decode()):
            if last.get(match["code"]) != match["due"]:
                last[match["code"]] = match["due"]
                reports += 1
                bikes += int(match["bikes"])
    done.write_text(json.dumps({"reports": reports, "bikes": bikes}))
    return folder
