"""What `kgservice serve` does: open the store, fill it when asked, announce the service and run it."""

from __future__ import annotations

import atexit
import gc
import os
import secrets
import signal
import socket
import threading
import webbrowser
from contextlib import ExitStack
from types import FrameType
from typing import Never

from kgservice.application.changes.replica import Budget
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.demonstration import load_demonstration
from kgservice.application.law import audit
from kgservice.cli import logs
from kgservice.cli.answers import say
from kgservice.cli.isolating import isolated
from kgservice.cli.local import forgotten, opened
from kgservice.cli.runtime import Running, announced, find, local_url
from kgservice.cli.stores import MIB
from kgservice.domain.clock import system_clock
from kgservice.errors import BadParameter, KgError, StoreFailed
from kgservice.http import serve as http
from kgservice.settings import Settings
from kgservice.store.checksums import Checksums
from kgservice.store.oxigraph import OxigraphStore

_IN_A_NETWORK = (
    "It speaks plain HTTP: let a proxy in front of it speak TLS, and name that in KGSERVICE_PROXIES and the "
    "host name in KGSERVICE_HOSTS."
)


def run(settings: Settings, *, demo: bool, open_browser: bool) -> None:
    """Serve until the process is told to end (Ctrl-C or SIGTERM).

    Raises `StoreFailed` when a service runs on the store already or the store is damaged, `BadParameter` for
    a port that is taken, `Forbidden` when nobody could sign in, `BadRdf` or `BadInput` for shapes that cannot
    be used, `AuditFailed` when the audit log cannot be written or was tampered with.
    """
    # In a network the token is only for commands on this machine, so it is never one that somebody chose.
    secret = (settings.local and settings.token) or secrets.token_urlsafe(24)
    http.check_door(settings, system_clock())
    _check_alone(settings)
    _check_port(settings.host, settings.port)
    with logs.writing(settings.log_format):
        _run(settings, secret, demo=demo, open_browser=open_browser)


def _run(settings: Settings, secret: str, *, demo: bool, open_browser: bool) -> None:
    ticket = secrets.token_urlsafe(24)
    Checksums(settings.store).check()
    forgotten(settings)
    with opened(settings) as kg, audit.opened(settings) as log, ExitStack() as while_running:
        if demo and kg.head == 0:
            say("Loading the demonstration graph …")
            load_demonstration(kg)
        _note(kg)
        if settings.memory:
            views = Budget(settings.memory * MIB // 4)
            if not settings.remote:  # else these are near already
                kg.copies.keep_records(OxigraphStore(), Budget(settings.memory * MIB // 4))
                kg.copies.keep_view(kg.view, OxigraphStore(), views)
            for purpose in settings.active_purposes:
                kg.copies.keep_view(kg.reader(purpose).view, OxigraphStore(), views)

        kg.search.start(*(kg.reader(purpose).view for purpose in (None, *settings.active_purposes)))
        while_running.enter_context(isolated(kg))
        faults: list[KgError] = []

        def ready(address: str) -> None:
            url = address.removesuffix("/")
            if near := local_url(settings.host, url):
                running = Running(near, secret, os.getpid())
                while_running.enter_context(announced(settings.store, running))
            link = f"{url}/?ticket={ticket}" if settings.local else address
            words = f"kgservice is ready: {link}"
            if settings.local:
                words += f"\nToken for programs and other browsers (the link opens one, once): {secret}"
            print(words, flush=True)
            if not settings.local:
                say(_IN_A_NETWORK)
            say("Stop it with Ctrl-C.")
            if open_browser:
                webbrowser.open(link)
            # The first change would otherwise wait for the shapes to be read, which takes seconds. Not before
            # now: what uvicorn does not catch is raised wherever the program is, and lost in a destructor.
            threading.Thread(target=_prepare, args=[kg, faults], name="guard", daemon=True).start()

        before = signal.signal(signal.SIGTERM, _stop)
        try:
            http.serve(kg, settings, secret, ticket=ticket, audit=log, ready=ready)
        except (_Stopped, KeyboardInterrupt):
            say("Stopped.")
        finally:
            signal.signal(signal.SIGTERM, before)
        if faults:
            raise faults[0]
        _note(kg)


def _note(kg: KnowledgeGraph) -> None:
    """Note the checksums of tables that are new, if there is room."""
    if kg.store.writable and not kg.settings.remote:
        with kg.store.checkpoint() as tables:
            Checksums(kg.settings.store).note(tables)


def _prepare(kg: KnowledgeGraph, faults: list[KgError]) -> None:
    """Make the guard ready, unless the service is stopped meanwhile.

    With shapes that cannot be used no change could be judged: then `faults` says why, and the service ends.
    """
    try:
        kg.guard.prepare(kg.planner())
    except StoreFailed:
        return
    except KgError as error:
        faults.append(error)
        os.kill(os.getpid(), signal.SIGTERM)
    # What is there by now stays; to look through it for garbage would stop all requests for half a second.
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # at the end nothing may stay: libraries tell of what they find then
    kg.current()  # who reads would otherwise wait for what a process before has left


class _Stopped(Exception):
    """The process was told to end."""


def _stop(number: int, frame: FrameType | None) -> Never:  # noqa: ARG001
    # uvicorn raises the signals that it caught once more when it has ended.
    raise _Stopped


def _check_alone(settings: Settings) -> None:
    """Raises `StoreFailed` when a service runs on the store already."""
    other = find(settings.store)
    if other is None:
        return
    from kgservice.cli.remote import Remote  # noqa: PLC0415 - it costs time to import

    with Remote(other.url, other.token) as remote:
        if remote.answers():
            raise StoreFailed(
                "a service runs on this store already: {url} (its token: {token})",
                url=other.url,
                token=other.token,
            )


def _check_port(host: str, port: int) -> None:
    """Raises `BadParameter` when the port is taken, before the store is opened and loaded."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as error:
        raise BadParameter(
            "cannot listen on port {port}: {error}", port=port, error=error, source="--port"
        ) from None
