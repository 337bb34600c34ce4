"""A run that a steward's key asks for: it follows consents, opt-outs and deletions, and no person ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import consents, restricting
from kgservice.crm import registry
from kgservice.crm.settings import read_source
from kgservice.domain.principal import Role
from kgservice.namespaces import CI, DPV
from tests.conftest import NOON
from tests.crm.folders import example
from tests.http.keys import asking, make_key, serving
from tests.serving import Running

ID = "https://kg.example/id/00000000-0000-4000-8000-"
NOTICE, CONTROLLER = f"{ID}106200000002", f"{ID}100400000001"
Ask = Callable[..., httpx.Response]


@pytest.fixture
def server(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> Iterator[Running]:
    with serving(demo_kg_guarded, tmp_path) as server:
        yield server


@pytest.fixture
def source(server: Running, tmp_path: Path) -> Path:
    """The sales department's files, added to the service."""
    folder = example("vertrieb", tmp_path)
    registry.add(server.kg.settings.crm_folder, read_source(folder))
    return folder


def keyed(server: Running, role: Role) -> Ask:
    settings = server.kg.settings
    key = make_key(settings, role, purposes=settings.active_purposes, default=settings.active_purposes[0])
    return lambda method, path, **more: asking(server, path, key, method, **more)


@pytest.fixture
def steward(server: Running) -> Ask:
    """Asks with a steward's key, who does not answer for privacy."""
    return keyed(server, Role.STEWARD)


def change(folder: Path, file: str, old: str, new: str) -> None:
    """Change a file of the CRM."""
    path = folder / file
    text = path.read_text("windows-1252")
    assert old in text
    path.write_text(text.replace(old, new), "windows-1252")


def run(ask: Ask) -> dict[str, Any]:
    """Synchronise and match: what became of the rows of the source."""
    assert ask("POST", "/imports/vertrieb/runs").status_code == 200
    answer = ask("POST", "/links/runs")
    assert answer.status_code == 200, answer.text
    records: dict[str, Any] = answer.json()["records"]["vertrieb"]
    return records


def linked(kg: KnowledgeGraph, key: str) -> tuple[str, str]:
    """The link of a record and the person that it is linked to."""
    ((link, person),) = kg.select(
        f'SELECT ?l ?p {{ ?l <{CI}recordKey> "{key}" ; <{CI}linkedPerson> ?p }}'
    ).rows
    assert isinstance(link, NamedNode)
    assert isinstance(person, NamedNode)
    return link.value, person.value


def acts(kg: KnowledgeGraph, person: str) -> list[tuple[str, str]]:
    """Kind and way of the events of a person's consents, in order."""
    rows = kg.select(
        f"PREFIX ci: <{CI}> SELECT ?kind ?way {{ ?c ci:dataSubject <{person}> . ?e ci:eventOf ?c ; a ?kind ; "
        "ci:eventTime ?t ; ci:eventMethod ?way FILTER(STRSTARTS(STR(?kind), STR(ci:)) && ?kind != ci:ConsentEvent) } "
        "ORDER BY ?t ?kind"
    ).rows
    return [
        (kind.value.removeprefix(CI), way.value)
        for kind, way in rows
        if isinstance(kind, NamedNode) and isinstance(way, Literal)
    ]


def agree(kg: KnowledgeGraph, person: str, time: str) -> None:
    """Give a consent for nothing but customer relationship management."""
    said = {
        "subject": person,
        "notice": NOTICE,
        "controller": CONTROLLER,
        "purposes": [f"{DPV}CustomerRelationshipManagement"],
        "categories": [f"{CI}IdentificationData"],
        "recipients": ["none"],
        "storagePlace": "Germany",
        "jurisdiction": "DE",
        "withdrawalWay": "by mail",
        "retention": 365,
        "expires": "2028-01-01T00:00:00Z",
        "time": time,
        "method": "form",
    }
    consents.give(kg, said)


