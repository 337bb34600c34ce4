"""Checksums of the files of an embedded store that never change: what was damaged since shows by them.

RocksDB keeps a checksum of each block and looks at it when it reads the block, which may be long after the
damage, when all backups hold it, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from kgservice.domain.backup import File
from kgservice.errors import StoreFailed
from kgservice.store.disk import sync
from kgservice.store.folders import file_at

NAME = "CHECKSUMS"  # in the directory of the store: RocksDB leaves alone what is none of its own files


class Checksums:
    """The checksums of the tables of the store in a directory, as they were when each was noted first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self) -> None:
        """Read the tables that are known. Raises `StoreFailed` for those that were damaged."""
        known = self._known()
        tables = (path for path in sorted(self._folder.glob("*.sst")) if path.name in known)
        self.compare(file for path in tables if (file := _read(path)) is not None)

    def note(self, checkpoint: Path) -> None:
        """Note the tables of a checkpoint that are not known, and forget those that it has not.

        The directory of the store itself may hold some that are half written, or left over by a process that
        was killed: their numbers are used again.
        """
        known = self._known()
        tables = (known.get(path.name) or _read(path) for path in sorted(checkpoint.glob("*.sst")))
        self._write(file for file in tables if file is not None)

    def compare(self, found: Iterable[File]) -> None:
        """Raise `StoreFailed` for tables that are not as they were."""
        known = self._known()
        damaged = [file.path for file in found if file.path in known and known[file.path] != file]
        if damaged:
            raise StoreFailed(
                f"files of the store {self._folder} are damaged: {', '.join(damaged)}. Move the store away "
                "and restore a backup (kgservice restore)"
            )

    def _known(self) -> dict[str, File]:
        """By name; none where the file is not there or is damaged itself."""
        try:
            said = json.loads((self._folder / NAME).read_text(encoding="utf-8"))
            return {name: File(name, size, digest) for name, (size, digest) in said.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _write(self, files: Iterable[File]) -> None:
        said = json.dumps({file.path: (file.size, file.sha256) for file in files}, indent=0)
        part = self._folder / f"{NAME}.part"
        try:
            part.touch(mode=0o600)
            part.write_text(said, encoding="utf-8")
            sync(part)
            part.rename(self._folder / NAME)
        except OSError as error:
            raise StoreFailed(f"the checksums of the store cannot be written: {error}") from error


def _read(path: Path) -> File | None:
    """The table, or None for one that the engine has just taken away, since another one took its place."""
    try:
        return file_at(path, path.name)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreFailed(f"the store cannot be read: {error}") from error
