"""Who asks: a name for the audit, roles that say what they may do, purposes that they may state."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from kgservice.errors import Forbidden
from kgservice.phrases import Phrase

EVERYTHING = "everything"  # what is stated for the view of everything, in place of a purpose


class Role(StrEnum):
    """What somebody does with the service; one person may do several of these."""

    MONITOR = "monitor"  # figures of the service, no data
    READER = "reader"  # saved questions
    RESEARCHER = "researcher"  # SPARQL on the views of their purposes
    EDITOR = "editor"  # changes
    STEWARD = "steward"  # validation, quarantine, links
    PRIVACY_OFFICER = "privacy-officer"  # consents, rights, audit
    ADMINISTRATOR = "administrator"  # all of it


# Who may see the view of everything.
OVERSEEING = frozenset({Role.STEWARD, Role.PRIVACY_OFFICER, Role.ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or program that was recognised.

    `name` tells it in provenance and audit and says nothing else of a person (`local`, `key:3f2a…`,
    `oidc:…`); only in the audit it may be `local:` and the user of the machine, who works without a service.
    `purposes` are the IRIs of those that it may state; `default` is the one it states by saying nothing: one
    of them, or None for the view of everything if it may see that, else for none.
    """

    name: str
    roles: frozenset[Role]
    purposes: frozenset[str] = frozenset()
    default: str | None = None

    @property
    def oversees(self) -> bool:
        """Whether it may see the view of everything."""
        return not self.roles.isdisjoint(OVERSEEING)

    @property
    def sees_persons(self) -> bool:
        """Whether it may see single persons: a reader alone may not."""
        return not self.roles <= {Role.MONITOR, Role.READER}

    @property
    def answers_for_privacy(self) -> bool:
        """Whether it may change consents, requests of persons, and what proves them."""
        return self.may(Role.PRIVACY_OFFICER)

    def may(self, *roles: Role) -> bool:
        """Whether it has one of the roles; an administrator has all."""
        return Role.ADMINISTRATOR in self.roles or not self.roles.isdisjoint(roles)


def default_purpose(roles: Collection[Role], purposes: Collection[str]) -> str | None:
    """What somebody states by saying nothing: the only purpose they have, unless they oversee everything."""
    if OVERSEEING.isdisjoint(roles) and len(purposes) == 1:
        return next(iter(purposes))
    return None


def stated_purpose(
    principal: Principal, stated: str | None, active: Collection[str], source: str
) -> str | None:
    """The IRI of the purpose that somebody reads for; None for the view of everything.

    `stated`: an IRI, or `everything`, or None for who says nothing; `active` are the purposes that there are
    views for; `source` names where it is stated. Raises `Forbidden`, which lists the principal's own
    purposes, for one that is not theirs, is not active or does not exist: which of these it is, is not told.
    """
    if stated is None:
        if principal.default in principal.purposes and principal.default in active:
            return principal.default
        if principal.default is None and principal.oversees:
            return None
        raise _refused(Phrase("State a purpose"), principal, active, source)
    if stated == EVERYTHING and principal.oversees:
        return None
    if stated in principal.purposes and stated in active:
        return stated
    raise _refused(Phrase("This purpose is none of yours"), principal, active, source)


def _refused(why: Phrase, principal: Principal, active: Collection[str], source: str) -> Forbidden:
    own = sorted(purpose for purpose in principal.purposes if purpose in active)
    if principal.oversees:
        own.append(EVERYTHING)
    if own:
        which = Phrase("you may state: {purposes}", purposes=", ".join(own))
    else:
        which = Phrase("you have none that you may state")
    return Forbidden("{why}; {which}", why=why, which=which, purposes=own, source=source)
