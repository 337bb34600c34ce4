"""`kgservice serve`: the service on this machine, with a link that opens it."""

from __future__ import annotations

from typing import Annotated

import typer

from kgservice.cli.options import StoreOption
from kgservice.settings import Settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="TCP port; 0: a free one. [default: 8000]")
    ] = None,
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

    Stop it with Ctrl-C. While it runs, the other commands on the same store work through it. On another
    address than loopback it starts only when keys (kgservice keys) or an identity provider are set up.

    Example: kgservice serve --demo --port 8080
    """
    # What runs the service costs time to import, which the other commands need not spend.
    from kgservice.cli.service import run  # noqa: PLC0415

    settings = Settings.load(host=host, port=port, store=store, token=token)
    run(settings, demo=demo, open_browser=open_browser)
