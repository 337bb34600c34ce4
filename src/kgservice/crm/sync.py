"""Synchronising a source: read, clean, compare, and change the canonical tables in one transaction."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import astuple, dataclass, field
from itertools import islice
from pathlib import Path

import duckdb

from kgservice.crm import canonical_tables as tables
from kgservice.crm import erased_rows, gone, known_columns
from kgservice.crm.canonical import CANONICAL
from kgservice.crm.canonical_tables import Difference, State
from kgservice.crm.cleaned import Cleaned, Reject, place, unplaced
from kgservice.crm.cleaning import Cleaning
from kgservice.crm.credentials import resolve
from kgservice.crm.erased_rows import Erased
from kgservice.crm.extract import Delivered, Progress, extract, reading, silent
from kgservice.crm.reserved import reserved
from kgservice.crm.rows import Columns, Since
from kgservice.crm.settings import Source, Table
from kgservice.crm.work import clear, working
from kgservice.domain.clock import Clock, system_clock
from kgservice.errors import Conflict
from kgservice.tabular.sandbox import quoted


@dataclass(frozen=True, slots=True)
class TableCounts:
    """The rows of one table of the source: `read` is the sum of the others."""

    read: int
    taken: int
    repeated: int
    rejected: int


@dataclass(slots=True)
class SyncSummary:
    """What a run did.

    `run` is its number, 0 if nothing has changed. `read` is false if files and settings are what they were,
    so that nothing was read. `tables` counts the source's rows, `changes` those of the canonical tables;
    `rejects` are all rows of the source that are refused now; `ignored` are columns that are not known and
    were not there when the table was last read.
    """

    source: str
    run: int = 0
    read: bool = True
    tables: dict[str, TableCounts] = field(default_factory=dict)
    changes: dict[str, Difference] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    ignored: dict[str, list[str]] = field(default_factory=dict)


def _silent(_name: str, _done: int, _total: int) -> None:
    """No progress is shown."""


def sync(
    source: Source,
    folder: Path,
    progress: Progress | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    allow_empty: bool = False,
    erased: Erased = erased_rows.nobody,
    clock: Clock = system_clock,
    seconds: float = 300.0,
) -> SyncSummary:
    """Bring the canonical tables in `folder` to what the source holds now.

    Only what has changed is read where the source can tell, and only what differs is written, in one
    transaction at the end: a run that breaks off changes nothing. `erased` tells whose rows are refused since
    they were erased here; the SQL of each table may take `seconds`. Raises `Unauthorised` when credentials
    are refused, `SourceFailed` when the source does not answer or breaks off, `BadInput` when it is not what
    the settings say, `DeadlineExceeded` when the SQL was stopped, `Conflict` when another run is at work,
    when a table has no longer the columns that it had, or when a source that had rows has none now and
    `allow_empty` does not allow that.
    """
    secrets = resolve(source.credentials, source.secrets, source.name, environ)
    folder = folder.resolve()  # dlt takes a relative one for one within its own
    with tables.opened(folder) as db:
        clear(folder)
        state = tables.state_of(db, source.name)
        digest = _digest(source)
        same = state is not None and state.digest == digest
        earlier = tables.rejects_of(db, source.name)
        # Whom it has that were erased here, is told each time, and kept nowhere; that nothing is taken, too.
        again = any(one.reason == erased_rows.REASON for one in earlier) or (
            bool(earlier) and not any(tables.size_of(db, kind, source.name) for kind in CANONICAL)
        )
        if same and source.files and not again:
            return SyncSummary(source.name, read=False, rejects=earlier)
        before = state.cursors if state is not None and same else {}
        cursors = {t.name: before[t.name] for t in source.tables if t.cursor and t.name in before}
        since = {
            t.name: Since(cursors[t.name], _keys(db, source.name, t, earlier))
            for t in source.tables
            if t.name in cursors
        }
        with working(folder) as work:
            delivered = extract(source, secrets, since, work, progress or _silent)
            columns = state.columns if state is not None else {}
            known_columns.check(source, columns, delivered)
            with Cleaning(
                source,
                work / "raw.duckdb",
                headings={name: one.columns.found for name, one in delivered.items()},
                today=clock().date(),
                seconds=seconds,
            ) as cleaning:
                cleaned = list(cleaning.cleaned())
        for one in cleaned:
            erased_rows.refuse(one, source.name, erased, delivered[one.table.name].present or set())
        for one in cleaned:
            if one.cursor is not None:
                cursors = {**cursors, one.table.name: one.cursor}
        run = _Run(db, source, delivered, cleaned, earlier)
        run.stage(allow_empty=allow_empty)
        return run.commit(state, State(digest, cursors, known_columns.after(columns, delivered)), clock)


def look(source: Source, *, environ: Mapping[str, str] | None = None, most: int = 100) -> dict[str, Columns]:
    """Which columns of each table are recognised and which ignored, from its first rows.

    Raises as `sync` does for what cannot be read.
    """
    secrets = resolve(source.credentials, source.secrets, source.name, environ)
    found = {}
    with tempfile.TemporaryDirectory() as work, silent(Path(work)):
        for table in source.tables:
            read = reading(source, table, secrets, None)
            with closing(read.rows):
                for _row in islice(read.rows, most):
                    pass
            found[table.name] = read.columns()
    return found


def _digest(source: Source) -> str:
    """What decides how rows are read, and the content of the files if the source is in files."""
    digest = hashlib.sha256(source.digest.encode())
    for path in source.files:
        if path.is_file():
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _keys(db: duckdb.DuckDBPyConnection, source: str, table: Table, earlier: Iterable[Reject]) -> set[str]:
    """The keys of a table's rows that were taken, none of which was refused."""
    return set[str]().union(*(tables.keys_of(db, kind, source) for kind in table.primary)) - {
        one.key for one in earlier if one.key is not None and one.table == table.name and not one.taken
    }


