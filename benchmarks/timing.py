"""Whether the time of an answer tells what the answer does not: `python -m benchmarks.timing`.

A service on a store on disk holds things that the purpose hides, some with few statements and some with
thousands. Each request is sent for a hidden IRI and for one that there is not, in turns and in an order by
dice, over one connection, with no answer kept. For each kind of request: in how many of the pairs the hidden
one took longer (0.5: as often as not), and both medians. Purposes of others are compared with unknown ones.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
from pyoxigraph import Literal, NamedNode, Quad
from tests.conftest import NOON
from tests.http.keys import IMPROVING, RESEARCH, make_key
from tests.serving import PLAIN, running

from benchmarks.report import Figure, machine, of, table
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Change
from kgservice.domain.principal import Role
from kgservice.namespaces import CI, RDF, Addresses
from kgservice.settings import Settings
from kgservice.store import OxigraphStore

A = Addresses(Settings().base)
TYPE = NamedNode(f"{RDF}type")
MANY = 5000
"""Statements about a hidden thing: what is looked up of it takes long, if anything is."""
SHARE = 0.15
"""How far from one half the share of pairs may be before it is called a difference."""
KINDS = {"few": 3, "many": MANY}


@dataclass(frozen=True)
class Pair:
    """Two requests that should take the same time: a name, who asks, and what makes the address of a key."""

    name: str
    role: Role
    address: Callable[[str], str]
    purpose: str = RESEARCH


def key_of(*name: str) -> str:
    """The last part of the IRI of something of this benchmark."""
    return A.key(A.instance("timing", *name))


def statements() -> Iterator[Quad]:
    """A project that is shown, and what is hidden: records of a person who allows nothing, and secrets."""
    project, person = (NamedNode(A.instance("timing", name)) for name in ("project", "person"))
    yield Quad(project, TYPE, NamedNode(f"{CI}IntegrationProject"))
    yield Quad(person, TYPE, NamedNode(f"{CI}ContactPerson"))
    for kind, count in KINDS.items():
        record = NamedNode(A.instance("timing", "record", kind))
        yield Quad(record, TYPE, NamedNode(f"{CI}Feedback"))
        yield Quad(record, NamedNode(f"{CI}dataSubject"), person)
        secret = NamedNode(A.instance("timing", "secret", kind))
        yield Quad(secret, TYPE, NamedNode(f"{CI}PainPoint"))
        yield Quad(secret, NamedNode(f"{CI}inProject"), project)
        yield Quad(secret, NamedNode(f"{CI}confidentiality"), NamedNode(f"{CI}Confidential"))
        for number in range(count):
            for node in (record, secret):
                yield Quad(node, NamedNode(f"{CI}description"), Literal(f"text {number}", language="en"))


def pairs() -> Iterator[Pair]:
    """What is asked, for a key."""

    def iri(key: str) -> str:
        return quote(A.ids + key, safe="")

    def described(key: str) -> str:
        return f"/sparql?query={quote(f'DESCRIBE <{A.ids}{key}>')}"

    for role in (Role.READER, Role.RESEARCHER):
        yield Pair(f"/id, {role}", role, lambda key: f"/id/{key}")
        yield Pair(f"/trace, {role}", role, lambda key: f"/trace/{key}")
        yield Pair(f"/pages/record, {role}", role, lambda key: f"/pages/record?iri={iri(key)}")
    yield Pair("/records, editor", Role.EDITOR, lambda key: f"/records/{key}")
    yield Pair(
        "form of a record, editor", Role.EDITOR, lambda key: f"/pages/records/pain-points/record/{key}"
    )
    yield Pair("DESCRIBE, researcher", Role.RESEARCHER, described)
    yield Pair(
        "question with a parameter, reader",
        Role.READER,
        lambda key: f"/queries/impact-of-solution?solution={key}",
    )


@contextmanager
def serving() -> Iterator[tuple[httpx.Client, dict[Role, str]]]:
    """A service with all that, and a key for each role."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(store=Path(folder, "store"), rate=0, at_once=0, cache=0)
        kg = KnowledgeGraph.open(settings, OxigraphStore(settings.store), lambda: NOON, guarded=False)
        kg.commit(Change(add=tuple(statements()), trusted=True))
        keys = {
            role: make_key(settings, role, purposes=(RESEARCH,), default=RESEARCH)
            for role in (Role.READER, Role.RESEARCHER, Role.EDITOR)
        }
        with (
            running(kg) as server,
            httpx.Client(base_url=server.url, timeout=60, trust_env=False, verify=PLAIN) as client,
        ):
            yield client, keys


def timed(client: httpx.Client, address: str, headers: dict[str, str]) -> tuple[float, int]:
    """Seconds that an answer takes, and its status."""
    begun = time.perf_counter()
    answer = client.get(address, headers=headers)
    return time.perf_counter() - begun, answer.status_code


def compared(
    client: httpx.Client,
    what: str,
    first: tuple[str, dict[str, str]],
    second: tuple[str, dict[str, str]],
    count: int,
) -> Figure:
    """How often the first request takes longer than the second; both must be answered alike."""
    times: tuple[list[float], list[float]] = [], []
    for number in range(count + 20):
        order = random.sample((0, 1), 2)
        found = {at: timed(client, *(first, second)[at]) for at in order}
        assert found[0][1] == found[1][1], (what, found)
        if number >= 20:  # the first ones are slow in any case
            for at in order:
                times[at].append(found[at][0])
    share = sum(a > b for a, b in zip(*times, strict=True)) / count
    one, other = (statistics.median(values) for values in times)
    detail = f"medians {one * 1000:.2f} and {other * 1000:.2f} ms, ratio {one / other:.2f}, {count} pairs"
    return Figure(what, share, "", f"0.5 ± {SHARE}", abs(share - 0.5) <= SHARE, detail)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=400, help="of requests of each kind")
    asked = parser.parse_args()
    figures: list[Figure] = []
    with serving() as (client, keys):

        def headers(role: Role, purpose: str = RESEARCH) -> dict[str, str]:
            return {"Authorization": f"Bearer {keys[role]}", "KG-Purpose": purpose}

        def measure(what: str, first: tuple[str, dict[str, str]], second: tuple[str, dict[str, str]]) -> None:
            figures.append(compared(client, what, first, second, asked.pairs))
            print(f"{figures[-1].value:5.2f} {what}: {figures[-1].detail}", flush=True)

        for pair in pairs():
            for thing in ("record", "secret"):
                for kind in KINDS:
                    there, gone = (key_of(thing, kind), key_of("missing", thing, kind))
                    what = f"{pair.name}: hidden {thing} with {kind} statements"
                    given = headers(pair.role, pair.purpose)
                    measure(what, (pair.address(there), given), (pair.address(gone), given))
        address = "/queries/pain-points-behind-solution"
        unknown = f"{IMPROVING}None"
        first, second = ((address, headers(Role.READER, purpose)) for purpose in (IMPROVING, unknown))
        measure("a purpose of others and one that there is not", first, second)
    print(table([*figures, of("kinds of requests", len(figures), "", "")], machine()))


if __name__ == "__main__":
    main()
