"""Write an embedded store anew, so that its files hold nothing but what it says now.

Oxigraph keeps each text once in a table of its own and never takes one out of it, and its log of changes
holds them, too; compaction does not help. So what was deleted leaves the disk only when all that is left is
written into another directory, which then takes the place of the first.
"""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import BinaryIO, cast

import pyoxigraph
from pyoxigraph import RdfFormat

from kgservice.errors import StoreFailed
from kgservice.store.disk import sync
from kgservice.store.folders import unfinished


def rewrite(path: Path) -> None:
    """Write the store in the directory anew; it takes as much space again while it does.

    Nobody may have it open. Raises `StoreFailed`, and then the store is as it was. If the process dies, the
    next `recover` tidies up.
    """
    recover(path)
    new, done, old = _names(path)
    try:
        before = pyoxigraph.Store(path)
        after = pyoxigraph.Store(new)
        _copy(before, after)
        for name in before.named_graphs():
            after.add_graph(name)
        after.flush()
        if len(after) != len(before):
            raise StoreFailed(f"{len(before)} statements were read, but {len(after)} written")
        del after, before
        new.rename(done)
        path.rename(old)
        done.rename(path)
        sync(path.parent)  # the new names are on the disk before the old files go
        shutil.rmtree(old)
    except (OSError, RuntimeError, SyntaxError, ValueError) as error:
        raise StoreFailed(f"the store cannot be written anew: {error}") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def recover(path: Path) -> None:
    """Finish or undo what a `rewrite` or a restore that was interrupted has left beside the store."""
    new, done, old = _names(path)
    if not path.exists() and done.exists():
        done.rename(path)
    elif not path.exists() and old.exists():
        old.rename(path)
    for left in (new, done, old, unfinished(path)):
        shutil.rmtree(left, ignore_errors=True)


def _names(path: Path) -> tuple[Path, Path, Path]:
    """The directories beside the store: what is being written, what is written, what it replaces."""
    new, done, old = (path.with_name(f".{path.name}.{end}") for end in ("rewriting", "rewritten", "replaced"))
    return new, done, old


def _copy(before: pyoxigraph.Store, after: pyoxigraph.Store) -> None:
    """Copy all statements through a pipe: they are in no other file meanwhile."""
    read, write = os.pipe()
    faults: list[BaseException] = []

    def send() -> None:
        try:
            with os.fdopen(write, "wb") as out:
                before.dump(cast(BinaryIO, out), RdfFormat.N_QUADS)
        except (OSError, RuntimeError, ValueError) as error:
            faults.append(error)

    sending = threading.Thread(target=send, name="rewriting")
    sending.start()
    try:
        with os.fdopen(read, "rb") as source:
            after.bulk_load(cast(BinaryIO, source), RdfFormat.N_QUADS)
    finally:
        sending.join()
    if faults:
        raise StoreFailed(f"the store cannot be read: {faults[0]}")
