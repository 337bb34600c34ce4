"""Who may do what: the one table from addresses to roles, and the one place where it is asked."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

from kgservice.domain.principal import OVERSEEING, Principal, Role
from kgservice.errors import Forbidden, NotFound
from kgservice.phrases import Phrase

NOBODY: frozenset[Role] = frozenset()
EVERYBODY = frozenset(Role) - {Role.MONITOR}  # who may see any data at all
QUERYING = EVERYBODY - {Role.READER}
EDITING = frozenset({Role.EDITOR, Role.STEWARD, Role.ADMINISTRATOR})
STEWARDS = frozenset({Role.STEWARD, Role.ADMINISTRATOR})
PRIVACY = frozenset({Role.PRIVACY_OFFICER, Role.ADMINISTRATOR})
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})

# Open to all: whether the service answers, what its problems mean, the style of its pages.
OPEN = "/health"
OPEN_TOO = frozenset({"/health/live", "/health/ready"})
OPEN_BELOW = ("/problems/", "/static/")


@dataclass(frozen=True, slots=True)
class Rule:
    """The roles that may read (GET, HEAD) and write (POST, PUT, PATCH, DELETE) at an address and below it."""

    read: frozenset[Role]
    write: frozenset[Role] = NOBODY

    def needed(self, method: str) -> frozenset[Role]:
        """The roles for a method; one that the address has not is told to all who may do anything here."""
        if method in {"GET", "HEAD"}:
            return self.read or self.write
        if method in {"POST", "PUT", "PATCH", "DELETE"}:
            return self.write or self.read
        return self.read | self.write


# One part of a path, or two where the second changes who may; all that is below where it ends with a slash.
# What is not here is not there: see `permit`.
RULES: dict[str, Rule] = {
    "/": Rule(EVERYBODY),
    "/audit": Rule(PRIVACY),
    "/backups": Rule(ADMINISTRATORS, ADMINISTRATORS),
    "/check": Rule(ADMINISTRATORS, ADMINISTRATORS),
    "/consents": Rule(PRIVACY, PRIVACY),
    "/decisions": Rule(PRIVACY),
    "/export": Rule(ADMINISTRATORS),
    "/findings": Rule(OVERSEEING, STEWARDS),
    "/graphs": Rule(OVERSEEING, EDITING),  # these are the records themselves, whatever the purpose
    "/id": Rule(EVERYBODY),
    "/imports": Rule(STEWARDS, EDITING),
    "/imports/": Rule(STEWARDS, STEWARDS),  # sources that are set up here, and what goes back to them
    "/journeys": Rule(EVERYBODY),
    "/links": Rule(STEWARDS, STEWARDS),
    "/maintenance": Rule(ADMINISTRATORS, ADMINISTRATORS),
    "/metrics": Rule(frozenset({Role.MONITOR, Role.ADMINISTRATOR})),
    "/ontology": Rule(EVERYBODY),
    "/openapi.json": Rule(EVERYBODY),
    "/pages": Rule(EVERYBODY),
    "/pages/consents": Rule(PRIVACY, PRIVACY),
    "/pages/administration": Rule(ADMINISTRATORS, ADMINISTRATORS),
    "/pages/audit": Rule(PRIVACY),
    "/pages/backups": Rule(ADMINISTRATORS, ADMINISTRATORS),
    "/pages/conflicts": Rule(STEWARDS, STEWARDS),
    "/pages/findings": Rule(STEWARDS, STEWARDS),
    "/pages/keys": Rule(ADMINISTRATORS, ADMINISTRATORS),
    "/pages/links": Rule(STEWARDS, STEWARDS),
    "/pages/persons": Rule(PRIVACY, PRIVACY),
    "/pages/purpose": Rule(NOBODY, EVERYBODY),
    "/pages/quality": Rule(STEWARDS, STEWARDS),
    "/pages/quarantine": Rule(STEWARDS, STEWARDS),
    "/pages/records": Rule(EDITING, EDITING),
    "/pages/requests": Rule(PRIVACY, PRIVACY),
    "/pages/sources": Rule(STEWARDS, STEWARDS),
    "/pages/sparql": Rule(QUERYING),
    "/pages/workbench": Rule(QUERYING),
    "/processing-activities": Rule(PRIVACY, PRIVACY),
    "/quality": Rule(STEWARDS, STEWARDS),
    "/quarantine": Rule(STEWARDS, STEWARDS),
    "/queries": Rule(EVERYBODY),
    "/records": Rule(EDITING, EDITING),
    "/requests": Rule(PRIVACY, PRIVACY),
    "/sparql": Rule(QUERYING, QUERYING),
    "/subjects": Rule(PRIVACY, PRIVACY),
    "/trace": Rule(EVERYBODY),
    "/update": Rule(NOBODY, EDITING),
    "/validation": Rule(STEWARDS, EDITING),  # POST is the dry run
}


def is_open(path: str) -> bool:
    """Whether an address needs no sign-in."""
    return path == OPEN or path in OPEN_TOO or path.startswith(OPEN_BELOW)


def rule_of(path: str) -> Rule | None:
    """The rule for a path as the server decoded it, or None when there is nothing at such an address.

    >>> rule_of("/graphs") is rule_of("/graphs/x/y"), rule_of("//graphs"), rule_of("/graphs.")
    (True, None, None)
    """
    if path in RULES and (path == "/" or not path.endswith("/")):
        return RULES[path]
    first, _, rest = path[1:].partition("/")
    if path[:1] != "/" or (not first and path != "/"):
        return None
    below = RULES.get(f"/{first}/{rest.partition('/')[0]}") or RULES.get(f"/{first}/")
    return (below if "/" in path[1:] else None) or RULES.get(f"/{first}")


def permit(principal: Principal, method: str, path: str) -> None:
    """Raises `Forbidden` with the roles that may, `NotFound` for an address that is not in the table."""
    rule = rule_of(path)
    if rule is None:
        raise NotFound("There is nothing at {path}", path=path)
    needed = rule.needed(method)
    if principal.roles.isdisjoint(needed) and not principal.may():
        names = sorted(needed | ADMINISTRATORS)
        own = ", ".join(sorted(principal.roles)) or Phrase("none")
        raise Forbidden(
            "This needs one of the roles {names}; yours: {own}", names=", ".join(names), own=own, roles=names
        )


def may_read(principal: Principal, path: str) -> bool:
    """Whether somebody may read at an address of the table."""
    rule = rule_of(path)
    return rule is not None and principal.may(*rule.needed("GET"))


def principal_of(scope: Scope) -> Principal:
    """Who makes the request."""
    principal: Principal = scope["state"]["principal"]
    return principal
