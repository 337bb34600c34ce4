"""Loading tables: the rows become statements by a declared mapping, and go the one way in."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import cast

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.batches import Batch
from kgservice.application.imports.mapping import TableMapping, is_mapping, read_mapping, shown
from kgservice.application.imports.rejects import write_rejects
from kgservice.application.imports.row_graphs import Workbench
from kgservice.application.stewards.mending import close_mended
from kgservice.application.stewards.quarantine import Quarantined, Source, hold
from kgservice.application.stewards.settling import Refusal, settle, taken
from kgservice.domain.change import LOCAL, Change, Commit, Origin
from kgservice.errors import BadTable
from kgservice.namespaces import RDF
from kgservice.store.base import Pattern, Term
from kgservice.tabular.csv_records import Record, records

__all__ = ["Progress", "Refused", "TableSummary", "is_mapping", "load_tables"]
Progress = Callable[[str, int, int], None]
"""Called with a file's name, the rows done and the rows to do."""

# The rows of one commit: few, so that progress shows, other writers get their turn, and memory stays small.
BATCH = 250
# The commits whose rows are looked at together, so that none of them takes back what one before it said.
WINDOW = 20
_TYPE = NamedNode(f"{RDF}type")
_Held = list[tuple[Batch, Refusal]]
_Make = Callable[[Sequence[Batch]], Change]


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not taken: the file, the physical line it starts on (1-based) and the reason.

    `told`: the reason for who may not see everything; `row`: the row as it stood.
    """

    file: str
    line: int
    reason: str
    told: str
    row: str


@dataclass(slots=True)
class TableSummary:
    """What loading tables did.

    `rows` counts all records of the files, `repeated` those that stand in their file twice, word for word;
    `records` the instances that the taken rows describe, by the IRI of their class; `added` and `removed` the
    statements that changed in the record graphs. `rejects` are the files, if any were asked for, that hold
    the refused rows as they stood, to be mended and loaded. Rows that the guard refused are among the
    `refused`, and `quarantined`; `mended` are the entries whose rows came again, and were taken.
    """

    title: str
    files: list[str] = field(default_factory=list)
    rows: int = 0
    taken: int = 0
    repeated: int = 0
    records: dict[str, int] = field(default_factory=dict)
    added: int = 0
    removed: int = 0
    commit: int = 0
    refused: list[Refused] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    mended: list[Quarantined] = field(default_factory=list)
    rejects: list[Path] = field(default_factory=list)


def load_tables(
    kg: KnowledgeGraph,
    folder: Path,
    progress: Progress | None = None,
    files: Sequence[Path] | None = None,
    *,
    rejects: Path | None = None,
    origin: Origin = LOCAL,
) -> TableSummary:
    """Load the tables of a mapping folder, or other deliveries of the same table (`files`).

    Each file goes in by commits of `BATCH` rows, with its name and SHA-256 as source. What the same rows said
    in an earlier delivery and no longer say is removed. Refused rows are written to the folder `rejects`, if
    there is to be one: what is in it, an erasure does not find. Raises `BadTable` when the mapping or a whole
    file cannot be read; the files before it are loaded.
    """
    mapping = read_mapping(folder)
    loading = _Loading(kg, mapping, rejects=rejects, origin=origin, progress=progress or _silent)
    for path in files if files is not None else mapping.files:
        loading.load(path)
    return loading.finish()


def _silent(_name: str, _done: int, _total: int) -> None:
    """No progress is shown."""


class _Loading:
    """The loading of one mapping's files into one graph."""

    def __init__(
        self,
        kg: KnowledgeGraph,
        mapping: TableMapping,
        *,
        rejects: Path | None,
        origin: Origin,
        progress: Progress,
    ) -> None:
        self._kg = kg
        self._mapping = mapping
        self._summary = TableSummary(mapping.title)
        self._rejects = rejects
        self._origin = origin
        self._progress = progress
        self._instances: set[tuple[str, str]] = set()

    def load(self, path: Path) -> None:
        """Load one file."""
        mapping, summary = self._mapping, self._summary
        source = shown(path, mapping.folder)
        if not os.path.isfile(path):  # noqa: PTH113  # Path.is_file raises for a name that is too long
            raise BadTable("there is no such file", source=source)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        named = f"{path.name} (sha256:{digest})"
        self._origin = self._origin.because(f"Load the table “{mapping.title}”", named)
        found = records(path, mapping.dialect)
        header = next(found, None)
        if header is None:
            raise BadTable("is empty", source=source)
        if header.fault:
            raise BadTable(header.fault, line=header.line, source=source)
        positions = mapping.positions(header.fields, source)
        faults, told = dict[int, str](), dict[int, str]()  # told: of those that the guard refused
        seconds = self._kg.settings.mapping_deadline
        with Workbench(mapping, self._kg.addresses, seconds=seconds, engine=self._kg.engine) as bench:
            readable = bench.fill(_rows(found, mapping, positions, faults))
            rows = readable + len(faults)
            faults.update(bench.rejects())
            done = len(faults) + bench.repeated
            summary.files.append(path.name)
            summary.rows += rows
            summary.repeated += bench.repeated
            self._progress(path.name, done, rows)
            batches = bench.batches(BATCH)
            while window := list(islice(batches, WINDOW)):
                for batch in window:
                    if held := self._commit(batch, window, path.name, partial(bench.singles, batch)):
                        self._quarantine(held, path)
                        faults.update((part.line, refusal.reason) for part, refusal in held)
                        told.update((part.line, refusal.told) for part, refusal in held)
                    done += batch.rows
                    self._progress(path.name, done, rows)
        if faults:
            raw = {r.line: r.raw for r in records(path, mapping.dialect) if r.line in faults}
            summary.refused.extend(
                Refused(path.name, line, reason, told.get(line, reason), raw[line])
                for line, reason in sorted(faults.items())
            )
            if self._rejects is not None:
                target = self._rejects / f"{path.stem}-{digest[:8]}.csv"
                write_rejects(target, path, mapping, faults)
                summary.rejects.append(target)

    def finish(self) -> TableSummary:
        """The summary, with the instances counted by class."""
        counts = Counter(of for _, of in self._instances)
        self._summary.records = dict(sorted(counts.items()))
        return self._summary

    def _commit(
        self, batch: Batch, window: Sequence[Batch], name: str, singles: Callable[[], list[Batch]]
    ) -> _Held:
        """Commit what the guard takes of a batch; the rows that it refuses, each with the reason."""

        def change(parts: Sequence[Batch]) -> Change:
            others = (other for other in window if other is not batch)
            return self._change(Batch.of(parts), _Together([*others, *parts], self._mapping.earliest))

        commit, held = self._settle([batch], change, name)
        if held:  # nothing of it was taken; its rows are worked out while others may write
            commit, held = self._settle(singles(), change, name)
        self._summary.taken += batch.rows - len(held)
        if commit is not None:
            self._summary.added += commit.added
            self._summary.removed += commit.removed
            self._summary.commit = commit.number
        for triple in batch.triples - {triple for part, _ in held for triple in part.triples}:
            if triple.predicate == _TYPE and isinstance(triple.subject, NamedNode):
                self._instances.add((triple.subject.value, _lexical(triple)))
        return held

    def _settle(self, parts: Sequence[Batch], change: _Make, name: str) -> tuple[Commit | None, _Held]:
        """Commit what the guard takes of the parts and close what waits of it; the others, with reasons."""
        with self._kg.writing:
            commit, held = settle(self._kg, parts, change)
            source = Source(name, mapping=self._mapping.title)
            self._summary.mended += close_mended(self._kg, taken(parts, held), source, self._origin)
        return commit, held

    def _quarantine(self, held: _Held, path: Path) -> None:
        """Put refused rows, as they stand in the file, into quarantine."""
        lines = {part.line for part, _ in held}
        rows = {r.line: r.raw for r in records(path, self._mapping.dialect) if r.line in lines}
        self._summary.quarantined += hold(
            self._kg,
            (
                (p.triples, Source(path.name, p.line, rows.get(p.line, ""), self._mapping.title, p.own), why)
                for p, why in held
            ),
            self._origin,
        )

    def _change(self, batch: Batch, together: _Together) -> Change:
        """The statements of a batch, and those of before that they take the place of.

        That is all that the mapping could say about the rows' own instances and does not say now, and later
        values of the `earliest` properties.
        """
        new, own, earliest = batch.triples, batch.own, self._mapping.earliest
        others = {t.subject for t in new if isinstance(t.subject, NamedNode)} - own
        there = self._kg.store.used(others, as_object=False) if self._kg.head else set()
        patterns: Iterator[Pattern] = chain(
            *(((node, None, None), (None, None, node)) for node in own),
            (_pattern(t, t.object) for t in new if t.subject in there),
        )
        known = set(self._stored(patterns))
        gone = {
            t
            for t in known - together.said
            if t.predicate.value in self._mapping.predicates and (t.subject in own or t.object in own)
        }
        dated = {t for t in new if t.predicate.value in earliest}
        stored = set(self._stored(_pattern(t, None) for t in dated))
        kept = set(_least({together.least[t.subject, t.predicate] for t in dated} | stored).values())
        # What is known is left out: most rows of a delivery came before, and a commit costs more than a look.
        return Change(
            add=tuple(Quad(*t) for t in ((new - dated) | kept) - known - stored),
            remove=tuple(Quad(*t) for t in gone | (stored - kept)),
            origin=self._origin,
        )

    def _stored(self, patterns: Iterable[Pattern]) -> Iterator[Triple]:
        """The statements of the record graphs that fit one of the patterns."""
        if self._kg.head == 0:
            return
        for quad in self._kg.store.match(patterns):
            if isinstance(quad.graph_name, NamedNode) and self._kg.graphs.is_record(quad.graph_name):
                yield quad.triple


