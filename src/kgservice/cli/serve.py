"""`kgservice serve`: the service on this machine, with a link that opens it."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import webbrowser
from contextlib import ExitStack
from types import FrameType
from typing import Annotated, Never

import typer

from kgservice import resources
from kgservice.application import imports
from kgservice.cli.answers import say
from kgservice.cli.local import opened
from kgservice.cli.options import StoreOption
from kgservice.cli.remote import Remote
from kgservice.cli.runtime import Running, announced, find
from kgservice.domain.change import Origin
from kgservice.errors import BadParameter, StoreFailed
from kgservice.http import serve as http
from kgservice.settings import Settings

DEMO = Origin(agent="kgservice", reason="demonstration graph", source="demo")


def serve(
    host: Annotated[str | None, typer.Option(help="Loopback address. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port; 0: a free one. [default: 8000]")] = None,
    store: StoreOption = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Load the demonstration graph when the store holds no records yet.")
    ] = False,
    token: Annotated[
        str | None,
        typer.Option(envvar="KGSERVICE_TOKEN", help="Access token; none: a new one at each start."),
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Start the service and print a link that opens it.

    Stop it with Ctrl-C. While it runs, the other commands on the same store work through it.

    Example: kgservice serve --demo --port 8080
    """
    settings = Settings.load(host=host, port=port, store=store, token=token)
    secret = settings.token or secrets.token_urlsafe(24)
    http.check_loopback(settings.host)
    _check_alone(settings)
    _check_port(settings.host, settings.port)
    with opened(settings) as kg, ExitStack() as while_running:
        if demo and kg.head == 0:
            say("Loading the demonstration graph …")
            imports.load(kg, [resources.folder("demo")], DEMO)

        def ready(link: str) -> None:
            running = Running(link.partition("/?")[0], secret, os.getpid())
            while_running.enter_context(announced(settings.store, running))
            print(f"kgservice is ready: {link}", flush=True)
            say("Stop it with Ctrl-C.")
            if open_browser:
                webbrowser.open(link)

        before = signal.signal(signal.SIGTERM, _stop)
        try:
            http.serve(kg, settings, secret, ready=ready)
        except (_Stopped, KeyboardInterrupt):
            say("Stopped.")
        finally:
            signal.signal(signal.SIGTERM, before)


class _Stopped(Exception):  # noqa: N818  (it is no error)
    """The process was told to end."""


def _stop(number: int, frame: FrameType | None) -> Never:  # noqa: ARG001
    # uvicorn raises the signals that it caught once more when it has ended.
    raise _Stopped


def _check_alone(settings: Settings) -> None:
    """Raises `StoreFailed` when a service runs on the store already."""
    other = find(settings.store)
    if other is None:
        return
    with Remote(other.url, other.token) as remote:
        if remote.answers():
            raise StoreFailed(f"a service runs on this store already: {other.link}")


def _check_port(host: str, port: int) -> None:
    """Raises `BadParameter` when the port is taken, before the store is opened and loaded."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as error:
        raise BadParameter(f"cannot listen on port {port}: {error}", source="--port") from None
