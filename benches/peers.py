"""One peer, once: `peers.py NAME FOLDER THREADS` groups the bodies of a folder by station and hour, with count, minimum,
maximum, mean and sum of four measures, and prints what it took as JSON. The clock starts after the imports.

Each peer does it in the fastest way that we found: only the columns needed, with their types declared, and the hour as the
provider writes it (local), so that nobody converts time zones. None of them checks, commits or deletes anything, or drops
the reports that are repeated.
"""

import json
import os
import pathlib
import sys
import time

MEASURES = ["numbikesavailable", "mechanical", "ebike", "numdocksavailable"]


def duckdb_(folder, threads):
    import duckdb

    columns = "stationcode: 'VARCHAR', duedate: 'TIMESTAMP', " + ", ".join(f"{m}: 'INTEGER'" for m in MEASURES)
    wanted = ", ".join(f"count({m}), min({m}), max({m}), avg({m}), sum({m})" for m in MEASURES)
    query = (
        f"SELECT stationcode, date_trunc('hour', duedate) AS hour, {wanted} "
        f"FROM read_json('{folder}/*.json', format = 'array', columns = {{{columns}}}) GROUP BY ALL"
    )

    def run():
        connection = duckdb.connect()
        connection.execute(f"SET threads = {threads}")
        found = connection.execute(query).fetchnumpy()
        return len(found["hour"]), int(found["sum(numbikesavailable)"].sum())

    return run


def polars(folder, threads):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars as pl

    schema = {"stationcode": pl.String, "duedate": pl.String, **dict.fromkeys(MEASURES, pl.Int64)}

    def run():
        read = pl.concat([pl.read_json(path, schema=schema) for path in sorted(pathlib.Path(folder).glob("*.json"))])
        found = read.group_by("stationcode", pl.col("duedate").str.slice(0, 13).alias("hour")).agg(
            *(getattr(pl.col(m), f)().alias(f"{m}_{f}") for m in MEASURES for f in ("count", "min", "max", "mean", "sum"))
        )
        return found.height, int(found["numbikesavailable_sum"].sum())

    return run


def pandas(folder, _threads):
    import pandas as pd

    def run():
        columns = ["stationcode", "duedate", *MEASURES]
        read = pd.concat(
            pd.DataFrame.from_records(json.loads(path.read_bytes()), columns=columns)
            for path in sorted(pathlib.Path(folder).glob("*.json"))
        )
        read["hour"] = read["duedate"].str.slice(0, 13)
        found = read.groupby(["stationcode", "hour"])[MEASURES].agg(["count", "min", "max", "mean", "sum"])
        return len(found), int(found[("numbikesavailable", "sum")].sum())

    return run


def simdjson(folder, _threads):
    import simdjson

    def run():
        parser, rows = simdjson.Parser(), 0
        for path in sorted(pathlib.Path(folder).glob("*.json")):
            document = parser.parse(path.read_bytes())
            rows += len(document)
            del document  # the parser keeps one document at a time
        return rows, None

    return run


PEERS = {"duckdb": duckdb_, "polars": polars, "pandas": pandas, "simdjson": simdjson}

if __name__ == "__main__":
    name, folder, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    run = PEERS[name](folder, threads)
    cpu, wall = time.process_time(), time.perf_counter()
    groups, bikes = run()
    print(
        json.dumps(
            {
                "wall_seconds": time.perf_counter() - wall,
                "cpu_seconds": time.process_time() - cpu,
                "groups": groups,
                "bikes": bikes,
            }
        )
    )
