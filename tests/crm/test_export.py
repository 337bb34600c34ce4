"""Links and consents brought back to the CRM: as CSV, and as notes in a real Tryton, dry run first."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.lawful_facts import read_subject
from kgservice.application.law import consents
from kgservice.application.links.export import exported, write_csv
from kgservice.application.links.linking import decide
from kgservice.application.links.proposing import propose
from kgservice.application.links.statements import link_iri
from kgservice.application.sources import export as crm_export
from kgservice.application.sources.export import into_crm
from kgservice.crm import registry
from kgservice.domain.consent import Consent
from kgservice.domain.link import ORGANISATIONS, Verdict
from kgservice.domain.matching import RecordId
from kgservice.errors import BadInput, NotFound
from kgservice.namespaces import DPV
from tests.crm.folders import people
from tests.crm.test_tryton import ENVIRON, connected
from tests.crm.tryton import Tryton, fill, tryton
from tests.unit.links import AMBROS, FRAUKE, SAWMILL, TILMAN, pair, run

CRM_PURPOSE = f"{DPV}CustomerRelationshipManagement"


@pytest.fixture
def kg(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> KnowledgeGraph:
    """The demonstration, with the sources beside a store of its own."""
    demo_kg_guarded.settings = replace(demo_kg_guarded.settings, store=tmp_path / "data" / "store")
    return demo_kg_guarded


def table(kg: KnowledgeGraph, source: str) -> list[dict[str, str]]:
    out = io.BytesIO()
    write_csv(exported(kg, source), kg.settings.active_purposes, out)
    return sorted(csv.DictReader(io.StringIO(out.getvalue().decode())), key=lambda row: row["key"])


def consent_of(kg: KnowledgeGraph, person: str) -> str:
    """The key of the consent that person's matching rests on."""
    subject, _ = read_subject(kg, NamedNode(person))
    found: list[Consent] = [one for one in subject.consents if CRM_PURPOSE in one.purposes]
    assert len(found) == 1
    return found[0].iri.rpartition("/")[2]


def test_accepted_links_with_the_state_of_each_consent(kg: KnowledgeGraph) -> None:
    propose(kg, run(), [pair("=HYPERLINK(1)", TILMAN, 9.0), pair("78", AMBROS, 9.0), pair("79", FRAUKE, 2.0)])
    propose(kg, run(ORGANISATIONS), [pair("F-1", SAWMILL, 9.0)])
    propose(kg, run(), [pair("78", AMBROS, 9.0, source="other")])
    rows = table(kg, "erp")
    assert [(row["key"], row["customer"], row["kind"]) for row in rows] == [
        ("'=HYPERLINK(1)", TILMAN, "persons"),
        ("78", AMBROS, "persons"),
        ("F-1", SAWMILL, "organisations"),
    ]
    first = rows[0]
    assert (first["verdict"], first["decided"]) == ("AcceptedByRule", "2026-11-20T12:00:00Z")
    assert float(first["probability"]) == pytest.approx(1 / (1 + 2**-9.0), abs=1e-6)
    assert first["consent dpv:CustomerRelationshipManagement"] == "consent"
    assert first["until dpv:CustomerRelationshipManagement"] > "2026-11-20"
    assert rows[2]["consent dpv:CustomerRelationshipManagement"] == ""


def test_who_may_not_be_matched_any_more_is_not_exported(kg: KnowledgeGraph) -> None:
    propose(kg, run(), [pair("77", TILMAN, 9.0), pair("78", AMBROS, 9.0)])
    assert [row["key"] for row in table(kg, "erp")] == ["77", "78"]
    consents.withdraw(kg, consent_of(kg, TILMAN), {"method": "letter"})
    assert [row["key"] for row in table(kg, "erp")] == ["78"]
    link = link_iri(kg.addresses, RecordId("erp", "78"), AMBROS).value
    decide(kg, link, Verdict.REJECTED, "another person")
    assert table(kg, "erp") == []


def test_a_file_is_not_written_to(kg: KnowledgeGraph, tmp_path: Path) -> None:
    folder = kg.settings.crm_folder
    registry.add(folder, people(tmp_path / "people", 'file = "people.csv"'))
    with pytest.raises(BadInput, match="take the CSV"):
        into_crm(kg, "people", environ={})
    with pytest.raises(NotFound):
        into_crm(kg, "../people", environ={})
    with pytest.raises(NotFound):
        crm_export.write(kg, "nobody", io.BytesIO(), as_json=True)


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    with tryton(tmp_path_factory) as server:
        yield server


