"""Where a store stands: the last commit that was answered, so that it shows when some are lost."""

from __future__ import annotations

import logging

from kgservice.errors import StoreFailed
from kgservice.namespaces import Addresses
from kgservice.store.base import Store

_log = logging.getLogger(__name__)


def note(store: Store, addresses: Addresses, number: int) -> None:
    """Note beside the data that a commit is made, before it is answered."""
    try:
        store.mark(f"{number} {addresses.base}\n")
    except StoreFailed as error:  # the commit stands all the same
        _log.error("what is lost from now on may not be noticed: %s", error)


def check(store: Store, addresses: Addresses, head: int) -> None:
    """Raise `StoreFailed` for a store that has lost commits which were answered."""
    number, _, base = store.marked().strip().partition(" ")
    if base == addresses.base and number.isdecimal() and int(number) > head:
        raise StoreFailed(
            f"the store is at commit {head}, but commit {number} was answered: its log is damaged, or power "
            "was lost while the setting durability was process. Restore a backup (kgservice restore); or, to "
            "go on without what is lost, delete the file ANSWERED in the directory of the store"
        )
