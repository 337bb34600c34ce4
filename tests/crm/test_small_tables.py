"""Small tables, on which nothing is trained: what the rule accepts there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links import records
from kgservice.application.sources.matching import match
from kgservice.crm import registry
from kgservice.crm.settings import read_source
from kgservice.crm.sync import sync
from kgservice.domain.link import State
from kgservice.domain.matching import RecordId
from tests.crm.folders import people
from tests.http.keys import serving

HEAD = "Number;Name;E-Mail;Changed\n"  # the date of birth stands in the last column
SQL = """
SELECT line, number AS key, name AS full_name, values_of([mail]) AS email, date_of(changed) AS birth_date,
  CAST([] AS VARCHAR[]) AS faults
FROM raw
"""
MAIL = "yusuf.leitermann@elektronikfertigung-leiterfeld.example"


@pytest.fixture
def kg(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> Iterator[KnowledgeGraph]:
    with serving(demo_kg_guarded, tmp_path) as server:
        yield server.kg


def linked(kg: KnowledgeGraph, folder: Path, *lines: str, others: int) -> dict[str, State]:
    """How the links stand that a run makes of such rows, among so many others, by the number of the row."""
    fill = [
        f"N-{n};Gerda {'ABCDEFGHIJ'[n % 10]}{'abcdefghij'[n // 10]}berg;gerda@nirgend{n}.example;"
        for n in range(others)
    ]
    people(folder, 'file = "people.csv"', sql=SQL)
    (folder / "people.csv").write_text(HEAD + "\n".join((*lines, *fill)) + "\n", encoding="utf-8")
    source = read_source(folder)
    sync(source, kg.settings.crm_folder)
    registry.add(kg.settings.crm_folder, source)
    match(kg)
    ids = [RecordId("people", line.partition(";")[0]) for line in lines]
    found = records.of_records(kg, ids)
    return {link.id.key: link.standing.state for one in ids for link in found[one]}


@pytest.mark.slow
@pytest.mark.parametrize("others", [8, 58])
def test_a_name_alone_is_not_accepted_by_rule(kg: KnowledgeGraph, tmp_path: Path, others: int) -> None:
    links = linked(
        kg,
        tmp_path,
        "munich;Yusuf Leitermann;;",
        "hamburg;Leitermann, Yusuf;yusuf@baeckerei-nord.example;",
        f"he;Yusuf Leitermann;{MAIL};",
        others=others,
    )
    assert links.pop("he") is State.ACCEPTED
    assert set(links.values()) == {State.CANDIDATE}
    assert "munich" in links


@pytest.mark.slow
def test_two_rows_that_contradict_one_another_wait_for_a_person(kg: KnowledgeGraph, tmp_path: Path) -> None:
    links = linked(
        kg,
        tmp_path,
        f"father;Yusuf Leitermann;{MAIL};1951-02-03",
        f"son;Yusuf Leitermann;{MAIL};1988-11-20",
        f"again;Yusuf Leitermann;{MAIL};",
        others=20,
    )
    assert links == {"father": State.CANDIDATE, "son": State.CANDIDATE, "again": State.ACCEPTED}
