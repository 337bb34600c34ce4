"""What takes seconds to make and is the same for all tests is made once: in a run, or in each of its processes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from kgservice import resources
from kgservice.application.changes import modelfiles
from kgservice.domain.graphs import Graphs

OLD = Path(__file__).parent / "unit" / "data" / "store_of_form_0.tar.xz"


def old_store(path: Path) -> Path:
    """A store that an older release wrote: the code of commit 59d19d1, before forms had numbers.

    It holds what the demonstration of then says of two persons, one of whom consents to research, and of no
    project, and as much of the ontology as that uses.
    """
    with tarfile.open(OLD) as archive:
        archive.extractall(path, filter="data")
    return path


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder of this process, with what `make` puts into a folder once in the whole run.

    The first process that needs it makes it, while others that need it wait; each gets a copy.
    """
    base = factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made = root / f"made-{name}"
    with closing(sqlite3.connect(root / f"made-{name}.lock", timeout=600, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")  # a lock between processes that every system has
        if not made.exists():
            unfinished = factory.mktemp(name) / "unfinished"
            make(unfinished)
            unfinished.rename(made)
    return Path(shutil.copytree(made, factory.mktemp(name) / name))


@contextmanager
def ontology_read_once() -> Iterator[None]:
    """The shipped ontology is read and sorted once in this process, not for each of hundreds of graphs."""
    read, shipped = modelfiles.read, resources.folder("ontology")
    kept: dict[Graphs, modelfiles.ModelFiles] = {}

    def read_once(folder: Path, graphs: Graphs) -> modelfiles.ModelFiles:
        if folder != shipped:
            return read(folder, graphs)
        if graphs not in kept:
            kept[graphs] = read(folder, graphs)
        return kept[graphs]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modelfiles, "read", read_once)
        yield
