"""Where a store stands: in which form it is written, and which commit was answered last."""

from __future__ import annotations

import logging
from collections.abc import Callable

from pyoxigraph import Literal, NamedNode, Quad

from kgservice.errors import StoreFailed
from kgservice.namespaces import CI, XSD, Addresses
from kgservice.namespaces import SCHEMA as SCHEMA_ORG
from kgservice.store.base import Dataset, Store

_VERSION = NamedNode(f"{SCHEMA_ORG}schemaVersion")
_INTEGER = NamedNode(f"{XSD}integer")

_log = logging.getLogger(__name__)


def _numbered(store: Store, addresses: Addresses) -> None:
    """From before forms had numbers: the views, made anew where they differ, are all that was different."""


# What makes the next form of a store out of each one. Done again from its start if it is interrupted.
MIGRATIONS: tuple[Callable[[Store, Addresses], None], ...] = (_numbered,)
SCHEMA = len(MIGRATIONS)  # the form that this release writes


def head(store: Store, addresses: Addresses) -> int:
    """The number of the last commit; 0 if there is none."""
    found = store.select(
        f"SELECT (MAX(?n) AS ?head) WHERE {{ ?commit <{CI}commitNumber> ?n }}",
        Dataset(default=(NamedNode(addresses.provenance),)),
    ).rows
    number = found[0][0] if found else None
    return int(number.value) if isinstance(number, Literal) else 0


def check(store: Store, addresses: Addresses, last: int) -> None:
    """Bring an older store into the form of this release.

    Raises `StoreFailed` for one of a newer release, and for one that has lost commits which were answered.
    """
    found = _schema(store, addresses)
    refuse_newer(found)
    number, _, base = store.marked().strip().partition(" ")
    if base == addresses.base and number.isdecimal() and int(number) > last:
        raise StoreFailed(
            "the store is at commit {last}, but commit {number} was answered: its log is damaged, or power "
            "was lost while the setting durability was process. Restore a backup (kgservice restore); or, to "
            "go on without what is lost, delete the file ANSWERED in the directory of the store",
            last=last,
            number=number,
        )
    for before, migrate in enumerate(MIGRATIONS[found:], found):
        migrate(store, addresses)
        store.apply(remove=[_quad(addresses, before)], add=[_quad(addresses, before + 1)])
        if last:
            _log.warning("the store was brought from form %d to form %d", before, before + 1)


def refuse_newer(schema: int) -> None:
    """Raise `StoreFailed` for a form that only a newer release knows."""
    if schema > SCHEMA:
        raise StoreFailed(
            "the store was written by a newer release of kgservice (form {schema}, known is {known}). "
            "Install that release, or restore a backup from before the upgrade (kgservice restore)",
            schema=schema,
            known=SCHEMA,
        )


def note(store: Store, addresses: Addresses, number: int) -> None:
    """Note beside the data that a commit is made, before it is answered."""
    try:
        store.mark(f"{number} {addresses.base}\n")
    except StoreFailed as error:  # the commit stands all the same
        _log.error("what is lost from now on may not be noticed: %s", error)


def _schema(store: Store, addresses: Addresses) -> int:
    """The form of the store; 0 for an empty one, too."""
    state = NamedNode(addresses.state)
    found = [q.object for q in store.match([(state, _VERSION, None)], state)]
    return max((int(term.value) for term in found if isinstance(term, Literal)), default=0)


def _quad(addresses: Addresses, schema: int) -> Quad:
    state = NamedNode(addresses.state)
    return Quad(state, _VERSION, Literal(str(schema), datatype=_INTEGER), state)
