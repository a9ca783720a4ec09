#!/usr/bin/env python3
"""Measures Vigie, and its peers in the same run. `bench.py summarize|linear|collect|up|growth|serve|streams --help`; see README.md.

Everything is made below `--work` (default `target/bench`): bodies, workspaces, a virtual environment with the peers. The
program measured is `--vigie` (default `target/release/vigie`), run as its users run it. Tables are Markdown. Times are
medians of the rounds; on a machine that does other work at the same time, processor time says more than wall time.
"""

import argparse
import asyncio
import csv
import datetime
import http.client
import io
import json
import math
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time

import bodies

HERE = pathlib.Path(__file__).resolve().parent
VELIB = "velib-disponibilite"
MB = 1e6
PEERS = ["duckdb", "polars", "pandas", "pysimdjson"]


class Ran:
    """What a process took: wall and processor seconds, and its largest resident size in MB."""

    def __init__(self, command, cores=None, **options):
        if cores:
            command = ["taskset", "-c", cores, *command]
        begun = time.perf_counter()
        process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        errors = []
        reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))
        reader.start()
        self.out = process.stdout.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        self.wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        reader.join()
        self.cpu = used.ru_utime + used.ru_stime
        self.user = used.ru_utime
        self.peak_mb = used.ru_maxrss * 1024 / MB
        if process.returncode != 0:
            raise SystemExit(f"{command}: exit {process.returncode}\n{self.out[-2000:]}\n{errors[0].decode()[-4000:]}")


def median(values):
    return statistics.median(values)


def size_of(*paths):
    return sum(os.path.getsize(path) for path in paths if os.path.exists(path))


def table(header, rows):
    print("| " + " | ".join(header) + " |")
    print("|" + "|".join("---" if i == 0 else "---:" for i in range(len(header))) + "|")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def note(text):
    print(text, file=sys.stderr, flush=True)


def settle():
    """What earlier steps wrote goes to the disk now, so that no later step waits for it."""
    os.sync()


def rfc3339(at):
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


# Workspaces


def new_workspace(args, folder, sources, base_urls=None, own=None):
    """A workspace for Paris with these sources only."""
    shutil.rmtree(folder, ignore_errors=True)
    Ran([args.vigie, "init", folder, "--zone", "Paris", "--lang", "en"])
    file = pathlib.Path(folder, "vigie.toml")
    text = re.split(r"(?m)^# [^\n]*\n\[sources\.", file.read_text())[0]
    text = text.split("\n[sources.")[0]
    for source in sources:
        text += f"\n[sources.{source}]\nenabled = true\n"
        if base_urls:
            text += f'base_url = "{base_urls[source]}"\n'
    file.write_text(text)
    for source, definition in (own or {}).items():
        place = pathlib.Path(folder, "sources")
        place.mkdir(exist_ok=True)
        (place / f"{source}.toml").write_text(definition)
    return folder


class Feed:
    """An HTTP/1.1 server on loopback, in a thread: `answer(host, path)` gives each body."""

    def __init__(self, addresses, answer):
        self.answer, self.requests = answer, 0
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        feed = self

        class Connection(asyncio.Protocol):
            def connection_made(self, transport):
                self.transport, self.buffer = transport, b""

            def data_received(self, data):
                self.buffer += data
                while b"\r\n\r\n" in self.buffer:
                    head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
                    lines = head.decode("latin-1").split("\r\n")
                    host = next((l.split(":", 1)[1].strip() for l in lines if l.lower().startswith("host:")), "")
                    feed.requests += 1
                    body = feed.answer(host, lines[0].split(" ")[1])
                    self.transport.write(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
                    )

        async def listen():
            first = await self.loop.create_server(Connection, addresses[0], 0, backlog=1024)
            self.port = first.sockets[0].getsockname()[1]
            for address in addresses[1:]:
                await self.loop.create_server(Connection, address, self.port, backlog=64)
            started.set()

        def run():
            asyncio.set_event_loop(self.loop)
            self.loop.create_task(listen())
            self.loop.run_forever()

        threading.Thread(target=run, daemon=True).start()
        started.wait()


