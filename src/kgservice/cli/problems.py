"""Problems that a service answers, as the errors that commands know; and long work, step by step."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kgservice.errors import KgError, StoreFailed
from kgservice.http.messages.details import PROBLEMS

if TYPE_CHECKING:
    import httpx

Progress = Callable[[str, int, int], None]
_ERRORS = {name: kind for kind, (_, name) in PROBLEMS.items()}


def error_of(response: httpx.Response) -> KgError:
    """The error that a problem-details answer tells of."""
    try:
        return problem(response.json())
    except ValueError:
        return StoreFailed(
            "the service answered {status} {phrase}",
            status=response.status_code,
            phrase=response.reason_phrase,
        )


def problem(body: dict[str, Any]) -> KgError:
    """The error of problem details."""
    kind = _ERRORS.get(str(body.get("type", "")).rpartition("/")[2], StoreFailed)
    return kind(
        str(body.get("detail") or body.get("title")),
        line=body.get("line"),
        column=body.get("column"),
        source=body.get("source"),
    )


def spoken_in(fmt: str, language: str) -> dict[str, str]:
    """The header that asks for a report in a language, if it has one: problems come in it, too."""
    return {"Accept-Language": language} if fmt in {"text", "junit"} else {}


def followed(
    response: httpx.Response,
    what: str,
    progress: Progress,
    begun: Callable[[dict[str, Any]], None] = lambda _run: None,
) -> dict[str, Any]:
    """Read the lines that tell of long work, `what` it is called: its steps, at last the event `done`.

    `begun` hears of the run, if it is one. Raises the error of a problem, `StoreFailed` if there is no end.
    """
    for line in response.iter_lines():
        event: dict[str, Any] = json.loads(line)
        match event.pop("event"):
            case "run":
                begun(event["run"])
            case "progress":
                progress(event["name"], event["done"], event["total"])
            case "done":
                return event
            case "problem":
                raise problem(event)
            case other:
                print(f"The service said {other!r}, which this version does not know.", file=sys.stderr)
    raise StoreFailed("the service stopped in the middle of the {what}", what=what)
