"""Directories of files that are copied with checksums and are on the disk when they have their name."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from kgservice.domain.backup import File
from kgservice.errors import StoreFailed
from kgservice.store.disk import sync


@contextmanager
def written(target: Path) -> Iterator[Path]:
    """A new directory to fill, which becomes `target`, whole and on the disk, at the end of the block.

    What the end of the process leaves is beside it, see `unfinished`; the next one takes it away. Only the
    owner can read what is in it. Raises `StoreFailed` for an `OSError`.
    """
    made = unfinished(target)
    try:
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(mode=0o700, parents=True)
        yield made
        for folder, _, names in os.walk(made):
            for name in names:
                sync(Path(folder, name))
            sync(Path(folder))
        made.rename(target)
        sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise StoreFailed(f"{target} cannot be written: {error}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def unfinished(target: Path) -> Path:
    """Where a directory is while it is filled."""
    return target.with_name(f".{target.name}.unfinished")


def paths_in(folder: Path) -> list[Path]:
    """Where the files below a directory are, in order."""
    return sorted(path for path in folder.rglob("*") if not path.is_dir())


def file_at(path: Path, name: str) -> File:
    """A file, read through, under a name of its own."""
    with path.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256")
        return File(name, source.tell(), digest.hexdigest())


def copy(source: Path, target: Path) -> None:
    """Copy a file; only its owner can read the copy."""
    with (
        source.open("rb") as read,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as write,
    ):
        shutil.copyfileobj(read, write, 1 << 20)


def copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite file, which others may write to meanwhile, as it is at one moment."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as write:
        read.backup(write)
        write.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it


def put(source: Path, target: Path) -> None:
    """Copy a file to where there is none: it has its name when it is whole and on the disk."""
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    copy(source, part)
    sync(part)
    part.rename(target)
    sync(target.parent)
