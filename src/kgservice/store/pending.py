"""The one change that is under way to a server, in a file that survives this process and a loss of power."""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from pathlib import Path

from kgservice.errors import StoreFailed


class Journal:
    """A file with one text and its checksum, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, text: str) -> None:
        """Keep the text, in place of the one before. Raises `StoreFailed`."""
        data = text.encode()
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(opened, "wb") as file:
                file.write(b"%08x\n" % zlib.crc32(data) + data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreFailed(f"what is to be written cannot be noted: {error}") from error

    def read(self) -> str:
        """The text; empty if there is none, or if it was not written to its end: then it was not sent."""
        try:
            head, _, data = self._path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise StoreFailed(f"what is to be written cannot be read: {error}") from error
        return data.decode() if head == b"%08x" % zlib.crc32(data) else ""

    def clear(self) -> None:
        """Keep nothing."""
        with suppress(OSError):  # a change can be made twice
            self._path.unlink(missing_ok=True)
