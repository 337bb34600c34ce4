"""The list of erased persons beside the store: what a restored backup is compared with. No personal data."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kgservice.domain.matching import RecordId
from kgservice.errors import StoreFailed
from kgservice.store.disk import sync
from kgservice.store.secret import read_secret, secret_of

ENDING = ".erased.jsonl"


def list_of(store: Path) -> Path:
    """Where the list of a store is: beside it."""
    return store.with_name(f"{store.name}{ENDING}")


@dataclass(frozen=True, slots=True)
class Line:
    """A person (by key) who was erased, when (xsd:dateTime), and the IRIs of the records that were kept.

    `foreign`: the tombstone came with data from elsewhere, so this store never held the person.
    """

    key: str
    at: str
    kept: tuple[str, ...] = ()
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """An erasure that was about to be committed: of whom (by key), when, and what is to be kept.

    `request`: the IRI of the ticket that is answered with it. Without `at` it was refused, or is of an older
    release, and nobody knows what was to be done.
    """

    key: str
    at: str = ""
    kept: tuple[str, ...] = ()
    request: str = ""


@dataclass(slots=True)
class Erased:
    """Who was erased, in the order of the erasures.

    Kept in the file `path`, line by line, each on disk before the next; without a path in memory only. A line
    with `begun` (the key) comes before the commit, and one with `erased` after it; `{"purged": n}` says that
    the files of the store hold nothing more of the first n. `begun` are those that lack the second; a line
    `{"begun": key}` alone takes back what was begun before it. `records` are keyed hashes of the CRM records
    that were linked to erased persons; the key is the secret of the store. They are in the line of the begin,
    and count from the erasure on.
    """

    path: Path | None = None
    persons: list[Line] = field(default_factory=list)
    purged: int = 0
    begun: dict[str, Begun] = field(default_factory=dict)
    records: set[str] = field(default_factory=set)
    _of: dict[str, set[str]] = field(default_factory=dict)
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
        ended = {(line.key, line.at) for line in self.persons}
        for key in sorted(other.begun.keys() | other._of.keys()):
            new = other._of.get(key, set()) - self._of.get(key, set())
            mine, begun = self.begun.get(key), other.begun.get(key)
            if mine is None and begun is not None and (key, begun.at) not in ended:
                self._begin(begun, new)
            elif new:
                self._begin(mine or Begun(key), new)
        for line in other.persons:
            if line not in known:
                self._enter(line)
            self.records |= self._of.get(line.key, set())

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
                foreign = said.get("foreign") is True
                self._entered(Line(str(said["erased"]), str(said["at"]), kept, foreign))
        except (ValueError, TypeError, KeyError) as error:
            raise StoreFailed(f"line {number} of {self.path} is no erased person: {error}") from None

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the persons of whom nothing was kept."""
        return frozenset(line.key for line in self.persons if not line.kept)

    @property
    def unfinished(self) -> list[Begun]:
        """What was begun, and of which the end is not known: the process ended, or the disk failed."""
        return [begun for begun in self.begun.values() if begun.at]

    @property
    def waiting(self) -> int:
        """How many erased persons the files of the store may still hold in places that nothing reads."""
        return sum(1 for line in self.persons[self.purged :] if not line.foreign)

    def holds(self, record: RecordId) -> bool:
        """Whether a record of a CRM was linked to somebody who was erased.

        Raises `StoreFailed` when that cannot be known, since the secret of the store is lost.
        """
        return bool(self.records) and self._hashed(record, create=False) in self.records

    def begin(self, begun: Begun, linked: Iterable[RecordId] = ()) -> None:
        """Note that an erasure is about to be committed; and the person's CRM records, as hashes."""
        self._begin(begun, {self._hashed(record, create=True) for record in linked})

    def refuse(self, key: str) -> None:
        """Note that an erasure that was begun will not be: it was refused."""
        self._begin(Begun(key), ())

    def _begin(self, begun: Begun, hashes: Collection[str]) -> None:
        said: dict[str, object] = {"begun": begun.key}
        if begun.at:
            said |= {"at": begun.at, "kept": list(begun.kept), "request": begun.request}
        if hashes:
            said["records"] = sorted(hashes)
        self._write(said)
        self._begun(begun, hashes)

    def _begun(self, begun: Begun, hashes: Iterable[str]) -> None:
        self.begun[begun.key] = begun
        self._of.setdefault(begun.key, set()).update(hashes)

    def _hashed(self, record: RecordId, *, create: bool) -> str:
        """A hash that says nothing without the secret: keys of a CRM are soon guessed."""
        if not self._secret:
            store = None if self.path is None else self.path.with_name(self.path.name.removesuffix(ENDING))
            self._secret = (
                secrets.token_bytes(32) if store is None else read_secret(secret_of(store), create=create)
            )
        text = json.dumps([record.source, record.key]).encode()
        return hmac.new(self._secret, text, "sha256").hexdigest()

    def enter(self, key: str, at: str) -> None:
        """Note a tombstone that the graph has and the list has not: from elsewhere, or of an erasure here."""
        if key in self.begun:
            self.add(key, at)
            return
        self._enter(Line(key, at, foreign=True))

    def add(self, key: str, at: str, kept: Iterable[str] = ()) -> None:
        """Note an erasure; what an interrupted validation has found, in a file beside, goes with it."""
        self._enter(Line(key, at, tuple(kept)))
        if self.path is not None:
            store = self.path.name.removesuffix(ENDING)
            self.path.with_name(f"{store}.validation").unlink(missing_ok=True)

    def _enter(self, line: Line) -> None:
        said: dict[str, object] = {"erased": line.key, "at": line.at}
        if line.kept:
            said["kept"] = list(line.kept)
        if line.foreign:
            said["foreign"] = True
        self._write(said)
        self._entered(line)

    def _entered(self, line: Line) -> None:
        self.persons.append(line)
        self.begun.pop(line.key, None)
        self.records |= self._of.get(line.key, set())

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
            raise StoreFailed(f"the list of erased persons cannot be written: {error}") from error