@pytest.mark.slow
def test_a_steward_runs_what_the_crm_says_of_consents_opt_outs_and_deletions(
    server: Running, source: Path, steward: Ask
) -> None:
    kg = server.kg
    first = run(steward)
    _, asked = linked(kg, "K-101")
    assert ("ConsentGiven", "Formular im Portal") in acts(kg, asked)
    assert not [one for one in first["preferences"]["refused"] if one["key"] == "K-101"]

    _, out = linked(kg, "K-102")
    agree(kg, out, "2026-10-01T08:00:00Z")
    change(source, "kontakte.csv", "Feingrat Werkzeugbau;ja", "Feingrat Werkzeugbau;nein")
    text = (source / "kontakte.csv").read_text("windows-1252")
    gone = next(line for line in text.splitlines() if line.startswith("K-103"))
    change(source, "kontakte.csv", f"{gone}\n", "")
    # Of the companies one is a candidate and one is linked: the CRM deletes both.
    candidates = steward("GET", "/links?state=candidate&source=vertrieb").json()["links"]
    accepted = steward("GET", "/links?state=accepted&source=vertrieb&kind=organisations").json()["links"]
    for key in (candidates[0]["key"], accepted[0]["key"]):
        text = (source / "firmen.csv").read_text("windows-1252")
        company = next(line for line in text.splitlines() if line.startswith(f"{key};"))
        change(source, "firmen.csv", f"{company}\n", "")
    second = run(steward)
    assert second["persons"]["refused"] == second["organisations"]["refused"] == []
    assert steward("GET", "/links?state=candidate&source=vertrieb").json()["links"] == []
    waiting = steward("GET", "/links/conflicts").json()["conflicts"]
    assert [one["key"] for one in waiting if one["field"] == "deleted"] == [accepted[0]["key"]]
    assert (second["persons"]["withdrawn"], second["persons"]["deleted"]) == (1, 1)
    assert ("ConsentWithdrawn", "opt-out in vertrieb") in acts(kg, out)
    link, deleted = linked(kg, "K-103")
    (restriction,) = restricting.of(kg, NamedNode(deleted))
    assert (restriction["holds"], len(restriction["records"])) == (True, 1)
    # Who it was that asked is in the provenance of what was written.
    agents = kg.select(f"SELECT DISTINCT ?n {{ ?e <{CI}eventMethod> 'opt-out in vertrieb' . ?c "
                       f"<http://www.w3.org/ns/prov#influenced> <{out}> ; "
                       "<http://www.w3.org/ns/prov#wasAssociatedWith> ?n }").rows  # fmt: skip
    assert any("key" in str(name) for (name,) in agents), agents

    # What was restricted because of the link goes with it, and nothing else of the person is restricted.
    answer = steward("POST", f"/links/{link.rpartition('/')[2]}/reject", json={"reason": "a namesake"})
    assert answer.status_code == 200, answer.text
    assert restricting.of(kg, NamedNode(deleted)) == []

    # The source says that an opt-out is about all purposes.
    text = (source / "source.toml").read_text("utf-8")
    every = ", ".join(f'"{purpose}"' for purpose in kg.settings.active_purposes)
    (source / "source.toml").write_text(f"opt_out = [{every}]\n{text}", "utf-8")
    assert run(steward)["persons"]["withdrawn"] == 2  # hers, and that of K-105, who had opted out before
    assert [way for _, way in acts(kg, out)].count("opt-out in vertrieb") == 2


@pytest.mark.slow
def test_one_person_does_not_end_the_run(server: Running, source: Path, steward: Ask) -> None:
    """A consent that was given at this very moment cannot be withdrawn yet: it is told, and the rest goes on."""
    kg = server.kg
    run(steward)
    (_, one), (_, other) = linked(kg, "K-102"), linked(kg, "K-104")
    agree(kg, one, NOON.isoformat())
    agree(kg, other, "2026-10-01T08:00:00Z")
    change(source, "kontakte.csv", "Feingrat Werkzeugbau;ja", "Feingrat Werkzeugbau;nein")
    change(source, "kontakte.csv", "Kfz-Meister;;ja", "Kfz-Meister;;nein")
    change(
        source,
        "rundschreiben.csv",
        "Monatsbericht;ja;21.04.2026 10:00",
        "Monatsbericht;nein;22.04.2026 10:00",
    )
    done = run(steward)
    assert [(found["key"], "must be later" in found["reason"]) for found in done["persons"]["refused"]] == [
        ("K-102", True)
    ]
    assert ("ConsentWithdrawn", "opt-out in vertrieb") in acts(kg, other)
    assert ("ConsentWithdrawn", "opt-out in vertrieb") not in acts(kg, one)
    assert done["preferences"]["removed"] == 1  # what comes after the persons was taken over, too


def test_only_stewards_and_administrators_run_the_matching(server: Running) -> None:
    for role in Role:
        answer = keyed(server, role)("POST", "/links/runs")
        # Nothing was synchronised.
        may = role in {Role.STEWARD, Role.ADMINISTRATOR}
        assert answer.status_code == (404 if may else 403), (role, answer.text)
