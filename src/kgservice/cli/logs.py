"""How a service writes its log, for people or as JSON: of an exception where it was, not what it says."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Plain(logging.Formatter):
    """Lines for people. What exceptions say may hold statements about persons, so it is left out."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is that of the standard library
        """The kind of the exception and the places that it came through."""
        kind, _, trace = ei
        places = [f"  {place}" for place in _places(trace)]
        return "\n".join([f"{kind.__name__}, raised at", *reversed(places)])


class Json(logging.Formatter):
    """A JSON object a line: `time`, `level`, `logger`, `message`; of exceptions `exception`, `places`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().strip(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            said |= {"exception": record.exc_info[0].__name__, "places": _places(record.exc_info[2])}
        return json.dumps(said, ensure_ascii=False)


@contextmanager
def writing(form: str) -> Iterator[None]:
    """While this is entered, all logs go to the error stream, as `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if form == "json" else Plain("%(levelname)s: %(message)s"))
    root, own = logging.getLogger(), logging.getLogger("kgservice")
    before = own.level
    root.addHandler(handler)
    if form == "json":
        own.setLevel(logging.INFO)
    try:
        yield
    finally:
        own.setLevel(before)
        root.removeHandler(handler)


def in_json() -> bool:
    """Whether the error stream is one of JSON lines."""
    return any(isinstance(handler.formatter, Json) for handler in logging.getLogger().handlers)


def _places(trace: Any) -> list[str]:
    """File, line and function of each frame, the innermost last."""
    return [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)]