def notes(crm: Tryton) -> dict[str, str]:
    """The notes at parties, by resource."""
    ids = crm.call("ir.note.search", [["resource", "like", "party.party,%"]], 0, None, None)
    read: list[dict[str, Any]] = crm.call("ir.note.read", ids, ["resource", "message"])
    return {one["resource"]: one["message"] for one in read}


@pytest.mark.slow
def test_notes_in_tryton(kg: KnowledgeGraph, crm: Tryton, tmp_path: Path) -> None:
    made = [str(one) for one in fill(crm, 8)]
    registry.add(kg.settings.crm_folder, connected(tmp_path, crm.url))
    foreign = crm.call("ir.note.create", [{"resource": f"party.party,{made[5]}", "message": "kgservice?"}])
    linked = [pair(made[1], TILMAN, 9.0, source="tryton"), pair(made[2], AMBROS, 9.0, source="tryton")]
    propose(kg, run(), [*linked, pair("99999", FRAUKE, 9.0, source="tryton")])

    def bring(*, apply: bool) -> dict[str, Any]:
        return into_crm(kg, "tryton", apply=apply, environ=ENVIRON)

    failed = [{"key": "99999", "reason": "it is not in the CRM any more"}]
    dry = bring(apply=False)
    assert (dry["applied"], dry["new"], dry["failed"]) == (False, sorted(made[1:3]), failed)
    assert notes(crm) == {f"party.party,{made[5]}": "kgservice?"}
    done = bring(apply=True)
    assert (done["new"], done["failed"]) == (sorted(made[1:3]), failed)
    mine = notes(crm)[f"party.party,{made[1]}"]
    assert mine.splitlines()[:2] == ["kgservice https://kg.example/ tryton", f"customer: {TILMAN}"]
    assert "consent for dpv:CustomerRelationshipManagement: consent until " in mine

    # Again: nothing is written, not even the same.
    stamps = crm.call("ir.note.search_count", [["write_date", "!=", None]])
    again = bring(apply=True)
    assert (again["new"], again["changed"], again["gone"], again["unchanged"]) == ([], [], [], 2)
    assert crm.call("ir.note.search_count", [["write_date", "!=", None]]) == stamps

    # A note that is not as it should be is replaced, one about who may not be matched any more goes.
    (mine_id,) = crm.call("ir.note.search", [["resource", "=", f"party.party,{made[2]}"]], 0, None, None)
    crm.call("ir.note.delete", [mine_id])
    forged = {"resource": f"party.party,{made[2]}", "message": "kgservice https://kg.example/ tryton\nforged"}
    crm.call("ir.note.create", [forged])
    consents.withdraw(kg, consent_of(kg, TILMAN), {"method": "letter"})
    last = bring(apply=True)
    assert (last["changed"], last["gone"], last["unchanged"]) == ([made[2]], [made[1]], 0)
    there = notes(crm)
    assert set(there) == {f"party.party,{made[2]}", f"party.party,{made[5]}"}
    assert AMBROS in there[f"party.party,{made[2]}"]
    crm.call("ir.note.delete", foreign)


@pytest.mark.slow
def test_a_party_that_tryton_refuses_does_not_stop_the_others(
    kg: KnowledgeGraph, crm: Tryton, tmp_path: Path
) -> None:
    made = [str(one) for one in crm.call("party.party.create", [{"name": f"Name {n}"} for n in range(3)])]
    registry.add(kg.settings.crm_folder, connected(tmp_path, crm.url))
    propose(
        kg,
        run(),
        [
            pair(key, who, 9.0, source="tryton")
            for key, who in zip(made, (TILMAN, AMBROS, FRAUKE), strict=True)
        ],
    )
    # What a rule of the CRM refuses for one party: notes at it may not be made by anybody.
    (constraint,) = crm.call(
        "ir.rule.group.create",
        [
            {"name": "no notes", "model": "ir.note", "global_p": True, "perm_read": False,
             "rules": [["create", [{"domain": f'[["resource", "!=", "party.party,{made[1]}"]]'}]]]}
        ],
    )  # fmt: skip
    try:
        done = into_crm(kg, "tryton", apply=True, environ=ENVIRON)
    finally:
        crm.call("ir.rule.group.delete", [constraint])
    assert [one["key"] for one in done["failed"]] == [made[1]]
    assert done["new"] == [made[0], made[2]]
