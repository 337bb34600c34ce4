"""What a validation has found so far, in a file: after an interruption it goes on from there."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from struct import Struct
from typing import BinaryIO

from kgservice.application.guard.packing import packed, unpacked_findings
from kgservice.domain.finding import Finding

_BEFORE = Struct(">II")  # before each block: its length and its checksum


class Journal:
    """The file of one validation, which only its owner can read: what job it is, then part after part.

    With `resume` it goes on with what the file holds, if that is of the same job; `say` is told. A part that
    was not written whole does not count. As a context it closes the file, and takes it away unless there was
    an exception.
    """

    def __init__(
        self, path: Path, *, resume: bool = False, say: Callable[[str], None] = lambda _words: None
    ) -> None:
        self._path = path
        self._resume = resume
        self._say = say
        self._file: BinaryIO | None = None
        self.parts: list[list[Finding]] = []

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            if kind is None:
                self._path.unlink(missing_ok=True)

    def begin(self, job: str, now: datetime) -> datetime:
        """Open the file for a job; the moment that it is about: `now`, or that of the one it goes on with.

        `job` tells one from another. `parts` are the findings that there are already. Raises `BadInput` for a
        file that somebody else wrote.
        """
        began = self._continued(job) if self._resume else None
        if began is None:
            opened = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._file = os.fdopen(opened, "wb")
            self._write(json.dumps({"job": job, "began": now.isoformat()}).encode())
            return now
        return began

    def add(self, part: list[Finding]) -> None:
        """Keep the findings of the next part."""
        self._write(packed(part))
        self.parts.append(part)

    def _continued(self, job: str) -> datetime | None:
        """Take up what the file holds of the job; the moment at which it began."""
        if not self._path.exists():
            self._say("No validation was interrupted. Starting one.")
            return None
        with self._path.open("rb") as file:
            blocks = _blocks(file)
            head = json.loads(next(blocks, b"{}"))
            if head.get("job") != job:
                self._say("The records, the model or the shapes have changed since. Starting anew.")
                return None
            end = file.tell()
            for block in blocks:
                self.parts.append(unpacked_findings(block, self._path))
                end = file.tell()
        self._file = self._path.open("r+b")
        self._file.truncate(end)
        self._file.seek(end)
        self._say(f"Going on with the validation that began at {head['began']}.")
        return datetime.fromisoformat(head["began"])

    def _write(self, block: bytes) -> None:
        assert self._file is not None
        self._file.write(_BEFORE.pack(len(block), zlib.crc32(block)) + block)
        self._file.flush()


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """The blocks that were written whole."""
    while len(before := file.read(_BEFORE.size)) == _BEFORE.size:
        length, checksum = _BEFORE.unpack(before)
        block = file.read(length)
        if len(block) < length or zlib.crc32(block) != checksum:
            return
        yield block
