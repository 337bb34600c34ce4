"""Servers of PostgreSQL and MariaDB of the tests' own: at a free port of this machine, with a password."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from kgservice.crm.settings import Source
from tests.crm.folders import people

USER, PASSWORD = "anna", "geheim"
ENVIRON = {"U": USER, "P": PASSWORD}
CREDENTIALS = '[credentials]\nuser = { env = "U" }\npassword = { env = "P" }'


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs: `url` as settings name it, `engine` for what a test does itself."""

    url: str
    engine: sa.Engine

    def does(self, *statements: str) -> None:
        """Carry out statements, each at once."""
        with self.engine.connect() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))

    def source(self, folder: Path, place: str) -> Source:
        """A source `people` in a table or query here, whose user and password are in U and P."""
        return people(folder, place, kind="sql", connection=f'url = "{self.url}"', more=CREDENTIALS)


@contextmanager
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server. Skips the test where that is not installed."""
    initdb, server = _installed("PostgreSQL", "initdb", "postgres")
    with _own_folder() as (folder, user):
        secret = folder / "secret"
        secret.write_text(f"{PASSWORD}\n")
        if user is not None:
            shutil.chown(secret, user)
        _prepared(
            [initdb, "-D", folder / "data", "-U", USER, "--pwfile", secret, "-A", "scram-sha-256", "--no-sync", "-E", "UTF8", "--locale=C"],
            folder, user,
        )  # fmt: skip
        port = _free_port()
        command: list[str | Path] = [server, "-D", folder / "data", "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]  # fmt: skip
        with _running(command, folder, user) as wait:
            yield wait(f"postgresql://127.0.0.1:{port}/postgres", "postgresql+psycopg")


@contextmanager
def mariadb() -> Iterator[Server]:
    """A MariaDB server with a database `crm`. Skips the test where that is not installed."""
    install, server, _ = _installed("MariaDB", "mariadb-install-db", "mariadbd", "my_print_defaults")
    with _own_folder() as (folder, user):
        _prepared(
            [install, "--no-defaults", f"--datadir={folder / 'data'}", "--auth-root-authentication-method=normal", "--skip-test-db"],
            folder, user,
        )  # fmt: skip
        first = folder / "first.sql"
        first.write_text(
            "CREATE DATABASE crm CHARACTER SET utf8mb4;\n"
            f"CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON crm.* TO '{USER}'@'127.0.0.1';\n"
        )
        port = _free_port()
        command = [
            server, "--no-defaults", f"--datadir={folder / 'data'}", "--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder / 'socket'}",
            f"--pid-file={folder / 'pid'}", f"--init-file={first}", "--skip-log-bin", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
        ]  # fmt: skip
        with _running(command, folder, user) as wait:
            yield wait(f"mariadb://127.0.0.1:{port}/crm", "mariadb+pymysql")


def _installed(name: str, *programs: str) -> list[str]:
    """Where programs of a server are."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    found = [at for one in programs if (at := shutil.which(one, path=path)) is not None]
    if len(found) < len(programs):
        pytest.skip(f"{name}'s server is not installed, so it is not tested here")
    return found


@contextmanager
def _own_folder() -> Iterator[tuple[Path, str | None]]:
    """A folder of a server and who runs it: `nobody` if we are root, as whom no such server runs.

    Not in pytest's folder, which each start of pytest closes to others again.
    """
    with tempfile.TemporaryDirectory(prefix="kgservice-server-") as folder:
        user = "nobody" if os.geteuid() == 0 else None
        if user is not None:
            shutil.chown(folder, user, "nogroup")
        yield Path(folder), user


def _prepared(command: Sequence[str | Path], folder: Path, user: str | None) -> None:
    group = None if user is None else "nogroup"
    done = subprocess.run(
        command, capture_output=True, timeout=120, cwd=folder, user=user, group=group, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def _running(
    command: Sequence[str | Path], folder: Path, user: str | None
) -> Iterator[Callable[[str, str], Server]]:
    """A process of a server, and what waits until it answers."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, user=user, group=None if user is None else "nogroup"
        )
    engines: list[sa.Engine] = []

    def answering(url: str, driver: str) -> Server:
        own = sa.make_url(url).set(drivername=driver, username=USER, password=PASSWORD)
        engines.append(sa.create_engine(own, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool))
        server = Server(url, engines[0])
        deadline = time.monotonic() + 60
        while True:
            try:
                server.does("SELECT 1")
            except OperationalError:
                assert time.monotonic() < deadline, (folder / "log").read_text()
                assert process.poll() is None, (folder / "log").read_text()
            else:
                return server

    try:
        yield answering
    finally:
        for engine in engines:
            engine.dispose()
        process.terminate()
        process.wait(timeout=60)
