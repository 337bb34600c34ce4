"""A change: the quads to add and to remove, who asks for it, why, and from where."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from pyoxigraph import NamedNode, Quad

from kgservice.errors import BadParameter

LONGEST = 2000  # characters of a name


def _nobody(_number: int) -> None:
    """Hear the number of a commit, and do nothing."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who changes the graph, why, and from which source.

    `agent` is the principal that asked; `named` is whom it names as the one who decided, if that is another:
    the service cannot know whether it is true. Both and `source` are IRIs or short names; `reason` is a
    sentence for people. `privacy`: the principal may change consents, requests and what proves them, and
    `oversees`: it may see everything, so that it may say whose a record is. `told` hears the number of each
    commit that is made.
    """

    agent: str = "local"
    reason: str = ""
    source: str = ""
    named: str = ""
    privacy: bool = True
    oversees: bool = True
    told: Callable[[int], None] = field(default=_nobody, repr=False, compare=False)

    @classmethod
    def asked(
        cls,
        principal: str,
        named: str | None = None,
        *,
        privacy: bool = True,
        oversees: bool = True,
        told: Callable[[int], None] = _nobody,
    ) -> Origin:
        """What is asked by a principal, which may name another. Raises `BadParameter` for no name."""
        if named is None:
            return cls(principal, privacy=privacy, oversees=oversees, told=told)
        if not named.strip():
            raise BadParameter("the agent has no name", source="agent")
        if len(named) > LONGEST:
            raise BadParameter(
                "the text is longer than {longest} characters", longest=LONGEST, source="agent"
            )
        try:
            named.encode()
        except UnicodeEncodeError:
            raise BadParameter("the text is not valid Unicode", source="agent") from None
        return cls(principal, named=named, privacy=privacy, oversees=oversees, told=told)

    @property
    def decided(self) -> str:
        """Who decided: whom the principal names, else the principal."""
        return self.named or self.agent

    def because(self, reason: str, source: str) -> Origin:
        """The same, for this reason and from this source."""
        return replace(self, reason=reason, source=source)


LOCAL = Origin()  # who works on the store itself


@dataclass(frozen=True, slots=True)
class Change:
    """What shall be different afterwards.

    A quad in the default graph is a *loose* statement: the router decides which record graph it
    belongs to (to add), or removes it from whichever record graph holds it (to remove). Removals
    happen before additions. `create` and `drop` name scratch graphs to exist (perhaps empty) or to
    go, with all they hold. `trusted`: the service itself asks; the guard does not judge it, and it may write
    its own graphs of findings, quality and quarantine. `replaces`: whoever asks does not know what is to be
    removed: it is what has been there.

    `lawful`: the law demands it, so a violation that it brings becomes a finding and is no reason to refuse
    it. `erased` are nodes of which nothing shall stay, no finding and no trace of the commit either; such a
    change may write all graphs of the service but the model.
    """

    add: tuple[Quad, ...] = ()
    remove: tuple[Quad, ...] = ()
    create: tuple[NamedNode, ...] = ()
    drop: tuple[NamedNode, ...] = ()
    origin: Origin = field(default_factory=Origin)
    trusted: bool = False
    replaces: bool = False
    lawful: bool = False
    erased: frozenset[NamedNode] = frozenset()

    @classmethod
    def adding(cls, quads: Iterable[Quad], origin: Origin | None = None) -> Change:
        """A change that only adds `quads`."""
        return cls(add=tuple(quads), origin=origin or Origin())


@dataclass(frozen=True, slots=True)
class Commit:
    """What a change did: its number (1, 2, …), moment (UTC) and the record statements that really changed.

    A change that changes nothing makes no commit: `added` and `removed` are 0 and `number` is that of the
    last commit before it.
    """

    number: int
    time: datetime
    added: int
    removed: int
