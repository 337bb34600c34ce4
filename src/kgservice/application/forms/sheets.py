"""Records by spreadsheet: its rows as records of a class, each taken or refused with the reason."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pyoxigraph import NamedNode, Triple

from kgservice.application.forms import records as form_records
from kgservice.application.forms.fields import Form
from kgservice.application.forms.names import Names
from kgservice.application.forms.records import NEW, Plan
from kgservice.application.forms.values import Draft, Fault, Typed, Wrong
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.stewards.mending import close_mended
from kgservice.application.stewards.quarantine import Source, hold
from kgservice.application.stewards.settling import Refusal, settle
from kgservice.application.views.reader import Reader
from kgservice.domain.change import Change, Commit, Origin
from kgservice.errors import BadTable, Invalid
from kgservice.tabular.lines import MEDIA_TYPE, MOST_ROWS, Column, Line

__all__ = [
    "MEDIA_TYPE",
    "MOST_ROWS",
    "Column",
    "Judged",
    "Line",
    "columns",
    "judge",
    "opened",
    "take",
    "workbook",
]

ID = "id"
"""The column of the records' names."""
NEW_ROWS = 100
"""Rows with names for new records in a template."""
MOST_VALUES = 100
"""Values in one cell."""
_KEY = re.compile(r"[A-Za-z0-9_-]{1,100}")
_ROW = uuid.UUID("b2a1a7c4-0d0f-5d3e-8f43-2a3c9f6f6b10")


@dataclass(slots=True)
class Judged:
    """A row: what became, or would become, of it. `state`: new, changed, same or refused.

    Why it is refused: `faults` of its cells, or `findings` of the guard (and `reason`, when there are none).
    """

    line: Line
    record: NamedNode | None
    state: str
    faults: list[Fault] = field(default_factory=list)
    findings: Sequence[Mapping[str, Any]] = ()
    reason: str = ""
    plan: Plan | None = field(default=None, repr=False)

    @property
    def triples(self) -> set[Triple]:
        """All that the row states."""
        return self.plan.says if self.plan is not None else set()

    @property
    def own(self) -> frozenset[NamedNode]:
        """The records that are the row's alone."""
        return frozenset(self.plan.own) if self.plan is not None else frozenset()


def columns(form: Form) -> dict[str, tuple[str, str]]:
    """The columns of a sheet by name: the path of the field and the language of its words."""
    found: dict[str, tuple[str, str]] = {}
    for leaf in form.leaves():
        above, _, _ = leaf.path.rpartition("/")
        outer = form.at(above) if above else None
        name = f"{outer.iri} {leaf.iri}" if outer is not None else leaf.iri
        if leaf.kind.value == "text":
            found |= {f"{name}@{language}": (leaf.path, language) for language in ("de", "en")}
        else:
            found[name] = (leaf.path, "")
    return found


