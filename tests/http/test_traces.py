"""The pages of chains over HTTP: the list, what consents allow for whom, and what a chain lacks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyoxigraph import NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import consents
from kgservice.application.law.evidence_consent import uses
from kgservice.domain.principal import Role
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.http.test_pages import checked
from tests.serving import Running

ID = "00000000-0000-4000-8000-"
PAIN, UNMEASURED, UNSOLVED = f"{ID}103000000001", f"{ID}103000000007", f"{ID}103000000012"
MESSAGE = NamedNode(f"https://kg.example/id/{ID}102400000004")
PAGE = {"Accept": "text/html"}
CONSENTS = """PREFIX ci: <https://w3id.org/kgservice/ci#>
SELECT ?consent WHERE { ?consent a ci:ConsentRecord ; ci:dataSubject ?person . ?message ci:dataSubject ?person
FILTER(STR(?message) = "%s") }"""


@pytest.fixture
def chains(demo_kg_guarded: KnowledgeGraph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(demo_kg_guarded, tmp_path_factory.mktemp("chains")) as server:
        yield server


def withdrawn(kg: KnowledgeGraph) -> None:
    """The person whose words are evidence takes back all consents that hold."""
    for (consent,) in kg.select(CONSENTS % MESSAGE.value).rows:
        assert isinstance(consent, NamedNode)
        consents.withdraw(kg, consent.value.rpartition("/")[2], {"method": "call"})


def test_what_consents_allow_is_told_as_far_as_one_may_know_it(chains: Running) -> None:
    kg, path = chains.kg, f"/pages/trace/{PAIN}?lang=en"
    key = make_key(kg.settings, Role.RESEARCHER, purposes=(RESEARCH,), default=RESEARCH)
    before = asking(chains, path, key, headers=PAGE)
    assert "Die Frühschicht findet" in checked(before).text
    assert [use.state for use in uses(kg, [MESSAGE], [RESEARCH])[MESSAGE.value]] == ["allowed"]
    withdrawn(kg)
    (use,) = uses(kg, [MESSAGE], [RESEARCH])[MESSAGE.value]
    assert (use.state, use.since) == ("withdrawn", "2026-11-20")

    everything = checked(chains.get(path, headers=PAGE)).text  # an administrator, no purpose stated
    assert "withdrawn since 20 Nov 2026" in everything
    assert "Die Frühschicht findet" in everything
    stated = checked(chains.get(path, headers={**PAGE, "KG-Purpose": RESEARCH})).text
    assert "Die Frühschicht findet" not in stated
    assert "× withdrawn since 20 Nov 2026" in stated
    researcher = checked(asking(chains, path, key, headers=PAGE)).text
    assert "Die Frühschicht findet" not in researcher
    assert "withdrawn since" not in researcher  # who sees one purpose learns nothing of what it hides


@pytest.mark.parametrize(
    ("key", "lacks"),
    [(UNMEASURED, "no impact measured since Sep 2026"), (UNSOLVED, "no solution since Nov 2026")],
)
def test_what_a_chain_lacks_is_said(chains: Running, key: str, lacks: str) -> None:
    found = checked(chains.get(f"/pages/trace/{key}?lang=en", headers=PAGE)).text
    assert lacks in found.partition("What is missing")[2]


def test_the_list_is_searched_by_kind_and_word(chains: Running) -> None:
    found = chains.get("/pages/traces?lang=en&kind=Solution&q=LANGUAGE%20no%20such", headers=PAGE)
    assert "Nothing that fits" in checked(found).text
    found = chains.get("/pages/traces?lang=en&kind=Solution&q=APP%20in", headers=PAGE)
    assert "App in English" in checked(found).text
    assert "<strong>1</strong>" in found.text
    assert chains.get("/pages/traces?kind=Person", headers=PAGE).status_code == 400