def landed(args, count):
    """A workspace in which `count` bodies wait, landed by `vigie collect` itself, and the folder of the same bodies."""
    folder = bodies.write(args.recordings, count, args.work / f"bodies-{count}", args.seed)
    template = args.work / f"landed-{count}"
    if (template / ".complete").exists():
        return folder, template
    files = sorted(folder.glob("*.json"))
    waiting = iter(files)
    feed = Feed(["127.0.0.1"], lambda _host, _path: next(waiting).read_bytes())
    new_workspace(args, template, [VELIB], {VELIB: f"http://127.0.0.1:{feed.port}"})
    for k in range(len(files)):
        Ran([args.vigie, "--dir", template, "--now", rfc3339(bodies.fetched_at(k)), "collect", VELIB])
        if k % 500 == 499:
            note(f"landed {k + 1} of {len(files)}")
    (template / ".complete").touch()
    return folder, template


def restored(args, template):
    """A copy of a workspace, in the page cache. Raw files are never written again, only deleted: they are links, and take no room."""
    workspace = args.work / "workspace"
    shutil.rmtree(workspace, ignore_errors=True)
    subprocess.run(["cp", "-al", template, workspace], check=True)
    for path in workspace.rglob("*.db*"):
        shutil.copy2(path, copy := path.with_name(path.name + ".copy"))
        copy.replace(path)
    settle()
    return workspace


def raw_files(workspace):
    return [p for p in pathlib.Path(workspace, "data/raw").rglob("*") if p.is_file()]


def check_figures(args, workspace, folder):
    """The store holds what the bodies say, each report once."""
    expected = json.loads((folder / ".complete").read_text())
    out = Ran([args.vigie, "--dir", workspace, "export", "summaries", "--source", VELIB]).out
    rows = [row for row in csv.DictReader(io.StringIO(out)) if row["measure"] == "bikes"]
    found = {"reports": sum(int(r["count"]) for r in rows), "bikes": round(sum(float(r["sum"]) for r in rows))}
    if found != expected:
        raise SystemExit(f"the store says {found}, the bodies {expected}")


def summarize_once(args, template, folder, cores, now, check=False):
    workspace = restored(args, template)
    ran = Ran([args.vigie, "--dir", workspace, "--now", rfc3339(now), "summarize"], cores)
    left = raw_files(workspace)
    if left:
        raise SystemExit(f"{len(left)} raw files are left, such as {left[0]}: {ran.out}")
    if check:
        check_figures(args, workspace, folder)
    ran.store_mb = size_of(workspace / "data/vigie.db", workspace / "data/vigie.db-wal") / MB
    return ran


# Summarise, against the peers


def peers_python(args):
    """A virtual environment with the peers, made at the first run."""
    python = args.work / "venv/bin/python"
    if not python.exists():
        note("installing the peers")
        subprocess.run([sys.executable, "-m", "venv", args.work / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "-q", "install", *PEERS], check=True)
    return python


def summarize(args):
    python = peers_python(args)
    folder, template = landed(args, args.bodies)
    total = sum(p.stat().st_size for p in folder.glob("*.json")) / MB
    hour_later = bodies.fetched_at(args.bodies)
    week_later = hour_later + datetime.timedelta(days=7)
    versions = Ran([python, "-m", "pip", "list", "--format=freeze"]).out.split()
    print(f"{args.bodies} bodies, {total:.0f} MB; {args.rounds} rounds; {' '.join(v for v in versions if v.split('==')[0] in PEERS)}\n")
    for cores in args.cores:
        threads = len(cores.split(","))
        taken = {}
        for round_ in range(args.rounds):
            ran = summarize_once(args, template, folder, cores, hour_later, check=round_ == 0)
            taken.setdefault("vigie summarize", []).append((ran.wall, ran.cpu, ran.peak_mb))
            ran = summarize_once(args, template, folder, cores, week_later, check=round_ == 0)
            taken.setdefault("vigie summarize, and seal every bucket", []).append((ran.wall, ran.cpu, ran.peak_mb))
            for peer in [] if args.no_peers else ["duckdb", "polars", "pandas", "simdjson"]:
                ran = Ran([python, HERE / "peers.py", peer, folder, threads], cores)
                said = json.loads(ran.out)
                name = "simdjson, parsing alone" if peer == "simdjson" else peer
                taken.setdefault(name, []).append((said["wall_seconds"], said["cpu_seconds"], ran.peak_mb))
            note(f"cores {cores}: round {round_ + 1} of {args.rounds}")
        medians = {name: [median(v) for v in zip(*runs)] for name, runs in taken.items()}
        wall, cpu, _ = medians["vigie summarize"]
        table(
            [f"{threads} core{'s' if threads > 1 else ''}", "wall s", "processor s", "peak MB", "wall ÷ Vigie", "processor ÷ Vigie"],
            [
                (name, f"{w:.3f}", f"{c:.3f}", f"{p:.0f}", f"{w / wall:.2f}", f"{c / cpu:.2f}")
                for name, (w, c, p) in medians.items()
            ],
        )