def workbook(title: str, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> bytes:
    """A workbook with these rows, and room for more."""
    from kgservice.tabular import workbooks  # noqa: PLC0415 - it costs time to import, and few need it

    return workbooks.written(title, columns, rows, NEW_ROWS)


def opened(content: bytes, file: str) -> list[Line]:
    """The rows of an uploaded workbook. Raises `BadTable`, `TooLarge`."""
    from kgservice.tabular import workbooks  # noqa: PLC0415 - as above

    return workbooks.read(content, file)


def judge(kg: KnowledgeGraph, reader: Reader, form: Form, lines: Sequence[Line], file: str) -> list[Judged]:
    """What would become of each row: the dry run. Raises `BadTable` where it is no sheet of the class."""
    with kg.writing:
        rows = _planned(kg, reader, form, lines, file)
        _refuse(settle(kg, _good(rows), _change_of(Origin()), partial(_previewed, kg))[1])
    return rows


def take(
    kg: KnowledgeGraph, reader: Reader, form: Form, lines: Sequence[Line], *, file: str, origin: Origin
) -> list[Judged]:
    """Commit the rows that the guard takes together; those that it refuses wait in quarantine.

    A row that comes again, and is taken, closes the entry of the quarantine that it made before.
    """
    source = Source(file, mapping=form.of)
    with kg.writing:
        rows = _planned(kg, reader, form, lines, file)
        _, held = settle(kg, _good(rows), _change_of(origin))
        _refuse(held)
        close_mended(kg, _good(rows), source, origin)
        if held:
            hold(kg, ((row.triples, _place(row, source), refusal) for row, refusal in held), origin)
    return rows


def _planned(
    kg: KnowledgeGraph, reader: Reader, form: Form, lines: Sequence[Line], file: str
) -> list[Judged]:
    known = columns(form)
    strange = {name for line in lines for name in line.cells} - {ID, *known}
    if strange:
        raise BadTable(
            "the column {strange!r} is none of this class", strange=min(strange)[:200], source=file
        )
    names = Names(kg.addresses, reader, form)
    seen: set[NamedNode] = set()
    rows = []
    for line in lines:
        if set(line.cells) == {ID}:
            continue  # a name that is still free
        row = _row(kg, reader, form, line, names)
        if row.record in seen:
            row = Judged(line, row.record, "refused", [Fault(ID, 0, Wrong.TWICE)])
        if row.record is not None:
            seen.add(row.record)
        rows.append(row)
    return rows


def _row(kg: KnowledgeGraph, reader: Reader, form: Form, line: Line, names: Names) -> Judged:
    record = _record(kg, form, line)
    if record is None:
        return Judged(line, None, "refused", [Fault(ID, 0, Wrong.RECORD)])
    shown = form_records.read(kg, reader, form, record)
    is_new = shown.version == NEW
    if not is_new and not form_records.is_of(kg, form, shown):
        return Judged(line, record, "refused", [Fault(ID, 0, Wrong.RECORD)])
    draft, faults = _draft(form, line, form_records.draft_of(form, shown), names)
    made = form_records.plan(reader, form, shown, draft)
    faults += made.faults
    if faults:
        return Judged(line, record, "refused", faults)
    state = "new" if is_new else "changed" if made.add or made.remove else "same"
    return Judged(line, record, state, plan=made)


def _record(kg: KnowledgeGraph, form: Form, line: Line) -> NamedNode | None:
    """The record of a row; without a name it has one that follows from what the row says."""
    given = line.cells.get(ID, "").removeprefix(kg.addresses.ids)
    if not given:
        said = "|".join((form.of, *(f"{name}={text}" for name, text in sorted(line.cells.items()))))
        given = str(uuid.uuid5(_ROW, said))
    return NamedNode(kg.addresses.ids + given) if _KEY.fullmatch(given) else None


def _draft(form: Form, line: Line, stored: Draft, names: Names) -> tuple[Draft, list[Fault]]:
    """What the row says, where it says something; an empty cell leaves what is stored as it is."""
    draft, faults = dict(stored), []
    for name, (path, language) in columns(form).items():
        text = line.cells.get(name, "")
        leaf = form.at(path)
        if not text or leaf is None:
            continue
        if language:
            others = [value for value in draft.get(path, ()) if value.language != language]
            draft[path] = (*others, Typed(text, language))
            continue
        parts = [one.strip() for one in re.split(r"[\n;]", text)] if leaf.several else [text]
        if len(parts) > MOST_VALUES:  # each may have to be looked up, while nobody else can write
            faults.append(Fault(path, MOST_VALUES, Wrong.MANY))
            continue
        values = []
        for at, one in enumerate(filter(None, parts)):
            meant = names.typed(leaf, one)
            if isinstance(meant, Wrong):
                faults.append(Fault(path, at, meant))
            else:
                values.append(meant)
        draft[path] = tuple(values)
    return draft, faults


def _good(rows: Iterable[Judged]) -> list[Judged]:
    return [row for row in rows if row.state != "refused"]


def _refuse(held: Iterable[tuple[Judged, Refusal]]) -> None:
    for row, refusal in held:
        row.state, row.findings, row.reason = "refused", refusal.findings, refusal.reason


def _change_of(origin: Origin) -> partial[Change]:
    return partial(_change, origin=origin)


def _change(rows: Sequence[Judged], origin: Origin) -> Change:
    plans = [row.plan for row in rows if row.plan is not None]
    return Change(
        add=tuple(quad for plan in plans for quad in plan.add),
        remove=tuple(quad for plan in plans for quad in plan.remove),
        origin=origin,
    )


def _previewed(kg: KnowledgeGraph, change: Change) -> Commit:
    """Raises `Invalid` as a commit of the change would; makes none."""
    wrong = [finding.to_json() for finding in kg.preview(change).refused]
    if wrong:
        raise Invalid("the guard would refuse it", findings=wrong)
    return Commit(kg.head, kg.clock(), 0, 0)


def _place(row: Judged, source: Source) -> Source:
    """Where a refused row stands, and what it says there."""
    cells = "; ".join(f"{name}: {text}" for name, text in row.line.cells.items())
    return Source(source.file, row.line.line, cells[:2000], source.mapping, row.own)
