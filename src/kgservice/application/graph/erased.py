"""The list of erased persons beside the store: what a restored backup is compared with.

It names nobody: persons and their CRM records stand there as keyed hashes.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kgservice.domain.matching import RecordId
from kgservice.errors import StoreFailed
from kgservice.store.disk import sync
from kgservice.store.secret import read_secret, secret_of

ENDING = ".erased.jsonl"
_OWN = re.compile("[0-9a-f]{64}")


def list_of(store: Path) -> Path:
    """Where the list of a store is: beside it."""
    return store.with_name(f"{store.name}{ENDING}")


@dataclass(frozen=True, slots=True)
class Line:
    """A person (by `Erased.mark`) who was erased, when (xsd:dateTime), and the IRIs of the records kept."""

    person: str
    at: str
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """An erasure that was about to be committed: of whom (by `Erased.mark`), when, and what is to be kept.

    `request`: the IRI of the ticket that is answered with it. Without `at` it was refused, or is of an older
    release, and nobody knows what was to be done.
    """

    person: str
    at: str = ""
    kept: tuple[str, ...] = ()
    request: str = ""


@dataclass(slots=True)
class Erased:
    """Who was erased, in the order of the erasures.

    Kept in the file `path`, line by line, each on disk before the next; without a path in memory only. A line
    with `begun` (the person) comes before the commit, and one with `erased` after it; `{"purged": n}` says
    that the files of the store hold nothing more of the first n. `begun` are those that lack the second; a
    line `{"begun": person}` alone takes back what was begun before it. `records` are keyed hashes of the CRM
    records that were linked to erased persons. They are in the line of the begin, and count from the erasure
    on. The key of all hashes is the secret of the store.
    """

    path: Path | None = None
    persons: list[Line] = field(default_factory=list)
    purged: int = 0
    begun: dict[str, Begun] = field(default_factory=dict)
    records: set[str] = field(default_factory=set)
    _of: dict[str, set[str]] = field(default_factory=dict)
    _last: dict[str, Line] = field(default_factory=dict)
    _secret: bytes = b""
    _broken_off: bool = False

    @classmethod
    def beside(cls, store: Path) -> Erased:
        """The list that belongs to a store. Raises `StoreFailed` for a file that cannot be read as one.

        A last line that was not written whole is taken away.
        """
        path = list_of(store)
        found = cls.read(path)
        if found._broken_off:
            with path.open("r+b") as file:
                file.truncate(file.read().rfind(b"\n") + 1)
        return found

    @classmethod
    def read(cls, path: Path) -> Erased:
        """The list in a file that may not be there yet; a last line that was not written whole is left out.

        Raises `StoreFailed` for a file that cannot be read as one.
        """
        found = cls(path)
        try:
            text = path.read_text(encoding="utf-8") if path.exists() else ""
        except (OSError, ValueError) as error:
            raise StoreFailed(f"cannot read the list of erased persons: {error}") from error
        whole, _, rest = text.rpartition("\n")
        for number, line in enumerate(whole.splitlines(), 1):
            found._line(line, number)
        found._broken_off = bool(rest)
        return found

    def join(self, other: Erased) -> None:
        """Enter what another list knows and this one does not."""
        known = set(self.persons)
        ended = {(line.person, line.at) for line in self.persons}
        for person in sorted(other.begun.keys() | other._of.keys()):
            new = other._of.get(person, set()) - self._of.get(person, set())
            mine, begun = self.begun.get(person), other.begun.get(person)
            if mine is None and begun is not None and (person, begun.at) not in ended:
                self._begin(begun, new)
            elif new:
                self._begin(mine or Begun(person), new)
        for line in other.persons:
            if line not in known:
                self._enter(line)
            self.records |= self._of.get(line.person, set())

    def _line(self, line: str, number: int) -> None:
        try:
            said = json.loads(line)
            if "purged" in said:
                self.purged = int(said["purged"])
            elif "begun" in said:
                begun = Begun(
                    str(said["begun"]),
                    str(said.get("at", "")),
                    tuple(map(str, said.get("kept", ()))),
                    str(said.get("request", "")),
                )
                self._begun(begun, map(str, said.get("records", ())))
            else:
                kept = tuple(map(str, said.get("kept", ())))
                self._entered(Line(str(said["erased"]), str(said["at"]), kept))
        except (ValueError, TypeError, KeyError) as error:
            raise StoreFailed(f"line {number} of {self.path} is no erased person: {error}") from None

    @property
    def known(self) -> bool:
        """Whether an erasure was made or begun."""
        return bool(self.persons or self.begun)

    def mark(self, key: str) -> str:
        """What stands for the person with this key: a keyed hash. Raises `StoreFailed`."""
        return self._hashed([key], create=True)

    def when(self, key: str) -> str | None:
        """When the person with this key was erased, if nothing was kept of them.

        Raises `StoreFailed` when that cannot be known, since the secret of the store is lost.
        """
        line = self._last.get(self._hashed([key], create=False)) if self.persons else None
        return line.at if line is not None and not line.kept else None

    def among(self, keys: Iterable[str]) -> dict[str, str]:
        """Those of the keys that the list knows, by their marks. Raises `StoreFailed` as `when` does."""
        if not self.known:
            return {}
        marks = ((self._hashed([key], create=False), key) for key in keys)
        return {mark: key for mark, key in marks if mark in self._last or mark in self.begun}

    def hide(self) -> None:
        """Write the list anew with hashes, if an older release wrote keys into it. Raises `StoreFailed`."""
        if self.path is None or all(map(_OWN.fullmatch, (*self._last, *self.begun, *self._of))):
            return
        part = self.path.with_name(f"{self.path.name}.part")
        try:
            part.unlink(missing_ok=True)
            for line in self.path.read_text(encoding="utf-8").splitlines():
                said = json.loads(line)
                for word in ("begun", "erased"):
                    if word in said and not _OWN.fullmatch(said[word]):
                        said[word] = self.mark(said[word])
                Erased(part)._write(said)
            part.replace(self.path)
            sync(self.path.parent)
        except OSError as error:
            raise _unwritten(error) from error
        hidden = Erased.read(self.path)
        self.persons, self.begun, self.records = hidden.persons, hidden.begun, hidden.records
        self._of, self._last = hidden._of, hidden._last

    @property
    def unfinished(self) -> list[Begun]:
        """What was begun, and of which the end is not known: the process ended, or the disk failed."""
        return [begun for begun in self.begun.values() if begun.at]

    @property
    def waiting(self) -> int:
        """How many erased persons the files of the store may still hold in places that nothing reads."""
        return len(self.persons[self.purged :])

    def holds(self, record: RecordId) -> bool:
        """Whether a record of a CRM was linked to somebody who was erased.

        Raises `StoreFailed` when that cannot be known, since the secret of the store is lost.
        """
        return bool(self.records) and self._hashed([record.source, record.key], create=False) in self.records

    def begin(self, begun: Begun, linked: Iterable[RecordId] = ()) -> None:
        """Note that an erasure is about to be committed; and the person's CRM records, as hashes."""
        self._begin(begun, {self._hashed([one.source, one.key], create=True) for one in linked})

    def refuse(self, person: str) -> None:
        """Note that an erasure that was begun will not be: it was refused."""
        self._begin(Begun(person), ())

    def _begin(self, begun: Begun, hashes: Collection[str]) -> None:
        said: dict[str, object] = {"begun": begun.person}
        if begun.at:
            said |= {"at": begun.at, "kept": list(begun.kept), "request": begun.request}
        if hashes:
            said["records"] = sorted(hashes)
        self._write(said)
        self._begun(begun, hashes)

    def _begun(self, begun: Begun, hashes: Iterable[str]) -> None:
        self.begun[begun.person] = begun
        self._of.setdefault(begun.person, set()).update(hashes)

    def _hashed(self, words: list[str], *, create: bool) -> str:
        """A hash that says nothing without the secret: keys of a CRM are soon guessed, old exports kept."""
        if not self._secret:
            store = None if self.path is None else self.path.with_name(self.path.name.removesuffix(ENDING))
            self._secret = (
                secrets.token_bytes(32) if store is None else read_secret(secret_of(store), create=create)
            )
        return hmac.digest(self._secret, json.dumps(words).encode(), "sha256").hex()

    def add(self, person: str, at: str, kept: Iterable[str] = ()) -> None:
        """Note an erasure; what an interrupted validation has found, in a file beside, goes with it."""
        self._enter(Line(person, at, tuple(kept)))
        if self.path is not None:
            store = self.path.name.removesuffix(ENDING)
            self.path.with_name(f"{store}.validation").unlink(missing_ok=True)

    def _enter(self, line: Line) -> None:
        said: dict[str, object] = {"erased": line.person, "at": line.at}
        if line.kept:
            said["kept"] = list(line.kept)
        self._write(said)
        self._entered(line)

    def _entered(self, line: Line) -> None:
        self.persons.append(line)
        self._last[line.person] = line
        self.begun.pop(line.person, None)
        self.records |= self._of.get(line.person, set())

    def are_purged(self, number: int) -> None:
        """Note that the files hold nothing of the first `number` any more."""
        self._write({"purged": number})
        self.purged = number

    def _write(self, said: Mapping[str, object]) -> None:
        if self.path is None:
            return
        try:
            new = not self.path.exists()
            opened = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(opened, "w", encoding="utf-8") as out:
                out.write(f"{json.dumps(said)}\n")
                out.flush()
                os.fsync(out.fileno())
            if new:
                sync(self.path.parent)
        except OSError as error:
            raise _unwritten(error) from error


def _unwritten(error: OSError) -> StoreFailed:
    return StoreFailed(f"the list of erased persons cannot be written: {error}")