def linear(args):
    """Cost per byte from 0.1 GB on."""
    rows = []
    for gigabytes in args.gigabytes:
        count = max(1, round(gigabytes * 1e9 / 604_800))
        folder, template = landed(args, count)
        total = sum(p.stat().st_size for p in folder.glob("*.json"))
        runs = [
            summarize_once(args, template, folder, args.cores[0], bodies.fetched_at(count), check=round_ == 0)
            for round_ in range(args.rounds)
        ]
        wall, cpu = median([r.wall for r in runs]), median([r.cpu for r in runs])
        rows.append(
            (
                f"{total / 1e9:.2f} GB",
                count,
                f"{wall:.2f}",
                f"{cpu:.2f}",
                f"{cpu / total * 1e9:.2f}",
                f"{max(r.peak_mb for r in runs):.0f}",
                f"{runs[-1].store_mb:.0f}",
            )
        )
        note(str(rows[-1]))
        if gigabytes > 2 and not args.keep:
            for path in [folder, template, args.work / "workspace"]:
                shutil.rmtree(path)
    table(["bytes", "bodies", "wall s", "processor s", "processor s per GB", "peak MB", "store MB"], rows)


# Collect


def own_source(name, url, seconds=60, rows="[*]"):
    return f"""
id = "{name}"
domain = "weather"
docs = "http://127.0.0.1/"
title = {{ fr = "{name}", en = "{name}" }}
description = {{ fr = "banc d’essai", en = "benchmark" }}
content = {{ fr = "banc d’essai", en = "benchmark" }}
periodicity = {{ fr = "banc d’essai", en = "benchmark" }}
provider = {{ name = "bench", url = "http://127.0.0.1/" }}
zones = {{ earth = true }}
schedule = {{ collect = "{seconds}s", publishes = "{seconds}s", stale_after = "1d" }}
access = {{ kind = "open" }}
rights = {{ licence = "CC0-1.0", url = "http://127.0.0.1/", attribution = "bench", archive = "allowed", republish = "allowed" }}
request = {{ url = "{url}" }}
format = {{ kind = "json" }}
rows = {{ model = "observations", select = "{rows}", horizon = "2d" }}
[fields]
entity = "station"
observed_at = {{ path = "at", format = "epoch_s" }}
[measures.temperature]
title = {{ fr = "t", en = "t" }}
path = "t"
unit = "Cel"
"""


def address(index):
    """Each source has a host of its own, so that the limit per host holds nobody back."""
    return f"127.0.{1 + index // 200}.{1 + index % 200}"


def small_body(entities=10):
    at = int(time.time())
    return json.dumps([{"station": f"S{i}", "at": at - i, "t": (at + i) % 40 / 2} for i in range(entities)]).encode()


def loopback(args, count, seconds=60):
    """A feed with `count` hosts, and a workspace whose sources are these."""
    feed = Feed([address(i) for i in range(count)], lambda _host, _path: small_body())
    names = [f"bench-{i:04}" for i in range(count)]
    urls = {name: f"http://{address(i)}:{feed.port}" for i, name in enumerate(names)}
    own = {name: own_source(name, f"{urls[name]}/{name}.json", seconds) for name in names}
    return feed, names, urls, new_workspace(args, args.work / "sources", names, urls, own)


