"""The audit log: what an entry says, and the chain of hashes that shows whether one was changed or taken."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pyoxigraph import NamedNode

from kgservice.errors import BadParameter

LONGEST_PURPOSE = 200  # characters of the IRI of a purpose that was stated
MOST_FAULTS = 100  # told of one log; it is broken after the first


class Action(StrEnum):
    """What was done."""

    READ = "read"  # of a view for a purpose
    EVERYTHING = "everything"  # read of the view of everything
    CHANGE = "change"  # of the graph; its provenance says more
    DENIED = "denied"
    RIGHT = "right"  # of a data subject: access, erasure, …
    CONSENT = "consent"  # given, withdrawn, renewed; read, or asked what it allows
    KEY = "key"  # of a person or program, made or taken away
    SIGN_IN = "sign-in"
    AUDIT = "audit"  # the log itself was read
    ARCHIVE = "archive"  # old entries were taken out of the log


# What may be counted: the first in a minute is an entry, the others like it become one at its end.
COUNTED = frozenset({Action.READ, Action.EVERYTHING, Action.CHANGE})
# The rest is on the disk before the answer goes out.


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be recorded.

    `principal` is the name that a `Principal` has; `view` and `purpose` are IRIs; `resource` is the method
    and the address with `{}` for each part that is not fixed, or a command; `outcome` the HTTP status, or the
    exit code of a command; `ticket` the opaque id of a right that was exercised; `person` a keyed hash that
    stands for the person whose consents were read. `count` entries like one that is in the log
    already happened from `since` to `moment`. `anchor` says after which head the log begins from now on.
    """

    moment: datetime
    action: Action
    principal: str
    resource: str
    roles: tuple[str, ...] = ()
    view: str | None = None
    purpose: str | None = None
    query: str | None = None
    outcome: int | None = None
    ticket: str | None = None
    person: str | None = None
    count: int | None = None
    since: datetime | None = None
    anchor: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The members that are there, as JSON values."""
        said: dict[str, Any] = {
            "moment": stamp(self.moment),
            "action": str(self.action),
            "principal": self.principal,
            "resource": self.resource,
            "roles": sorted(self.roles) or None,
            "view": self.view,
            "purpose": self.purpose,
            "query": self.query,
            "outcome": self.outcome,
            "ticket": self.ticket,
            "person": self.person,
            "count": self.count,
            "since": None if self.since is None else stamp(self.since),
            "anchor": self.anchor,
        }
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a log: its number, and the hash that stands for it and all before it."""

    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.digest}@{self.number}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """A head as it is written: `HASH@NUMBER`. Raises `BadParameter` for anything else."""
        found = re.fullmatch(r"([0-9a-f]{64})@([0-9]{1,18})", text.strip())
        if found is None:
            raise BadParameter(
                "{text!r} is no head of an audit log, such as 9f2c…@17", text=text[:100], source="head"
            )
        return cls(int(found[2]), found[1])


START = Head(0, "0" * 64)  # before the first entry of all


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as it is kept: its number, its canonical JSON, and the hash (SHA-256, hexadecimal) of that."""

    number: int
    body: str
    digest: str

    @property
    def head(self) -> Head:
        """This entry as the end of a log."""
        return Head(self.number, self.digest)

    def to_json(self) -> dict[str, Any]:
        """The entry with its hash as `hash`."""
        try:
            said: dict[str, Any] = json.loads(self.body)
        except ValueError:  # somebody changed it; `verify` tells
            said = {"number": self.number}
        return {**said, "hash": self.digest}

    @classmethod
    def of_json(cls, said: dict[str, Any]) -> Line:
        """What `to_json` made of an entry, for logs that were exported.

        Raises `KeyError` for what has no number or no hash, `ValueError` or `TypeError` for a wrong one.
        """
        rest = {name: value for name, value in said.items() if name != "hash"}
        return cls(int(rest["number"]), canonical(rest), str(said["hash"]))


def told_purpose(stated: str | None) -> str | None:
    """A purpose as an entry may name it, whether or not there is such a one: a short IRI.

    >>> told_purpose("urn:x:marketing"), told_purpose("for Anna"), told_purpose("urn:" + 300 * "x")
    ('urn:x:marketing', None, None)
    """
    try:
        return NamedNode(stated).value if stated and len(stated) <= LONGEST_PURPOSE else None
    except ValueError:
        return None


def stamp(moment: datetime) -> str:
    """A moment in UTC, always of the same length, so that texts sort as moments do.

    >>> stamp(datetime(2026, 11, 20, 12, tzinfo=UTC))
    '2026-11-20T12:00:00.000000Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def canonical(said: dict[str, Any]) -> str:
    """JSON that is the same for the same values: members sorted, no spaces (as RFC 8785; numbers are whole).

    >>> canonical({"b": ["ä"], "a": 1})
    '{"a":1,"b":["ä"]}'
    """
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(body: str) -> str:
    """The hash of an entry."""
    return hashlib.sha256(body.encode(errors="surrogatepass")).hexdigest()


