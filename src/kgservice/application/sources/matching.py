"""Matching what the sources hold with the graph, and taking over what is linked: one run over all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC
from itertools import islice
from typing import Any

import duckdb
from pyoxigraph import Literal

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links import customers as link_customers
from kgservice.application.links import records as link_records
from kgservice.application.links.proposing import Proposed, propose
from kgservice.application.sources import packages as crm_packages
from kgservice.application.sources.records import Taken, take
from kgservice.application.sources.rows import RowsTaken, take_rows
from kgservice.crm import registry, spark
from kgservice.crm.becoming import TABLES, Becoming
from kgservice.crm.canonical import CANONICAL, KINDS
from kgservice.crm.canonical_tables import beside, opened
from kgservice.crm.settings import Source
from kgservice.domain.assignment import Decided, assign
from kgservice.domain.change import LOCAL, Origin
from kgservice.domain.crm_field import OPT_OUT, Side, Taking, Unmatched
from kgservice.domain.link import Run, State
from kgservice.domain.matching import Band, Pair, RecordId
from kgservice.domain.question import with_values
from kgservice.namespaces import CI
from kgservice.tabular.sandbox import quoted

Progress = Callable[[str, int, int], None]
"""Called with what is done (a kind, or the name of a source), how much of it, and how much there is."""
_AT_ONCE = 1_000


@dataclass(slots=True)
class Matched:
    """What a run did: the links of each kind, and the rows of each source and canonical table taken over."""

    links: dict[str, Proposed] = field(default_factory=dict)
    records: dict[str, dict[str, Taken | RowsTaken]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """It as JSON."""
        return {
            "links": {kind: _told(proposed) for kind, proposed in self.links.items()},
            "records": {
                name: {kind: _told(taken) for kind, taken in of.items()} for name, of in self.records.items()
            },
        }


def _told(counts: Proposed | Taken | RowsTaken) -> dict[str, Any]:
    refused = [{"source": one.source, "key": one.key, "reason": reason} for one, reason in counts.refused]
    return {**asdict(counts), "refused": refused}


def match(
    kg: KnowledgeGraph,
    *,
    by: Origin = LOCAL,
    told: Progress = lambda _what, _done, _all: None,
) -> Matched:
    """Compare the records of all sources with the customers of the graph, and write what follows.

    Links are proposed, or accepted by rule; then the records of accepted links are taken over. Where nothing
    has changed, nothing is written. Raises `BadInput` when packages are missing, `NotFound` when nothing was
    synchronised, `Conflict` while a source is being synchronised.
    """
    crm_packages.check_matching()
    if kg.settings.matching_engine == "spark":
        crm_packages.check_spark()
    folder = kg.settings.crm_folder
    done = Matched()
    with opened(folder, read_only=True) as held:
        names = {name for (name,) in held.execute(_SOURCES).fetchall()}
    sources = {name: registry.find(folder, name) for name in registry.names(folder)}
    with _scoring(kg) as score:
        for kind in KINDS:
            with _compared(kg, kind) as db:
                done.links[kind] = _linked(kg, kind, db, sources, score, by=by, told=told)
    for name in sorted(names & sources.keys()):
        taking = _taking(sources[name])
        done.records[name] = {kind: _taken(kg, kind, taking, by, told) for kind in KINDS}
    for name in sorted(names & sources.keys()):
        becoming = sources[name].becoming
        if becoming is not None:
            for table in (one for one in TABLES if one in becoming.constructs):
                done.records[name][table] = _rows_taken(kg, table, name, becoming, by=by, told=told)
    return done


_SOURCES = (
    "SELECT source FROM persons UNION SELECT source FROM organisations UNION SELECT source FROM changes"
)


@contextmanager
def _scoring(kg: KnowledgeGraph) -> Iterator[spark.Score]:
    """What scores pairs in a run: DuckDB, or Spark where the settings say so."""
    from kgservice.crm.matching import Matching  # noqa: PLC0415 - it needs optional packages

    if kg.settings.matching_engine == "spark":
        with spark.scoring(kg.settings.crm_folder) as score:
            yield score
    else:
        yield Matching.score


@contextmanager
def _compared(kg: KnowledgeGraph, kind: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory with the canonical table of a kind: of the sources, and of the graph."""
    import pyarrow as pa  # noqa: PLC0415 - an optional package

    columns = CANONICAL[kind]
    with beside(kg.settings.crm_folder) as db:
        db.execute(
            f"CREATE TABLE {quoted(kind)} AS SELECT * FROM held.{quoted(kind)} "  # noqa: S608
            "WHERE NOT coalesce(deleted, false)"
        )
        db.execute(
            f"CREATE TABLE departed AS SELECT source, key FROM held.{quoted(kind)} WHERE deleted"  # noqa: S608
        )
        db.execute(_DEPARTED, [kind])
        db.execute("DETACH held")
        found = link_customers.customers(kg, kind)
        while some := list(islice(found, _AT_ONCE)):
            table = pa.table({name: [row[name] for row in some] for name in columns})
            db.register("customers", table)
            db.execute(f"INSERT INTO {quoted(kind)} FROM customers")
            db.unregister("customers")
        yield db