def collect(args):
    """All sources due at once, against a loop of curl that neither flushes nor keeps a ledger."""
    feed, names, urls, template = loopback(args, args.sources)
    core, other = "0", "1"
    os.sched_setaffinity(0, {int(other)})  # the server's
    loop = " ".join(f"curl -s -o {args.work}/curl/{n}.json {urls[n]}/{n}.json;" for n in names)
    taken = {}
    for round_ in range(args.rounds):
        workspace = restored(args, template)
        asked = feed.requests
        ran = Ran([args.vigie, "--dir", workspace, "collect", "--due"], core)
        got = [p for p in raw_files(workspace) if not p.name.endswith(".manifest.json")]
        ledger = Ran([args.vigie, "--dir", workspace, "export", "captures"]).out.count(",landed,")
        if not len(got) == ledger == feed.requests - asked == args.sources:
            raise SystemExit(f"{len(got)} landed, {ledger} in the ledger, {feed.requests - asked} asked: {ran.out[-500:]}")
        taken.setdefault("vigie collect --due", []).append((ran.wall, ran.cpu, ran.peak_mb))
        shutil.rmtree(args.work / "curl", ignore_errors=True)
        (args.work / "curl").mkdir()
        settle()
        ran = Ran(["bash", "-c", loop], core)
        taken.setdefault("a loop of curl, without flushing", []).append((ran.wall, ran.cpu, ran.peak_mb))
        note(f"round {round_ + 1} of {args.rounds}")
    rows = [(name, *(f"{median(v):.2f}" for v in zip(*runs))) for name, runs in taken.items()]
    table([f"{args.sources} sources", "wall s", "processor s", "peak MB"], rows)


