"""Loading files: routed loose statements, and bulk loads of quads that name their graphs."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.load import bulk_load, load_rdf
from kgservice.domain.change import Change, Origin
from kgservice.domain.clock import Clock
from kgservice.errors import BadRdf, Forbidden, NotFound, UnsupportedMediaType
from kgservice.namespaces import CI, RDF
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from kgservice.store.formats import N_QUADS
from tests.terms import ADDRESSES, iri, quad, triple

HEAD = "@prefix ci: <https://w3id.org/kgservice/ci#> . @prefix id: <https://kg.example/id/> .\n"
PEOPLE = HEAD + "id:anna a ci:ContactPerson ; ci:personName 'Anna' .\n"
RECORDS = HEAD + "id:pain a ci:PainPoint ; ci:evidencedBy [ a ci:Feedback ; ci:dataSubject id:anna ] .\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    base = tmp_path / "data"
    (base / "deep").mkdir(parents=True)
    (base / "b.ttl").write_text(PEOPLE)
    (base / "deep" / "a.ttl").write_text(RECORDS)
    (base / "notes.txt").write_text("no RDF")
    return base


def test_a_folder_is_one_commit_and_finds_its_graphs(kg: KnowledgeGraph, folder: Path) -> None:
    seen: list[tuple[str, int]] = []
    loaded = load_rdf(kg, [folder], Origin(source="data"), lambda path, n: seen.append((path.name, n)))
    assert seen == [("b.ttl", 2), ("a.ttl", 4)]
    assert (loaded.statements, loaded.commit.number, loaded.commit.added) == (6, 1, 6)
    assert [p.name for p in loaded.files] == ["b.ttl", "a.ttl"]
    record_graphs = {g for g in kg.store.graphs() if kg.graphs.is_record(g)}
    assert record_graphs == {iri("graph:subject/anna"), iri("graph:project/common")}
    assert check(kg) == []


def test_loading_twice_changes_nothing(kg: KnowledgeGraph, folder: Path) -> None:
    load_rdf(kg, [folder], Origin())
    again = load_rdf(kg, [folder / "b.ttl", folder / "deep" / "a.ttl"], Origin())
    assert (again.commit.number, again.commit.added) == (1, 0)


def test_an_error_names_the_file_and_loads_nothing(kg: KnowledgeGraph, folder: Path) -> None:
    (folder / "z.ttl").write_text(HEAD + "id:x a oops .")
    with pytest.raises(BadRdf) as caught:
        load_rdf(kg, [folder], Origin())
    assert (caught.value.source, caught.value.line) == ("z.ttl", 2)
    assert kg.head == 0


def test_what_cannot_be_loaded(kg: KnowledgeGraph, folder: Path) -> None:
    with pytest.raises(NotFound):
        load_rdf(kg, [folder / "missing"], Origin())
    with pytest.raises(UnsupportedMediaType):
        load_rdf(kg, [folder / "notes.txt"], Origin())
    (folder / "model.trig").write_text("<https://kg.example/graph/ontology> { <a:a> <b:b> <c:c> }")
    with pytest.raises(Forbidden):
        load_rdf(kg, [folder], Origin())


def test_findings_are_shown_in_the_view(kg: KnowledgeGraph, tmp_path: Path) -> None:
    file = tmp_path / "findings.trig"
    file.write_text(HEAD + "<https://kg.example/graph/finding> { id:f ci:findingStatus 'open' }")
    with pytest.raises(Forbidden):
        load_rdf(kg, [file], Origin())
    assert kg.head == 0
    load_rdf(kg, [file], Origin(), trusted=True)
    assert kg.ask(f"ASK {{ {triple('id:f', 'ci:findingStatus', 'open')} }}")
    assert check(kg) == []


def lines(*quads: object) -> str:
    return "".join(f"{q} .\n" for q in quads)


@pytest.mark.slow
def test_a_bulk_load_equals_commits(kg: KnowledgeGraph, kg_in_memory: KnowledgeGraph, tmp_path: Path) -> None:
    quads = [
        quad("id:anna", "a", "ci:ContactPerson", "graph:subject/anna"),
        quad("id:rec", "ci:dataSubject", "id:anna", "graph:subject/anna"),
        quad("id:pain", "a", "ci:PainPoint", "graph:project/common"),
        quad("ex:a", "ex:b", "a > _:b in a text", "ex:mine"),
        quad("ex:loose", "ex:b", "c"),
    ]
    file = tmp_path / "data.nq"
    file.write_text(lines(*quads))
    for graph in (kg, kg_in_memory):
        commit = bulk_load(graph, file)
        assert (commit.number, commit.added) == (1, 5)
        assert check(graph) == []
        assert graph.ask(f"ASK {{ {triple('id:anna', 'ci:subjectOf', 'id:rec')} }}")
        assert not graph.ask("ASK { ?s ?p 'a > _:b in a text' }")
        assert graph.store.has_graph(iri("graph:scratch"))
        assert bulk_load(graph, file).number == 1


def test_a_bulk_load_adds_to_what_is_there(kg: KnowledgeGraph, tmp_path: Path) -> None:
    kg.commit(Change.adding([quad("id:anna", "a", "ci:ContactPerson")]))
    file = tmp_path / "data.nq"
    file.write_text(lines(quad("id:anna", "ci:personName", "Anna", "graph:subject/anna")))
    assert bulk_load(kg, file).number == 2
    assert check(kg) == []


@pytest.mark.parametrize("name", ["age", "birthYear"])
@pytest.mark.parametrize("value", ["--5", "1" * 5000, "²", ""])
def test_what_is_no_number_of_years_can_be_loaded_and_opened(
    model_only: OxigraphStore, clock: Clock, tmp_path: Path, name: str, value: str
) -> None:
    path = tmp_path / "store"
    model_only.backup(path)
    kg = KnowledgeGraph.open(Settings(store=path), OxigraphStore(path), clock, guarded=False)
    person = kg.addresses.instance("person")
    file = tmp_path / "export.nq"
    graph = kg.addresses.subject(kg.addresses.key(person))
    file.write_text(
        f'<{person}> <{RDF}type> <{CI}ContactPerson> <{graph}> .\n<{person}> <{CI}{name}> "{value}" <{graph}> .\n'
    )
    bulk_load(kg, file)
    kg.close()
    kg = KnowledgeGraph.open(Settings(store=path), OxigraphStore(path), clock, guarded=False)
    assert check(kg) == []
    kg.close()


@pytest.mark.slow
def test_an_export_can_be_restored(demo_kg: KnowledgeGraph, kg: KnowledgeGraph, tmp_path: Path) -> None:
    file = tmp_path / "export.nq"
    with file.open("wb") as out:
        for graph in demo_kg.store.graphs():
            if demo_kg.graphs.is_record(graph):
                copy = io.BytesIO()
                demo_kg.store.dump(copy, N_QUADS, graph=graph)
                name = str(graph).encode()
                out.writelines(line[:-2] + name + b" .\n" for line in copy.getvalue().splitlines())
    bulk_load(kg, file)
    assert check(kg) == []


@pytest.mark.parametrize(
    "text",
    [
        "<http://a> <http://b> <http://c> <http://g> .\n<http://a> oops\n",
        "<http://a> <http://b> <http://c> <http://g> .\n_:a <http://b> <http://c> <http://g> .\n",
        "<http://a> <http://b> <http://c> <http://g> .\n<http://a> <http://b> _:c <http://g> .\n",
    ],
)
def test_a_refused_bulk_load_changes_nothing(kg: KnowledgeGraph, tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.nq"
    file.write_text(text)
    with pytest.raises(BadRdf) as caught:
        bulk_load(kg, file)
    assert caught.value.line == 2
    assert kg.head == 0
    assert not kg.store.has_graph(iri("ex:g"))
    reopened = KnowledgeGraph.open(kg.settings, kg.store, kg.clock, guarded=False)
    assert check(reopened) == []


def test_an_empty_bulk_load(kg: KnowledgeGraph, tmp_path: Path) -> None:
    file = tmp_path / "empty.nq"
    file.write_bytes(b"")
    assert bulk_load(kg, file).number == 0


def test_the_scratch_graph_is_addressed_by_the_deployment() -> None:
    assert iri("graph:scratch").value == ADDRESSES.scratch
