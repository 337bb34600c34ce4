"""Kill the service under load, again and again: is all there that was answered, and nothing half?

    python -m tests.server.kills --kills 1000 --seed 1

Each round is a service in a process of its own, which is what `kgservice serve` runs; writers send changes over
HTTP until the process is killed (SIGKILL) at a random moment, at times while it starts or stops; at times one of
the processes that answer its queries is killed before. None of these may outlive the service. The next round
begins by comparing its store with what the writers were told. Processes are forks of this one, which has read the
shapes once: reading them takes longer than a round. With `--command` each round is the command itself.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx
import psutil

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard import guard as guard_module
from kgservice.application.guard.guard import Guard
from kgservice.application.imports.demonstration import load_demonstration
from kgservice.cli import service
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.cli.commands import COMMAND, environment
from tests.serving import PLAIN, faults

IDS = "https://kg.example/id/"
PERSON = "00000000-0000-4000-8000-100700000005"
CONSENT = {
    "subject": PERSON,
    "purposes": ["dpv:ResearchAndDevelopment"],
    "categories": ["ci:CommunicationData", "ci:BehaviouralData"],
    "notice": "00000000-0000-4000-8000-106200000002",
    "recipients": ["none"],
    "retention": 730,
    "storagePlace": "data centre in Germany",
    "jurisdiction": "DE",
    "withdrawalWay": "form in the portal",
    "expires": "2030-01-01T00:00:00Z",
    "method": "portal",
}
COMMITS = f"""SELECT ?number ?commit ?record WHERE {{ ?commit <{CI}commitNumber> ?number
  OPTIONAL {{ ?commit <http://www.w3.org/ns/prov#influenced> ?record }} }}"""
TITLES = f"""SELECT ?record ?title ?version WHERE {{ ?record a <{CI}Persona> ; <{CI}title> ?title
  OPTIONAL {{ ?record <{CI}description> ?version }} }}"""


@dataclass
class Record:
    """A record as its writer knows it: what was answered last, and what was sent and never answered."""

    iri: str
    told: int | None = None  # the version; 0: it was deleted
    open: set[int] = field(default_factory=set)

    @property
    def possible(self) -> set[int]:
        """The versions that may be there; 0: none."""
        return {0 if self.told is None else self.told, *self.open}


class Writer:
    """Changes records of its own, one after the other, as long as it is answered."""

    def __init__(self, random: random.Random, number: int) -> None:
        self._random = random
        self._number = number
        self.records: list[Record] = []
        self.answered = 0
        self.consents: list[tuple[str, bool]] = []  # id and whether its withdrawal was answered
        self.begun = threading.Event()  # something was answered since it was cleared

    def write(self, client: httpx.Client) -> None:
        """Send changes until there is no answer."""
        try:
            while True:
                if self._number == 0 and self._random.random() < 0.3:
                    self._consent(client)
                else:
                    self._change(client)
                self.begun.set()
        except httpx.TransportError:
            return

    def _change(self, client: httpx.Client) -> None:
        there = [record for record in self.records if record.told and not record.open]
        if not there or self._random.random() < 0.4:
            record = Record(f"{IDS}{UUID(int=self._random.getrandbits(128), version=4)}")
            self.records.append(record)
        else:
            record = self._random.choice(there)
        before = record.told or 0
        version = 0 if before and self._random.random() < 0.3 else before + 1
        steps = [f"DELETE WHERE {{ <{record.iri}> ?p ?o }}"] if before else []
        if version:
            # Two statements that belong together, so that half a change would show.
            said = f'<{CI}title> "{version}"@en ; <{CI}description> "{version}"@en'
            steps.append(f"INSERT DATA {{ <{record.iri}> a <{CI}Persona> ; {said} }}")
        record.open.add(version)
        answer = client.post(
            "/update", content=" ; ".join(steps), headers={"Content-Type": "application/sparql-update"}
        )
        if answer.status_code == 503:  # it is stopping, so it was not made, or is not known
            return
        assert answer.is_success, answer.text
        record.told, self.answered = version, self.answered + 1
        record.open.clear()

    def _consent(self, client: httpx.Client) -> None:
        """Give a consent, or withdraw the last one: that changes views of purposes."""
        if self.consents and not self.consents[-1][1]:
            key = self.consents[-1][0].removeprefix(IDS)
            answer = client.post(f"/consents/{key}/withdraw", json={"method": "portal"})
            if answer.is_success:
                self.consents[-1] = (self.consents[-1][0], True)
                self.answered += 1
            elif answer.status_code != 503:  # the withdrawal before this one was made, but not answered
                assert answer.status_code == 409, answer.text
                self.consents[-1] = (self.consents[-1][0], True)
            return
        answer = client.post("/consents", json=CONSENT)
        if answer.status_code == 503:
            return
        assert answer.is_success, answer.text
        self.consents.append((answer.json()["id"], False))
        self.answered += 1


class Harness:
    """Rounds of one world: a store, and writers that know what they wrote."""

    def __init__(self, folder: Path, seed: int, *, command: bool, writers: int = 3) -> None:
        self.store = folder / "store"
        self.random = random.Random(seed)
        self.writers = [Writer(random.Random(f"{seed} {n}"), n) for n in range(writers)]
        self.kills = 0
        self.met: set[str] = set()  # which kinds of rounds there were
        self._command = command
        self._guard: Guard | None = None
        if not command:  # before any store on disk is open: its threads would be missing in the forks
            kg = KnowledgeGraph.open(Settings(), OxigraphStore())
            kg.guard.prepare(kg.planner())
            self._guard = kg.guard
            kg.guard.forget()

    @property
    def answered(self) -> int:
        """How many commits were answered."""
        return sum(writer.answered for writer in self.writers)

    def round(self, *, check: bool) -> None:
        """One service: compare, write, kill."""
        # Views are rarely held in memory: a service that fills it has little time left.
        memory = 200 if self.random.random() < 0.2 else 0
        with self._running(memory) as (process, tell):
            if self.random.random() < 0.1:  # while it starts
                self.met.add("starting")
                time.sleep(self.random.uniform(0, 1.5))
                return
            with httpx.Client(
                base_url=tell.url, headers=tell.headers, timeout=120, trust_env=False, verify=PLAIN
            ) as client:
                self.compare(client, check=check)
                threads = [threading.Thread(target=writer.write, args=[client]) for writer in self.writers]
                self.writers[0].begun.clear()
                for thread in threads:
                    thread.start()
                if self._command or self.random.random() < 0.8:  # the first change takes longest
                    self.writers[0].begun.wait(120)
                else:
                    self.met.add("before the first change")
                time.sleep(self.random.uniform(0, 2))
                if self.random.random() < 0.5:  # what answers its queries, first
                    self.met.add("without a helper")
                    helpers = _helpers(process)  # more on a larger machine
                    _kill(helpers[int(self.random.random() * len(helpers))])
                    time.sleep(self.random.uniform(0, 2))
                if self.random.random() < 0.2:  # while it stops
                    self.met.add("stopping")
                    os.kill(process, signal.SIGTERM)
                    time.sleep(self.random.uniform(0, 0.5))
                os.kill(process, signal.SIGKILL)
                self.met.add("with views in memory" if memory else "with views on disk")
                for thread in threads:
                    thread.join()

    def compare(self, client: httpx.Client, *, check: bool) -> None:
        """What the store says against what was answered."""
        rows = _rows(client, COMMITS)
        numbers = {int(row["number"]) for row in rows}
        assert numbers == set(range(1, len(numbers) + 1)), "commits are missing"
        assert len({row["commit"] for row in rows}) == len(numbers), "a commit has two numbers"
        assert client.get("/health").json()["commit"] == len(numbers)
        influenced = {row["record"] for row in rows if "record" in row}
        found = {row["record"]: (row["title"], row.get("version")) for row in _rows(client, TITLES)}
        for record in (record for writer in self.writers for record in writer.records):
            title, version = found.get(record.iri, ("0", "0"))
            assert title == version, f"{record.iri} is half there: {title}, {version}"
            assert int(title) in record.possible, f"{record.iri} is {title}, not one of {record.possible}"
            assert record.told is None or record.iri in influenced, f"{record.iri} has no provenance"
            record.told = int(title) if record.told is not None or int(title) else None
            record.open.clear()
        for key, withdrawn in (consent for writer in self.writers for consent in writer.consents):
            answer = client.get(f"/consents/{key.removeprefix(IDS)}")
            assert answer.is_success, f"the consent {key} is lost"
            assert not withdrawn or answer.json()["state"] == "withdrawn", f"a withdrawal of {key} is lost"
        if check:
            assert faults(client) == []

    @contextmanager
    def _running(self, memory: int) -> Iterator[tuple[int, _Told]]:
        """A service, which is killed at the end of the block, and what tells its address."""
        settings = Settings(store=self.store, port=0, memory=memory)
        if self._command:
            options = ["serve", "--store", str(self.store), "--port", "0"]
            with subprocess.Popen(
                [*COMMAND, *options],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(KGSERVICE_MEMORY=str(memory)),
            ) as child:
                assert child.stdout is not None
                yield from self._killed(child.pid, child.stdout.fileno(), lambda: None)
                child.wait()
            return
        read, write = os.pipe()
        process = os.fork()
        if not process:
            _serve(settings, write, self._guard)
        os.close(write)
        yield from self._killed(process, read, lambda: os.waitpid(process, 0))
        os.close(read)

    def _killed(self, process: int, out: int, wait: Callable[[], object]) -> Iterator[tuple[int, _Told]]:
        try:
            yield process, _Told(out)
        finally:
            helpers = _helpers(process)
            os.kill(process, signal.SIGKILL)
            self.kills += 1
            wait()
            _, left = psutil.wait_procs(helpers, timeout=10)
            assert not left, f"processes outlive the service: {left}"


def _helpers(process: int) -> list[psutil.Process]:
    """The processes that answer queries for the service, and those that they are forked from."""
    try:
        return psutil.Process(process).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()


class _Told:
    """What a service prints when it is ready, waited for when it is asked for."""

    def __init__(self, out: int) -> None:
        self._out = out
        self._link: re.Match[str] | None = None

    def _ready(self) -> re.Match[str]:
        if self._link is None:
            said = b""
            while not said.endswith(b"\n"):
                part = os.read(self._out, 1000)
                assert part, "the service ended before it was ready"
                said += part
            self._link = re.search(r"(http://\S+)/\?ticket=\S+\nToken for .*: (\S+)\n", said.decode())
            assert self._link, said
        return self._link

    @property
    def url(self) -> str:
        return self._ready()[1]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._ready()[2]}"}


def _serve(settings: Settings, out: int, guard: Guard | None) -> None:
    """In a fork: be the service, with the shapes that were read before."""
    try:
        os.dup2(out, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stdout = os.fdopen(1, "w")
        guard_module.Guard = lambda **_: guard  # type: ignore[assignment, misc]
        service.run(settings, demo=False, open_browser=False)
    finally:
        os._exit(1)


def _rows(client: httpx.Client, query: str) -> list[dict[str, str]]:
    answer = client.get(
        "/sparql", params={"query": query}, headers={"Accept": "application/sparql-results+json"}
    )
    assert answer.is_success, answer.text
    return [
        {name: term["value"] for name, term in row.items()} for row in answer.json()["results"]["bindings"]
    ]


def prepared(folder: Path) -> None:
    """Make the store of a world, in a process that ends before any other opens it."""
    process = os.fork()
    if not process:
        code = 1
        try:
            kg = KnowledgeGraph.open(Settings(store=folder / "store"), OxigraphStore(folder / "store"))
            load_demonstration(kg)
            kg.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(process, 0)[1] == 0


def main() -> None:
    """Kill as often as asked, and tell how far it is."""
    parser = argparse.ArgumentParser(description="Kill the service under load.")
    parser.add_argument("--kills", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--command", action="store_true", help="each round is the command itself: slow")
    parser.add_argument("--store", type=Path, help="a store to begin with a copy of, not the demonstration")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    if given.store:
        shutil.copytree(given.store, folder / "store")
    else:
        prepared(folder)
    harness = Harness(folder, given.seed, command=given.command)
    try:
        while harness.kills < given.kills:
            harness.round(check=harness.kills % 20 == 19 or harness.kills == given.kills - 1)
            if harness.kills % 10 == 0 or harness.kills == given.kills:
                print(f"{harness.kills} kills, {harness.answered} answered commits, all there", flush=True)
        print(f"Killed {', '.join(sorted(harness.met))}")
    except AssertionError as error:
        print(f"After {harness.kills} kills (seed {given.seed}, store {folder}): {error}")
        raise SystemExit(1) from error
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
