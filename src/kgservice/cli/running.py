"""A run of a service, followed to its end with a progress bar; Ctrl-C stops it there, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from kgservice.cli.bars import Bars
from kgservice.cli.problems import followed

if TYPE_CHECKING:  # a command that asks no service need not wait for httpx
    import httpx

    Send = Callable[..., AbstractContextManager[httpx.Response]]
    """Sends a request (method, path, and what httpx takes); the answer, which is no error."""


def ran(send: Send, path: str, params: Mapping[str, str], *, place: str = "") -> dict[str, Any]:
    """Start a run at `path` of a service and follow it; its result. Raises the error that it ends with.

    `place`: below which it is told of, if that is not `path`.
    """
    begun: list[str] = []
    headers = {"Accept": "application/x-ndjson"}
    try:
        with send("POST", path, params=dict(params), headers=headers) as response, Bars() as bars:

            def show(name: str, done: int, total: int) -> None:
                bars.show(name if total else f"{name} {done}", done, total or done or 1)

            event = followed(response, "run", show, lambda run: begun.append(run["id"]))
            result: dict[str, Any] = event["result"]
            return result
    except KeyboardInterrupt:
        for key in begun:
            with send("POST", f"{place or path}/{key}/stop"):
                pass
        raise
