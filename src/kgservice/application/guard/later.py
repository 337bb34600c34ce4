"""What is still to be looked at after a commit, as the state graph notes it with that commit."""

from __future__ import annotations

from pyoxigraph import NamedNode, Quad

from kgservice.namespaces import SCHEMA, Addresses
from kgservice.store.base import Store

# Focus nodes by the shape that is still to look at them; or `everything`.
Later = dict[NamedNode, set[NamedNode]]

_NOTED = NamedNode(f"{SCHEMA}object")


def everything(addresses: Addresses) -> Later:
    """What is left of a change of which nobody has worked out the nodes: they may be any."""
    state = NamedNode(addresses.state)
    return {state: {state}}


def notes(addresses: Addresses, later: Later) -> set[Quad]:
    """What notes them."""
    state = NamedNode(addresses.state)
    return {Quad(shape, _NOTED, node, state) for shape, nodes in later.items() for node in nodes}


def noted(store: Store, addresses: Addresses) -> Later:
    """What is noted in a store."""
    later: Later = {}
    for quad in store.match([(None, _NOTED, None)], NamedNode(addresses.state)):
        if isinstance(quad.subject, NamedNode) and isinstance(quad.object, NamedNode):
            later.setdefault(quad.subject, set()).add(quad.object)
    return later
