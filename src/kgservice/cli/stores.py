"""Which store the settings name, and what has to be done before it is used."""

from __future__ import annotations

from kgservice.application.care.migrating import Mark, ServerMark
from kgservice.application.changes.replica import Budget
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.settings import Settings
from kgservice.store.base import Store
from kgservice.store.disk import Disk
from kgservice.store.oxigraph import OxigraphStore

MIB = 2**20


def store_of(settings: Settings, *, in_part: bool = False) -> Store:
    """The store, opened; with `in_part` also one into which a migration has not ended.

    Raises `StoreFailed` when the directory cannot be opened, or the server cannot be reached or relied on.
    """
    if not settings.remote:
        if not in_part:
            Mark(settings.store).refuse()
        synced = settings.durability == "power-loss"
        disk = Disk(settings.store, synced=synced, reserve=settings.reserve * MIB)
        return OxigraphStore(settings.store, disk)
    # What speaks to servers takes a moment to import, which the embedded store does not need.
    from kgservice.store.cluster import Cluster  # noqa: PLC0415
    from kgservice.store.remote import RemoteStore  # noqa: PLC0415
    from kgservice.store.selftest import check_server  # noqa: PLC0415
    from kgservice.store.sparql_http import Server  # noqa: PLC0415

    server = Server(
        settings.remote,
        settings.remote_update or settings.remote,
        settings.remote_data or settings.remote,
        settings.remote_user,
        settings.remote_password,
    )
    journal, readers = settings.store / "unfinished", settings.remote_readers.split()
    store = Cluster(server, readers, journal) if readers else RemoteStore(server, journal)
    try:
        check_server(store, server.name)
        if not in_part:
            mark_of(settings, store).refuse()
        if isinstance(store, Cluster):
            store.follow()
    except BaseException:
        store.close()
        raise
    return store


def mark_of(settings: Settings, store: Store) -> Mark | ServerMark:
    """What says of the store that a migration into it has not ended."""
    if not settings.remote:
        return Mark(settings.store)
    query = settings.remote
    return ServerMark(store, f"{query},{settings.remote_update or query},{settings.remote_data or query}")


def near(kg: KnowledgeGraph) -> None:
    """Look up what commits need in memory, when the store is far: hundreds of requests would take seconds."""
    if not kg.settings.remote or not kg.settings.memory:
        return
    size = kg.settings.memory * MIB // 4
    filling = [
        kg.copies.keep_records(OxigraphStore(), Budget(size)),
        kg.copies.keep_view(kg.view, OxigraphStore(), Budget(size)),
    ]
    for replica in filling:
        replica.wait()