def process_use(pid):
    """Processor seconds, resident and largest resident MB of a live process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    kb = {k: int(re.search(rf"{k}:\s+(\d+)", status)[1]) for k in ("VmRSS", "VmHWM")}
    return cpu, kb["VmRSS"] * 1024 / MB, kb["VmHWM"] * 1024 / MB


def up(args):
    """`vigie up` with sources that are asked every minute."""
    feed, _names, _urls, workspace = loopback(args, args.sources)
    command = ["taskset", "-c", "0", args.vigie, "--dir", workspace, "up", "--listen", "127.0.0.1:0"]
    with open(args.work / "up.log", "wb") as log:
        process = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log)
        try:
            time.sleep(5)
            begun, (cpu, _, _), asked = time.perf_counter(), process_use(process.pid), feed.requests
            resident = []
            while time.perf_counter() - begun < args.seconds and process.poll() is None:
                time.sleep(min(1, args.seconds))
                resident.append(process_use(process.pid)[1])
            end, _, peak = process_use(process.pid)
            wall = time.perf_counter() - begun
        finally:
            process.terminate()
            stopping = time.perf_counter()
            process.wait(30)
    print(f"`vigie up`, {args.sources} sources a minute, for {wall:.0f} s: {feed.requests - asked} requests\n")
    table(
        ["share of one core", "resident MB, median", "at the end", "peak", "ended after SIGTERM s"],
        [
            (
                f"{100 * (end - cpu) / wall:.2f} %",
                f"{median(resident):.1f}",
                f"{resident[-1]:.1f}",
                f"{peak:.1f}",
                f"{time.perf_counter() - stopping:.2f}",
            )
        ],
    )


# Growth


def growth(args):
    """Day after simulated day: what a day costs, and what the store holds."""
    names = [f"bench-{i:04}" for i in range(args.sources)]
    own = {name: own_source(name, f"http://127.0.0.1/{name}.json", 86_400 // args.bodies_a_day) for name in names}
    workspace = new_workspace(args, args.work / "growth", names, own=own)
    if args.keep_days:
        settings = workspace / "vigie.toml"
        keep = f"[store]\nkeep_summaries_days = {args.keep_days}\nkeep_events_days = {args.keep_days}\n"
        settings.write_text(settings.read_text().replace("[store]\n", keep, 1))
    first = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
    files = [workspace / "data" / name for name in ("vigie.db", "vigie.db-wal", "ledger.db", "ledger.db-wal")]
    day_folder, rows, before = args.work / "growth-day", [], 0
    between = 86_400 // args.bodies_a_day
    for day in range(args.days):
        shutil.rmtree(day_folder, ignore_errors=True)
        for number, name in enumerate(names):
            (day_folder / name).mkdir(parents=True)
            for k in range(args.bodies_a_day):
                at = int((first + datetime.timedelta(days=day, seconds=(k + 1) * between - 60)).timestamp())
                body = [
                    {"station": f"S{e}", "at": at - m * 600, "t": ((at // 600 - m) * 7 + e * 3 + number) % 400 / 10}
                    for e in range(args.entities)
                    for m in range(between // 600)
                ]
                stamp = f"{datetime.datetime.fromtimestamp(at, datetime.timezone.utc):%Y%m%dT%H%M%SZ}"
                (day_folder / name / f"{stamp}.json").write_text(json.dumps(body))
        ran = Ran([args.vigie, "--dir", workspace, "replay", day_folder], args.cores[0])
        size = size_of(*files)
        rows.append((day + 1, ran.wall, ran.cpu, ran.peak_mb, size / MB, (size - before) / MB))
        before = size
        if day % 30 == 0:
            note(f"day {day + 1}: {ran.cpu:.2f} s of processor, {ran.peak_mb:.0f} MB, store and ledger {size / MB:.1f} MB")
    shown, step = [], max(1, args.days // 12)
    for start in range(0, args.days, step):
        part = rows[start : start + step]
        shown.append(
            (
                f"{part[0][0]}–{part[-1][0]}",
                f"{median([r[1] for r in part]):.2f}",
                f"{median([r[2] for r in part]):.2f}",
                f"{max(r[3] for r in part):.0f}",
                f"{part[-1][4]:.1f}",
                f"{1000 * median([r[5] for r in part]):.0f}",
            )
        )
    kept = f", summaries kept {args.keep_days} days" if args.keep_days else ""
    print(f"{args.sources} sources, {args.bodies_a_day} bodies a day of {args.entities} entities every ten minutes{kept}\n")
    table(["days", "wall s a day", "processor s a day", "peak MB", "store and ledger MB", "more kB a day"], shown)


# The page


class Server:
    """`vigie serve` or `vigie up` on a workspace, until the end of the block."""

    def __init__(self, args, workspace, *command):
        self.log = args.work / "server.log"
        everything = [args.vigie, "--dir", workspace, *command, "--listen", "127.0.0.1:0"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(c) for c in everything], stdout=log, stderr=log)

    def __enter__(self):
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", self.log.read_text())):
            if self.process.poll() is not None:
                raise SystemExit(self.log.read_text())
            time.sleep(0.1)
        self.port = int(found[1])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)


def of_limits(workspace, **limits):
    """Lifts the limits of one client, which here is all of them."""
    settings = workspace / "vigie.toml"
    lines = "".join(f"{key} = {value}\n" for key, value in limits.items())
    text = settings.read_text()
    if "[serve]\n" in text:
        settings.write_text(text.replace("[serve]\n", "[serve]\n" + lines, 1))
    else:
        settings.write_text(text.replace("\n[sources.", f"\n[serve]\n{lines}\n[sources.", 1))


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def serve(args):
    """What the page asks for, of the workspace that `growth` left behind."""
    grown = args.work / "growth"
    if not grown.exists():
        raise SystemExit("run `bench.py growth` first: its workspace is read")
    workspace = args.work / "served"
    shutil.rmtree(workspace, ignore_errors=True)
    subprocess.run(["cp", "-a", grown, workspace], check=True)
    of_limits(workspace, requests_per_second_max=10_000)
    last = datetime.date(2025, 1, 1) + datetime.timedelta(days=args.days - 1)
    first = last - datetime.timedelta(days=364)
    year = f"/api/v1/series?source=bench-0000&measure=temperature&entity=S0&from={first}&to={last}"
    rows = []
    with Server(args, workspace, "--now", f"{last}T22:00:00Z", "serve") as server:
        for name, path in [
            ("a day of all sources", "/api/v1/day"),
            ("a day of one source", "/api/v1/day/bench-0000"),
            ("a year of one series, by day", year + "&step=day"),
            ("the same, all its entities together", year.replace("&entity=S0", "") + "&step=day"),
            ("a year of one series, by hour", year + "&step=hour"),
            ("the sources", "/api/v1/measures"),
        ]:
            connection = http.client.HTTPConnection("127.0.0.1", server.port)
            took, size = [], 0
            for number in range(args.requests + 20):
                begun = time.perf_counter()
                connection.request("GET", path)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    raise SystemExit(f"{path}: {answer.status} {body[:300]}")
                # The first ones find nothing in memory; the days before are read in the background.
                if number == 0:
                    cold = 1000 * (time.perf_counter() - begun)
                elif number >= 20:
                    took.append(1000 * (time.perf_counter() - begun))
                size = len(body)
            rows.append((name, f"{cold:.1f}", f"{median(took):.1f}", f"{quantile(took, 0.95):.1f}", f"{size / 1000:.0f}"))
            note(str(rows[-1]))
        _, resident, peak = process_use(server.process.pid)
    print(f"{args.requests} requests each, one after the other; {resident:.0f} MB resident at the end, {peak:.0f} at the peak\n")
    table(["asked for", "first ms", "median ms", "p95 ms", "kB"], rows)


def streams(args):
    """From the end of a download to the message in every open page."""
    given = {}

    def answer(_host, path):
        given.setdefault(path.strip("/").removesuffix(".json"), []).append(time.perf_counter())
        return small_body()

    feed, names, urls, workspace = loopback(args, args.sources, args.every)
    feed.answer = answer
    of_limits(workspace, streams_max=2 * args.streams + 10, requests_per_second_max=10_000)
    reader = [sys.executable, HERE / "pages.py"]
    with Server(args, workspace, "up") as server:
        command = [str(c) for c in (*reader, server.port, args.streams)]
        pages = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if pages.stdout.readline() != "open\n":
            raise SystemExit("the streams could not be opened")
        cpu, _, _ = process_use(server.process.pid)
        begun = time.perf_counter()
        time.sleep(args.seconds)
        end, resident, peak = process_use(server.process.pid)
        wall = time.perf_counter() - begun
        messages = pages.communicate()[0].splitlines()
    heard = {}
    for line in messages:
        page, name, at = line.split()
        heard.setdefault((page, name), []).append(float(at))
    # The first message after each download; what follows tells of its summary.
    took = []
    for (_page, name), times in heard.items():
        for download, next_one in zip(given[name], [*given[name][1:], math.inf]):
            first = next((at for at in times if download <= at < next_one), None)
            if first is not None:
                took.append(1000 * (first - download))
    print(f"{args.streams} open pages, {args.sources} sources every {args.every} s, {wall:.0f} s, {len(took)} messages\n")
    table(
        ["median ms", "p95 ms", "p99 ms", "share of one core", "resident MB", "peak MB"],
        [
            (
                *(f"{quantile(took, share):.0f}" for share in (0.5, 0.95, 0.99)),
                f"{100 * (end - cpu) / wall:.0f} %",
                f"{resident:.0f}",
                f"{peak:.0f}",
            )
        ],
    )


def main():
    root = HERE.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    parser.add_argument("--vigie", type=pathlib.Path, default=target / "release/vigie")
    parser.add_argument("--work", type=pathlib.Path, default=target / "bench")
    parser.add_argument("--recordings", default=os.environ.get("VIGIE_RECORDINGS"), help="default: $VIGIE_RECORDINGS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(run, **options):
        made = commands.add_parser(run.__name__, help=run.__doc__)
        made.set_defaults(run=run)
        for name, default in options.items():
            many = isinstance(default, list)
            kind = type(default[0] if many else default)
            if kind is bool:
                made.add_argument(f"--{name.replace('_', '-')}", action="store_true")
            else:
                made.add_argument(f"--{name.replace('_', '-')}", type=kind, default=default, nargs="+" if many else None)

    summarize.__doc__ = "the Vélib bodies, against DuckDB, polars, pandas and simdjson"
    command(summarize, bodies=500, cores=["0", "0,1"], no_peers=False)
    command(linear, gigabytes=[0.1, 1.0, 10.0], cores=["0"], keep=False)
    command(collect, sources=1000)
    command(up, sources=50, seconds=180)
    command(growth, days=365, sources=50, bodies_a_day=4, entities=5, keep_days=0, cores=["0"])
    command(serve, days=365, requests=200)
    command(streams, streams=1000, sources=10, every=10, seconds=60)
    args = parser.parse_args()
    if args.command in ("summarize", "linear") and not args.recordings:
        raise SystemExit("--recordings, or VIGIE_RECORDINGS, says where the recorded bodies are")
    args.vigie, args.work = args.vigie.absolute(), args.work.absolute()
    args.work.mkdir(parents=True, exist_ok=True)
    args.run(args)


if __name__ == "__main__":
    main()