class _Together:
    """What the batches of a window say: all of it, and the least value of each dated property."""

    def __init__(self, window: Sequence[Batch], earliest: frozenset[str]) -> None:
        self.said = {triple for batch in window for triple in batch.triples}
        self.least = _least(t for t in self.said if t.predicate.value in earliest)


def _least(triples: Iterable[Triple]) -> dict[tuple[object, NamedNode], Triple]:
    """The triple with the smallest value for each subject and predicate."""
    least: dict[tuple[object, NamedNode], Triple] = {}
    for triple in sorted(triples, key=_lexical):
        least.setdefault((triple.subject, triple.predicate), triple)
    return least


def _rows(
    found: Iterator[Record], mapping: TableMapping, positions: Mapping[str, int], faults: dict[int, str]
) -> Iterator[tuple[int, Sequence[str | None]]]:
    """The readable rows with one value for each column of the schema; the others go to `faults` by line."""
    order = [positions.get(c.name) for c in mapping.columns]
    for record in found:
        if record.fault:
            faults[record.line] = record.fault
        else:
            yield record.line, [record.fields[i].strip() or None if i is not None else None for i in order]


def _pattern(triple: Triple, obj: Term | None) -> Pattern:
    return cast(Pattern, (triple.subject, triple.predicate, obj))


def _lexical(triple: Triple) -> str:
    """The object's value, by which moments in UTC and numbers of equal length sort."""
    return triple.object.value if isinstance(triple.object, NamedNode | Literal) else str(triple.object)
