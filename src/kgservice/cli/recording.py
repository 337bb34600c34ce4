"""What a command does on a store that it opened itself goes into the audit log, as requests do."""

from __future__ import annotations

import getpass
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, BinaryIO, Concatenate, ParamSpec, Protocol, TypeVar, cast

from kgservice.application.law import audit
from kgservice.application.law.audit import AuditLog
from kgservice.cli.exits import Exit, code
from kgservice.domain.audit_actions import action_of
from kgservice.domain.principal import Principal, Role
from kgservice.errors import AuditFailed, Forbidden, KgError, Unauthorised
from kgservice.settings import Settings


def owner(settings: Settings) -> Principal:
    """Whoever may open the store: the user of the operating system, who may do everything."""
    return Principal(f"local:{_user()}", frozenset({Role.ADMINISTRATOR}), frozenset(settings.active_purposes))


def _user() -> str:
    """The name of the user, by what cannot be set in the environment where there is such a thing."""
    try:
        import pwd  # noqa: PLC0415 - not on every system

        number = os.getuid()
    except (ImportError, AttributeError):
        return getpass.getuser()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a container may have a number without a name
        return str(number)


class Entry:
    """What the entry of a command shall tell; it is written by `tell`, once, or when the command has ended.

    `command` without the name of the program; `view`, `purpose`, `query`, `person`, `ticket` as in `Draft`.
    """

    def __init__(self, log: AuditLog, principal: Principal, command: str, area: str, *, reads: bool) -> None:
        self.command = command
        self.view: str | None = None
        self.purpose: str | None = None
        self.query: str | None = None
        self.ticket: str | None = None
        self.person: str | None = None
        self.everything = False
        self._log = log
        self._principal = principal
        self._area = area
        self._reads = reads
        self._told = False
        self._fault: AuditFailed | None = None

    def tell(self, outcome: int | None = Exit.OK, *, denied: bool = False) -> None:
        """Write it, with the exit code as `outcome`. Raises `AuditFailed`, from then on at each call."""
        if self._fault is not None:
            raise self._fault
        if self._told:
            return
        action = action_of(self._area, reads=self._reads, everything=self.everything, denied=denied)
        draft = self._log.draft(
            action,
            self._principal,
            f"kgservice {self.command}",
            view=self.view,
            purpose=self.purpose,
            query=self.query,
            ticket=self.ticket,
            person=self.person,
            outcome=None if outcome is None else int(outcome),
        )
        try:
            self._log.write(draft)
        except AuditFailed as error:
            self._fault = error
            raise
        self._told = True

    def before(self, out: BinaryIO) -> BinaryIO:
        """`out`, for an answer of which nothing gets there before the entry is written."""
        return cast(BinaryIO, _After(out, self.tell))


class Recorder:
    """Records what a command does, in the name of the `principal`."""

    def __init__(self, log: AuditLog, principal: Principal) -> None:
        self.principal = principal
        self._log = log

    @contextmanager
    def doing(self, command: str, area: str, *, reads: bool = True) -> Iterator[Entry]:
        """Do something in an area (the first part of the address where a service has it), and record it.

        What is returned from within the block is not answered when it cannot be recorded: `AuditFailed`.
        """
        entry = Entry(self._log, self.principal, command, area, reads=reads)
        try:
            yield entry
        except KgError as error:
            entry.tell(code(error), denied=isinstance(error, Forbidden | Unauthorised))
            raise
        except BaseException:
            entry.tell(None)
            raise
        entry.tell()


@contextmanager
def recording(settings: Settings) -> Iterator[Recorder]:
    """The audit log beside the store of these settings, for the length of the block. Raises `AuditFailed`."""
    with audit.opened(settings) as log:
        yield Recorder(log, owner(settings))


class Recorded(Protocol):
    """What has a recorder, for `recorded`."""

    @property
    def recorder(self) -> Recorder:
        """What records its work."""


S = TypeVar("S", bound=Recorded)
P = ParamSpec("P")
R = TypeVar("R")
Method = Callable[Concatenate[S, P], R]


def recorded(command: str, area: str, *, reads: bool = True) -> Callable[[Method[S, P, R]], Method[S, P, R]]:
    """A method whose work is recorded; see `Recorder.doing`."""

    def decorate(method: Method[S, P, R]) -> Method[S, P, R]:
        @wraps(method)
        def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            with self.recorder.doing(command, area, reads=reads):
                return method(self, *args, **kwargs)

        return run

    return decorate


class _After(io.RawIOBase):
    """Passes bytes on, after something was done before the first of them."""

    def __init__(self, out: BinaryIO, first: Callable[[], None]) -> None:
        super().__init__()
        self._out = out
        self._first = first

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._first()
        self._out.write(data)
        return len(data)