def _linked(
    kg: KnowledgeGraph,
    kind: str,
    db: duckdb.DuckDBPyConnection,
    sources: Mapping[str, Source],
    score: spark.Score,
    *,
    by: Origin,
    told: Progress,
) -> Proposed:
    """Score the pairs of a kind, and propose what follows from them."""
    # They need optional packages, and a second to import.
    from kgservice.crm.kept_models import keep  # noqa: PLC0415
    from kgservice.crm.matching import GRAPH, Matching  # noqa: PLC0415
    from kgservice.crm.normalise import normalise, prepare  # noqa: PLC0415
    from kgservice.crm.pairs import contradicting, read_pairs, read_weights  # noqa: PLC0415

    name, started, state = quoted(kind), kg.clock(), kg.head
    records = db.execute(f"SELECT source, key FROM {name} WHERE source <> ? ORDER BY ALL", [GRAPH]).fetchall()  # noqa: S608
    covered = [RecordId(*row) for row in records]
    told(kind, 0, len(covered))
    prepare(db)
    normalise(db, kind)
    matching = Matching(db, kind)
    model = matching.model()
    keep(kg.settings.crm_folder, model)
    trained, bands, weighed = model.frequencies, link_customers.bands(kg), list[Pair]()
    apart: set[frozenset[RecordId]] = set()
    if matching.block():
        score(matching, model, bands.candidate)
        weighed = list(read_weights(db, kind, trained=trained))
        apart = set() if trained else contradicting(db, kind)
    unique = [one.name for one in sources.values() if one.duplicate_free]
    decided = _decided(kg, kind, weighed)
    assigned = assign(weighed, decided=decided, unique=unique, apart=apart, bands=bands)
    sure = {(a.pair.record, a.pair.customer) for a in assigned if a.band is Band.ACCEPTED}
    run = Run(model.described, state, started, kg.clock())
    return propose(
        kg,
        run,
        read_pairs(db, kind, model, only=[a.pair for a in assigned]) if assigned else (),
        by=by,
        covered=covered,
        gone=_gone(kg, db),
        sure=sure,
        told=lambda count, of: told(kind, count, of),
    )


def _gone(kg: KnowledgeGraph, db: duckdb.DuckDBPyConnection) -> list[RecordId]:
    """The records with candidates that their sources hold no more, or have marked as deleted."""
    terms = {"decision": link_records.DECISIONS[State.CANDIDATE]}
    rows = kg.select(with_values(_OFFERED, terms)).rows
    offered = {
        RecordId(source.value, key.value)
        for source, key in rows
        if isinstance(source, Literal) and isinstance(key, Literal)
    }
    departed = db.execute("SELECT source, key FROM departed ORDER BY ALL").fetchall() if offered else ()
    return [one for one in (RecordId(*row) for row in departed) if one in offered]


def _decided(kg: KnowledgeGraph, kind: str, pairs: list[Pair]) -> Decided:
    """What stands of the links of the records that have a pair."""
    ids = list(dict.fromkeys(pair.record for pair in pairs))
    accepted, rejected = set(), set()
    for start in range(0, len(ids), _AT_ONCE):
        for record, links in link_records.of_records(kg, ids[start : start + _AT_ONCE]).items():
            for link in links:
                if link.kind != kind:
                    continue
                if link.standing.state is State.REJECTED:
                    rejected.add((record, link.customer))
                elif link.standing.state is State.ACCEPTED:
                    accepted.add((record, link.customer))
    return Decided(frozenset(accepted), frozenset(rejected))


def _taking(source: Source) -> Taking:
    rules = {name: Side(side) for name, side in source.rules.items()}
    opt_out = frozenset(source.opt_out) or OPT_OUT
    return Taking(source.name, rules, unmatched=Unmatched(source.unmatched), opt_out=opt_out)


def _taken(kg: KnowledgeGraph, kind: str, taking: Taking, by: Origin, told: Progress) -> Taken:
    """Take over the records of a source."""
    with opened(kg.settings.crm_folder, read_only=True) as db:
        rows = list(_rows(db, kind, taking.source))
    return take(kg, kind, rows, taking, by=by, told=lambda count: told(taking.source, count, len(rows)))


def _rows_taken(
    kg: KnowledgeGraph, table: str, source: str, becoming: Becoming, *, by: Origin, told: Progress
) -> RowsTaken:
    """Take over the tickets, deals or preferences of a source."""
    with opened(kg.settings.crm_folder, read_only=True) as db:
        rows = list(_rows(db, table, source))
        came = dict(db.execute(_CAME, [source, table]).fetchall())
    now = kg.clock()
    dated = [(row, came.get(row["key"], now).replace(tzinfo=UTC)) for row in rows]
    heard = f"{source} {table}"
    return take_rows(kg, table, dated, becoming, by=by, told=lambda count: told(heard, count, len(rows)))


def _rows(db: duckdb.DuckDBPyConnection, kind: str, source: str) -> Iterator[dict[str, object]]:
    """The rows of a source, and those that it holds no more, as deleted ones."""
    columns = CANONICAL[kind]
    listed = ", ".join(map(quoted, columns))
    held = db.execute(f"SELECT {listed} FROM {quoted(kind)} WHERE source = ? ORDER BY key", [source])  # noqa: S608
    for row in held.fetchall():
        yield dict(zip(columns, row, strict=True))
    gone = db.execute(_GONE, [source, kind]).fetchall()
    empty: dict[str, object] = {name: [] if of.endswith("[]") else None for name, of in columns.items()}
    for key, moment in gone:
        yield {**empty, "source": source, "key": key, "deleted": True, "updated": moment}


_GONE = """SELECT key, moment FROM changes LEFT JOIN runs USING (run, source)
WHERE source = ? AND kind = ? AND change = 'gone' ORDER BY key"""
_DEPARTED = """INSERT INTO departed
SELECT source, key FROM held.changes WHERE kind = ? AND change = 'gone'"""
_OFFERED = f"""PREFIX ci: <{CI}> SELECT DISTINCT ?source ?key {{ VALUES ?decision {{ UNDEF }}
  ?link ci:decision ?decision ; ci:recordSource ?source ; ci:recordKey ?key }}"""
# When each row came as it is.
_CAME = """SELECT key, date_trunc('second', moment) FROM changes JOIN runs USING (run, source)
WHERE source = ? AND kind = ?"""
