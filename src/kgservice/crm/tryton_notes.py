"""Notes at the parties of Tryton: whose record each is, and what that person agreed to.

A note is what every model of Tryton has, has no further meaning there (a party identifier would be printed
and looked up), and can be taken away again. Its first line says that it is ours, and from which source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from kgservice.crm.credentials import Secrets
from kgservice.crm.settings import Source
from kgservice.crm.tryton_api import CallRefused, TrytonApi
from kgservice.errors import BadInput

NOTE = "ir.note"
_AT_ONCE = 100
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Written:
    """What is different, or would be: records by key. `failed`: with the reason; the others were written."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    unchanged: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Note:
    """A note of ours as it is there."""

    number: int
    message: str


class TrytonNotes:
    """The notes of ours in a Tryton, told apart by `mark`, their first line.

    Raises `BadInput` for a source that is no Tryton, or whose keys are not the ids of one model.
    """

    def __init__(self, source: Source, secrets: Secrets, mark: str) -> None:
        if source.kind != "tryton":
            raise BadInput(
                "a source of the kind {kind} is not written to; take the CSV",
                kind=source.kind,
                source=source.name,
            )
        self._source = source
        self._model = _model(source)
        self._mark = mark
        self._api = TrytonApi(source, secrets)

    def bring(self, wanted: Mapping[str, Sequence[str]], *, apply: bool, told: Progress) -> Written:
        """Make the notes what is `wanted` (lines by key of the record), or only say what that would change.

        Notes of ours that nobody wants go. A record that Tryton refuses is told, and the rest goes on.
        Raises what the calls raise when Tryton does not answer any more: what was written by then stays, and
        the next time only the rest is written.
        """
        done = Written()
        there = self._present(wanted)
        notes = self._notes()
        texts = {key: "\n".join((self._mark, *lines)) for key, lines in wanted.items()}
        new: list[tuple[str, str]] = []
        changed: list[tuple[str, str]] = []
        gone: list[tuple[str, int]] = []
        old: list[tuple[str, int]] = []
        for key, text in sorted(texts.items()):
            own = notes.pop(key, [])
            right = next((note.number for note in own if note.message == text), None)
            others = [(key, note.number) for note in own if note.number != right]
            if key not in there:
                done.failed.append((key, "it is not in the CRM any more"))
                gone += others
                continue
            old += others
            if right is not None:
                done.unchanged += 1
            else:
                (changed if own else new).append((key, text))
        gone += [(key, note.number) for key, left in sorted(notes.items()) for note in left]
        work = _Work(done, len(new) + len(changed) + len(old) + len(gone), told, apply=apply)
        work.each(new, done.new, self._create)
        # A note cannot be written to (Tryton: it is read only), so another one takes its place.
        work.each(changed, done.changed, self._create)
        failed = {key for key, _ in done.failed}
        work.each([item for item in old if item[0] not in failed], [], self._delete)
        work.each(gone, done.gone, self._delete)
        return done

    def _present(self, keys: Mapping[str, Any]) -> set[str]:
        """Those of the keys that Tryton has, archived ones too."""
        found: set[str] = set()
        for some in _parts([int(key) for key in keys if key.isascii() and key.isdecimal()], _AT_ONCE * 5):
            both = ["active", "in", [True, False]]
            found.update(map(str, self._api.call(self._model, "search", [["id", "in", some], both])))
        return found

    def _notes(self) -> dict[str, list[_Note]]:
        """The notes of ours, by the key of their record, the oldest first."""
        found: dict[str, list[_Note]] = {}
        last = 0
        domain = [["message", "like", f"{_escaped(self._mark)}\n%"], ["resource", "like", f"{self._model},%"]]
        while True:
            ids = self._api.call(
                NOTE, "search", [*domain, ["id", ">", last]], 0, _AT_ONCE * 5, [["id", "ASC"]]
            )
            if not ids:
                return found
            last = ids[-1]
            for note in sorted(
                self._api.call(NOTE, "read", ids, ["message", "resource"]), key=lambda one: int(one["id"])
            ):
                message = str(note["message"] or "")
                if message.split("\n", 1)[0] == self._mark:  # `like` does not tell small letters from large
                    key = str(note["resource"]).partition(",")[2]
                    found.setdefault(key, []).append(_Note(note["id"], message))

    def _create(self, some: Sequence[tuple[str, str]]) -> None:
        values = [{"resource": f"{self._model},{key}", "message": text} for key, text in some]
        self._api.call(NOTE, "create", values)

    def _delete(self, some: Sequence[tuple[str, int]]) -> None:
        self._api.call(NOTE, "delete", [number for _, number in some])


class _Work:
    """Writing, or only counting; what a call refuses for many is tried one by one."""

    def __init__(self, done: Written, total: int, told: Progress, *, apply: bool) -> None:
        self._done = done
        self._total = total
        self._count = 0
        self._told = told
        self._apply = apply

    def each(self, items: Sequence[Any], keys: list[str], write: Callable[[Sequence[Any]], None]) -> None:
        """Write items, whose first member is the key, and note the keys of those that were."""
        for some in _parts(items, _AT_ONCE):
            written = self._written(some, write) if self._apply else some
            keys += [item[0] for item in written]
            self._count += len(some)
            self._told(self._count, self._total)

    def _written(self, some: Sequence[Any], write: Callable[[Sequence[Any]], None]) -> list[Any]:
        try:
            write(some)
        except CallRefused as error:
            if len(some) == 1:
                self._done.failed.append((some[0][0], str(error)))
                return []
            return [one for item in some for one in self._written([item], write)]
        return list(some)


def _model(source: Source) -> str:
    """The model whose ids are the keys of persons and organisations. Raises `BadInput`."""
    tables = [one for one in source.tables if {"persons", "organisations"} & set(one.primary)]
    models = {table.place["model"] for table in tables}
    by_id = all(c.titles[0] == "id" for table in tables for c in table.columns if c.name == table.key)
    if len(models) != 1 or not by_id:
        raise BadInput("its keys are not the ids of one model of Tryton; take the CSV", source=source.name)
    return models.pop()


def _parts(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


def _escaped(text: str) -> str:
    """A text for `like` of Tryton, in which it means itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