def sealed(draft: Draft, head: Head) -> Line:
    """The entry that follows `head`."""
    said = {**draft.to_json(), "number": head.number + 1, "previous": head.digest}
    # Half a character, which came in somehow, cannot be stored.
    body = canonical(said).encode(errors="replace").decode()
    return Line(head.number + 1, body, digest_of(body))


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a log, and at which entry."""

    number: int
    reason: str

    def __str__(self) -> str:
        return f"entry {self.number}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was verified: the entries after `start` up to `end`, and the first faults."""

    start: Head
    end: Head
    entries: int
    faults: tuple[Fault, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "valid": not self.faults,
            "entries": self.entries,
            "start": str(self.start),
            "head": str(self.end),
            "faults": [{"number": fault.number, "reason": fault.reason} for fault in self.faults],
        }


def verify(lines: Iterable[Line], start: Head | None = START, known: Head | None = None) -> Verification:
    """Whether the entries are those that were written, in their order and without a gap.

    `start` is the head before the first one; None takes what the first one says. Where that is not the very
    beginning of a log, one entry must say that what came before was archived, unless it was None. `known` is
    a head that was noted earlier: only with it is it seen that the last entries were cut off, or that
    somebody wrote the whole log anew.
    """
    faults: list[Fault] = []
    begin: Head | None = start
    last, entries, archived, seen = start, 0, False, False
    for line in lines:
        said = _read(line)
        if last is None:
            last = begin = Head(line.number - 1, str(said.get("previous", "")))
        reason = _wrong(line, said, last)
        if reason is not None:
            faults.append(Fault(line.number, reason))
        archived = archived or said.get("anchor") == str(begin)
        if known is not None and line.number == known.number:
            seen = True
            if line.digest != known.digest:
                faults.append(Fault(line.number, "its hash is not the one that was noted"))
        last, entries = line.head, entries + 1
        if len(faults) >= MOST_FAULTS:
            break
    begin, end = begin or START, last or START
    if start is not None and begin != START and not archived:
        faults.append(Fault(begin.number + 1, "no entry says that those before it were archived"))
    if known is not None and not seen and len(faults) < MOST_FAULTS:
        faults += _unseen(known, begin, end)
    return Verification(begin, end, entries, tuple(faults))


def _read(line: Line) -> dict[str, Any]:
    try:
        said = json.loads(line.body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _wrong(line: Line, said: dict[str, Any], last: Head) -> str | None:
    """What is wrong with one entry that should follow `last`, or None."""
    if digest_of(line.body) != line.digest:
        return "it was changed: its hash is another"
    if canonical(said) != line.body:
        return "it is not in the canonical form"
    if said.get("number") != line.number:
        return f"it says that its number is {said.get('number')}"
    if line.number != last.number + 1:
        return f"entry {last.number + 1} should stand here"
    if said.get("previous") != last.digest:
        return "it does not follow the entry before it"
    return None


def _unseen(known: Head, begin: Head, end: Head) -> list[Fault]:
    """Faults of a log that does not hold the entry `known`."""
    if known.number > end.number:
        return [Fault(known.number, f"it was noted, and the log ends at {end.number}")]
    if known == begin:
        return []
    if known.number == begin.number:
        return [Fault(known.number, "its hash is not the one that was noted")]
    return [Fault(known.number, "it was archived; verify the file that holds it")]
