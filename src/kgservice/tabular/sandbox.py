"""A private DuckDB in which SQL of others may run: it reaches no file and no network, and has bounds."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from kgservice.errors import BadTable, DeadlineExceeded
from kgservice.phrases import Phrase

# What the SQL of a mapping may use: memory, and room on the disk for what does not fit into it.
_LIMITS = {"memory_limit": "2GB", "max_temp_directory_size": "8GB"}
_AGAIN = 0.05  # seconds after which SQL that is late is interrupted once more


class Sandbox:
    """A database in memory with a folder of its own for what does not fit; open until `locked`.

    `name` says whose SQL it is, in errors.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory(prefix="kgservice-")
        self.folder = Path(self._folder.name)
        self.db = duckdb.connect(
            ":memory:",
            config={
                "threads": 2,
                "autoinstall_known_extensions": False,
                "python_enable_replacements": False,
                "temp_directory": self._folder.name,
                **_LIMITS,
            },
        )

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and remove its folder."""
        self.db.close()
        self._folder.cleanup()

    def lock(self) -> None:
        """From here on the SQL can reach no file and no network, and cannot change that."""
        self.db.execute("SET enable_progress_bar = false")  # it would write into the output of commands
        self.db.execute("SET enable_external_access = false")
        self.db.execute("SET lock_configuration = true")

    def broken(self, detail: str, /, **values: object) -> BadTable:
        """The error that says what is wrong with the mapping, with `{name}` for each of the values."""
        said = Phrase(detail, **values)
        return BadTable(said, source=self.name)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Whatever DuckDB refuses is a fault of the mapping: `BadTable`, without paths of this machine."""
        try:
            yield
        except duckdb.Error as error:
            detail = str(error).replace(self._folder.name, "…")[:1000]
            raise self.broken("the SQL of the mapping fails: {detail}", detail=detail) from None

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Stop what SQL still runs in the block after so long, at its next step. Raises `DeadlineExceeded`.

        DuckDB looks between pieces of 2,048 rows: one expression on one of these is done to its end.
        """
        done, late = threading.Event(), threading.Event()

        def watch() -> None:
            if not done.wait(seconds):
                late.set()
                self.db.interrupt()
                while not done.wait(_AGAIN):  # it may have been between two statements
                    self.db.interrupt()

        watching = threading.Thread(target=watch, name="kgservice-sandbox", daemon=True)
        watching.start()
        try:
            yield
        except duckdb.InterruptException:
            if not late.is_set():
                raise
            raise DeadlineExceeded(
                "the SQL of the mapping was stopped after {seconds:g} s", seconds=seconds, source=self.name
            ) from None
        finally:
            done.set()
            watching.join()

    def count(self, sql: str) -> int:
        """The one whole number that a query answers."""
        row = self.db.execute(sql).fetchone()
        assert row is not None
        return int(row[0])


def quoted(name: str) -> str:
    """A name as SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