class _Run:
    """One run in the database of the canonical tables."""

    def __init__(
        self,
        db: duckdb.DuckDBPyConnection,
        source: Source,
        delivered: Mapping[str, Delivered],
        cleaned: Sequence[Cleaned],
        earlier: Sequence[Reject],
    ) -> None:
        self._db = db
        self._source = source
        self._delivered = delivered
        self._cleaned = cleaned
        self._earlier = earlier
        self._still = self._kept(earlier)
        self._kinds = list(dict.fromkeys(kind for one in cleaned for kind in one.made))
        self._differences: dict[str, Difference] = {}

    def stage(self, *, allow_empty: bool) -> None:
        """Put what was made into temporary tables, and note what that changes."""
        for kind in self._kinds:
            parts = [one for one in self._cleaned if kind in one.made]
            parts.sort(key=lambda one: kind not in one.table.primary)
            staged = f"staged {kind}"
            self._db.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(staged)} AS FROM {quoted(kind)} LIMIT 0")
            theirs = set[str]()
            for one in parts:
                self._add(one, kind, staged, theirs)
                if kind in one.table.primary:
                    theirs |= self._reserved(one, kind)
            whole = all(self._delivered[one.table.name].complete for one in parts)
            if whole and not allow_empty and not any(one.rows for one in parts):
                there = tables.size_of(self._db, kind, self._source.name)
                if there:
                    raise Conflict(
                        "it has no rows now, and {there} {kind} would be gone; allow that if it is so",
                        there=there,
                        kind=kind,
                        source=self._source.name,
                    )
            gone.note(self._db, self._source.name, kind, parts, self._delivered)
            self._differences[kind] = tables.compare(self._db, kind, self._source.name, staged, gone.KEYS)

    def _reserved(self, one: Cleaned, kind: str) -> set[str]:
        refused, delivered = [*one.rejects, *self._still], self._delivered[one.table.name]
        return reserved(self._db, self._source.name, kind, one, delivered=delivered, refused=refused)

    def _add(self, one: Cleaned, kind: str, staged: str, theirs: Set[str]) -> None:
        """Add the rows that one table made; a key that is among `theirs`, or was added before, is refused.

        Rows of a table of their own come before what rows bring besides.
        """
        self._db.register("arriving", one.made[kind])
        others = f"SELECT key FROM {quoted(staged)} UNION ALL SELECT unnest($theirs)"  # noqa: S608
        given = {"theirs": sorted(theirs)}
        twice = self._db.execute(
            f"SELECT key FROM arriving WHERE key IN ({others}) ORDER BY key",  # noqa: S608
            given,
        ).fetchall()
        first = kind in one.table.primary
        where = one.table.name if first else f"{one.table.name}/{kind}"
        one.rejects += [
            Reject(where, 0, key, f"another table has {kind} of the key {key}", kind) for (key,) in twice
        ]
        one.taken -= len(twice) if first else 0
        self._db.execute(
            f"INSERT INTO {quoted(staged)} SELECT * FROM arriving "  # noqa: S608
            f"WHERE key NOT IN ({others})",
            given,
        )
        self._db.unregister("arriving")

    def commit(self, before: State | None, after: State, clock: Clock) -> SyncSummary:
        """Write what differs, all at once; nothing if nothing does."""
        summary = SyncSummary(self._source.name, changes=self._differences)
        known = before.columns if before is not None else {}
        for table in self._source.tables:
            if ignored := known_columns.fresh(known, table, self._delivered):
                summary.ignored[table.name] = ignored
        summary.rejects = sorted(
            {*self._still, *(r for one in self._cleaned for r in one.rejects)}, key=place
        )
        for one in self._cleaned:
            rejected = one.rows - one.taken - one.repeated
            summary.tables[one.table.name] = TableCounts(one.rows, one.taken, one.repeated, rejected)
        if (
            before == after
            and unplaced(erased_rows.kept(summary.rejects)) == unplaced(self._earlier)
            and not any(d.any for d in self._differences.values())
        ):
            return summary
        name = self._source.name
        self._db.begin()
        summary.run = tables.next_run(self._db)
        for kind in self._kinds:
            tables.apply(self._db, kind, name, f"staged {kind}", summary.run)
        self._db.execute("DELETE FROM rejects WHERE source = ?", [name])
        if summary.rejects:
            self._db.executemany(
                "INSERT INTO rejects VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(name, *astuple(r)) for r in erased_rows.kept(summary.rejects)],
            )
        self._db.execute("DELETE FROM state WHERE source = ?", [name])
        self._db.execute(
            "INSERT INTO state VALUES (?, ?, ?, ?)",
            [name, after.digest, json.dumps(after.cursors), json.dumps(after.columns)],
        )
        counts = {kind: [d.new, d.changed, d.gone] for kind, d in self._differences.items()}
        moment = clock().replace(tzinfo=None)
        self._db.execute(
            "INSERT INTO runs VALUES (?, ?, ?, ?)", [summary.run, name, moment, json.dumps(counts)]
        )
        self._db.commit()
        return summary

    def _kept(self, earlier: Sequence[Reject]) -> list[Reject]:
        """The rejects of before whose rows were not read again, as they have not changed."""
        kept = []
        for reject in earlier:
            one = next((c for c in self._cleaned if c.table.name == reject.table.partition("/")[0]), None)
            if one is None or reject.key is None or self._delivered[one.table.name].complete:
                continue
            present = self._delivered[one.table.name].present
            if reject.key not in one.keys and (present is None or reject.key in present):
                kept.append(reject)
        return kept
