"""A steward settles a field in which CRM and graph differ: it counts until one of them says something else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links.linking import decide
from kgservice.application.links.proposing import propose
from kgservice.application.links.statements import link_iri
from kgservice.application.sources.field_decisions import conflicts, settle
from kgservice.application.sources.records import take
from kgservice.application.stewards.stewarding import report
from kgservice.domain.field_decision import FieldVerdict
from kgservice.domain.link import PERSONS, Verdict
from kgservice.domain.matching import RecordId
from kgservice.domain.principal import Role
from kgservice.errors import BadParameter, Conflict, NotFound
from tests.http.keys import asking, make_key, serving
from tests.serving import Running
from tests.unit.links import TILMAN, pair, run
from tests.unit.test_crm_records import EMAIL, TILMANS, of, row, taking

OTHER = "tilman@ganz-anders.example"


@pytest.fixture
def kg(demo_kg_guarded: KnowledgeGraph) -> KnowledgeGraph:
    """With record 77 linked to Tilman, which says another e-mail address than the graph."""
    propose(demo_kg_guarded, run(), [pair("77", TILMAN, 9.0)])
    synced(demo_kg_guarded, EMAIL)
    return demo_kg_guarded


def synced(kg: KnowledgeGraph, email: str) -> tuple[int, int, int]:
    """A run over the record: fields that wait, records written, records unchanged."""
    done = take(kg, PERSONS, [row(email=[email])], taking())
    assert done.refused == []
    return done.open, done.written, done.unchanged


def findings(kg: KnowledgeGraph) -> int:
    """Findings of R51 that are open."""
    found: int = report(kg, {"rule": "R51", "status": "open"})["total"]
    return found


def waiting(kg: KnowledgeGraph) -> dict[str, Any]:
    (one,) = conflicts(kg)
    return one


@pytest.mark.slow
def test_ours_is_kept_until_a_value_changes(kg: KnowledgeGraph) -> None:
    one = waiting(kg)
    assert (one["field"], one["crm"], one["graph"]) == ("email", [EMAIL], [TILMANS])
    before = findings(kg)
    done = settle(kg, one["id"], FieldVerdict.KEPT, "asked him")
    assert (done["settled"], done["number"], conflicts(kg), findings(kg)) == (True, 1, [], before - 1)
    head = kg.head
    assert synced(kg, EMAIL) == (0, 0, 1)
    assert kg.head == head
    assert synced(kg, OTHER)[0] == 1
    assert waiting(kg)["crm"] == [OTHER]
    assert synced(kg, EMAIL)[0] == 0  # the values that were decided on
    undone = settle(kg, one["id"], FieldVerdict.UNDONE, "mixed up")
    assert (undone["settled"], findings(kg)) == (False, before)
    with pytest.raises(Conflict, match="could be undone"):
        settle(kg, one["id"], FieldVerdict.UNDONE, "again")
    assert check(kg) == []


@pytest.mark.slow
def test_the_value_of_the_crm_is_taken_and_given_back(kg: KnowledgeGraph) -> None:
    before, own = findings(kg), of(kg, TILMAN, "emailAddress")
    one = waiting(kg)
    done = settle(kg, one["id"], FieldVerdict.TAKEN, "the old one bounces")
    assert (done["takenOver"], of(kg, TILMAN, "emailAddress")) == (True, {EMAIL})
    assert (conflicts(kg), findings(kg)) == ([], before - 1)
    assert synced(kg, EMAIL) == (0, 0, 1)
    # Another value of the CRM is another question: ours stands meanwhile.
    assert synced(kg, OTHER)[0] == 1
    assert of(kg, TILMAN, "emailAddress") == own
    assert synced(kg, EMAIL)[0] == 0
    assert of(kg, TILMAN, "emailAddress") == {EMAIL}
    settle(kg, one["id"], FieldVerdict.UNDONE, "it was right")
    assert (of(kg, TILMAN, "emailAddress"), findings(kg)) == (own, before)
    # Decisions on fields are none on the link; with the link, what was taken goes.
    settle(kg, one["id"], FieldVerdict.TAKEN, "no, after all")
    link = decide(kg, link_iri(kg.addresses, RecordId("erp", "77"), TILMAN).value, Verdict.REJECTED, "other")
    assert [each.verdict for each in link.decisions] == [Verdict.BY_RULE, Verdict.REJECTED]
    assert of(kg, TILMAN, "emailAddress") == own
    assert check(kg) == []


def test_what_cannot_be_settled(kg: KnowledgeGraph) -> None:
    one = waiting(kg)
    with pytest.raises(BadParameter, match="say why"):
        settle(kg, one["id"], FieldVerdict.KEPT, " ")
    for nothing in ("no-such-field", TILMAN, "urn:x y"):
        with pytest.raises(NotFound):
            settle(kg, nothing, FieldVerdict.KEPT, "x")
    synced(kg, TILMANS)
    with pytest.raises(Conflict, match="say the same"):
        settle(kg, one["id"], FieldVerdict.KEPT, "x")


@pytest.fixture
def server(kg: KnowledgeGraph, tmp_path: Path) -> Iterator[Running]:
    with serving(kg, tmp_path) as server:
        yield server


def test_over_http(server: Running) -> None:
    (one,) = server.get("/links/conflicts").json()["conflicts"]
    key = one["id"].rpartition("/")[2]
    assert server.post(f"/links/conflicts/{key}/keep", json={}).status_code == 400
    assert server.post(f"/links/conflicts/{key}/other", json={"reason": "x"}).status_code == 404
    assert server.post("/links/conflicts/x/keep", json={"reason": "x"}).status_code == 404
    kept = server.post(f"/links/conflicts/{key}/keep", json={"reason": "x"}, params={"agent": "Marit"})
    assert (kept.status_code, kept.json()["verdict"]) == (200, "GraphValueKept")
    assert server.get("/links/conflicts").json() == {"conflicts": []}
    assert server.post(f"/links/conflicts/{key}/undo", json={"reason": "x"}).json()["settled"] is False
    settings = server.kg.settings
    for role in Role:
        made = make_key(
            settings, role, purposes=settings.active_purposes, default=settings.active_purposes[0]
        )
        may = role in {Role.STEWARD, Role.ADMINISTRATOR}
        for method, path in (("GET", "/links/conflicts"), ("POST", f"/links/conflicts/{key}/keep")):
            answer = asking(server, path, made, method, json={"reason": "x"})
            assert (answer.status_code == 403) != may, (role, path)
            assert may or EMAIL not in answer.text
