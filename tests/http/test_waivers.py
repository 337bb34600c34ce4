"""A waiver never hides a violation of consent, whatever the graph says of it, at any of the ways out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.guard import Guard
from kgservice.application.stewards import stewarding
from kgservice.domain.change import Change
from kgservice.domain.finding import REPORT_FORMATS
from kgservice.domain.waiver import may_be_waived
from kgservice.namespaces import CI, XSD
from tests.conftest import NOON
from tests.http.test_validation import told
from tests.serving import Running, running
from tests.unit.test_findings import enter

HTML = {"Accept": "text/html"}
TURTLE = {"Accept": "text/turtle"}
CSV = {"Accept": "text/csv"}
# Where findings are told or counted, and as what.
WAYS = {
    "the page of the list": ("/pages/findings?lang=en", HTML),
    "the question that counts": ("/queries/open-findings", CSV),
    "the question that lists": ("/queries/stale-or-duplicate", CSV),
    "the measures of quality": ("/quality", {}),
    "the measures in Turtle": ("/quality", TURTLE),
    "the page of quality": ("/pages/quality?lang=en", HTML),
}


@dataclass
class Desk:
    """A service with a record that nobody consented to."""

    server: Running
    kg: KnowledgeGraph

    def told(self, address: str, headers: dict[str, str]) -> str:
        answer = self.server.get(address, headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    def forge(self) -> int:
        """Have the graph say that the violations of consent are waived; how many there are."""
        entries = [one for one in stewarding.listed(self.kg)[0] if not may_be_waived(one.severity, one.names)]
        graph, until = NamedNode(self.kg.addresses.finding), (NOON + timedelta(days=30)).isoformat()
        moment = Literal(until, datatype=NamedNode(f"{XSD}dateTime"))
        for entry in entries:
            self.kg.commit(
                Change(
                    add=(
                        Quad(entry.iri, NamedNode(f"{CI}findingStatus"), Literal("waived"), graph),
                        Quad(entry.iri, NamedNode(f"{CI}waivedUntil"), moment, graph),
                    ),
                    remove=(Quad(entry.iri, NamedNode(f"{CI}findingStatus"), Literal("open"), graph),),
                    trusted=True,
                )
            )
        return len(entries)


@pytest.fixture
def desk(kg: KnowledgeGraph, guard: Guard) -> Iterator[Desk]:
    kg.guard = guard
    enter(kg, "id:record a ci:CommunicationRecord ; ci:dataSubject id:person .")
    with running(kg) as server:
        yield Desk(server, kg)


@pytest.mark.parametrize("name", REPORT_FORMATS)
def test_reports_have_all_of_them(desk: Desk, name: str) -> None:
    address = f"/validation?format={name}"
    before = told(name, desk.told(address, {"Accept-Language": "en"}))
    assert before >= desk.forge() > 0
    assert told(name, desk.told(address, {"Accept-Language": "en"})) == before


@pytest.mark.parametrize(("address", "headers"), WAYS.values(), ids=WAYS.keys())
def test_what_is_told_is_the_same(desk: Desk, address: str, headers: dict[str, str]) -> None:
    before = desk.told(address, headers)
    assert desk.forge() > 0
    assert desk.told(address, headers) == before


def test_no_violation_of_consent_is_listed_as_waived(desk: Desk) -> None:
    before = {entry["id"] for entry in desk.server.get("/findings?status=open").json()["findings"]}
    assert desk.forge() > 0
    assert desk.server.get("/findings?status=waived").json()["total"] == 0
    after = desk.server.get("/findings?status=open").json()["findings"]
    assert {entry["id"] for entry in after} == before
    assert {entry["status"] for entry in after} == {"open"}
    for key in before:
        assert desk.server.get(f"/findings/{key}").json()["status"] == "open"
        page = desk.told(f"/pages/findings/{key}?lang=en", HTML)
        assert '<span class="chip">open</span>' in page
        assert '<span class="chip">waived</span>' not in page
