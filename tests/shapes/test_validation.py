"""Validation of the store and of files: equal findings, nothing written, and what cannot be read is named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import rdflib
from pyoxigraph import BlankNode, NamedNode
from rdflib.namespace import OWL, RDFS

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.validation import shipped_model, validate, validate_files
from kgservice.application.imports.load import load_rdf
from kgservice.domain.change import Origin
from kgservice.domain.finding import Finding, Policy
from kgservice.errors import BadInput, BadParameter, BadRdf, NotFound
from kgservice.namespaces import CI, RDF, SHAPES
from kgservice.settings import Settings
from kgservice.shacl.shapes import Shapes
from kgservice.shacl.validate import context_graph
from kgservice.shacl.validate import validate as plain
from kgservice.store.oxigraph import OxigraphStore

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "shapes" / "core" / "examples"
NOW = datetime(2025, 7, 1, tzinfo=UTC)


@pytest.fixture
def kg(model_only: OxigraphStore) -> Iterator[KnowledgeGraph]:
    with model_only.copy() as store:
        graph = KnowledgeGraph.open(Settings(), store, clock=lambda: NOW, guarded=False)
        yield graph
        graph.close()


def _load(kg: KnowledgeGraph, *names: str) -> None:
    load_rdf(kg, [EXAMPLES / name for name in names], Origin())


def test_empty_store_conforms(kg: KnowledgeGraph, shapes: Shapes) -> None:
    assert validate(kg, shapes=shapes).conforms


def test_store_and_files_give_the_same_findings(kg: KnowledgeGraph, shapes: Shapes) -> None:
    name = "R04-unit.invalid.ttl"
    _load(kg, name)
    stored = validate(kg, shapes=shapes)
    files = validate_files([EXAMPLES / name], shapes=shapes, clock=lambda: NOW)
    assert [f.key for f in stored.findings] == [f.key for f in files.findings]
    assert stored.counts == {"Violation": 1, "Warning": 0, "Info": 0}


NAMED = f"""
<urn:x> a <{CI}PainPoint> ; <{CI}hasCategory> <https://w3id.org/dpv/pd#Name> .
<{CI}PainPoint> a <http://www.w3.org/2002/07/owl#Class> .  # the model says so, too
"""
BLANK = f"[] a <{CI}PainPoint> . <urn:i> a <{CI}Impact> ; <{CI}measurement> [ <{CI}value> 3 ] ."


@pytest.mark.slow
@pytest.mark.parametrize("said", [NAMED, BLANK, NAMED + BLANK])
def test_files_have_the_findings_of_plain_validation(shapes: Shapes, tmp_path: Path, said: str) -> None:
    (tmp_path / "some.ttl").write_text(said, encoding="utf-8")
    found = validate_files([tmp_path / "some.ttl"], shapes=shapes, clock=lambda: NOW).findings
    data = shipped_model().parse(data=said, format="turtle")
    expected = plain(data, shapes, context=context_graph(NOW, Policy()), in_place=True).findings
    assert found

    def told(findings: Iterable[Finding]) -> list[str]:
        return sorted(re.sub(r"_:\w+", "_:node", str(finding.to_json())) for finding in findings)

    assert told(found) == told(expected)


def test_clock_and_policy_decide_rules_about_now(kg: KnowledgeGraph, shapes: Shapes, tmp_path: Path) -> None:
    resolved = (EXAMPLES / "R02.valid.ttl").read_text(encoding="utf-8")
    (tmp_path / "open.ttl").write_text(resolved.replace("ci:Resolved", "ci:Open"), encoding="utf-8")
    load_rdf(kg, [tmp_path / "open.ttl"], Origin())
    assert [f.rule.number for f in validate(kg, shapes=shapes).findings] == ["R06"]
    assert validate(kg, shapes=shapes, policy=Policy(open_days=365)).conforms


@pytest.mark.slow
def test_dry_run_adds_the_file_to_the_store_and_writes_nothing(kg: KnowledgeGraph, shapes: Shapes) -> None:
    _load(kg, "R03.valid.ttl")
    head = kg.head
    path = EXAMPLES / "R03-pain-point.invalid.ttl"
    alone = validate_files([path], shapes=shapes, clock=lambda: NOW)
    together = validate_files([path], kg, shapes=shapes)
    assert "R03" in {f.rule.number for f in alone.findings}
    assert "R03" not in {f.rule.number for f in together.findings}, (
        "the store says what the solution addresses"
    )
    assert kg.head == head
    assert [f.rule.number for f in validate(kg, shapes=shapes).findings] == ["R07"]


@pytest.mark.slow
def test_records_of_no_class_in_files(shapes: Shapes, tmp_path: Path) -> None:
    """As a commit refuses them; parts, concepts of the model and what is no record need no class."""
    path = tmp_path / "some.trig"
    ci = f"@prefix ci: <{CI}> ."
    path.write_text(f'{ci} <urn:x> a ci:Solutoin ; ci:title "Typo"@en .', encoding="utf-8")
    (found,) = validate_files([path], shapes=shapes).findings
    assert (found.rule.number, found.focus, found.value) == (
        "R00",
        NamedNode("urn:x"),
        NamedNode(f"{CI}Solutoin"),
    )
    assert "ci:Solution?" in found.message("en")
    path.write_text(f'{ci} <urn:x> ci:note "No class at all"@en .', encoding="utf-8")
    assert [f.rule.number for f in validate_files([path], shapes=shapes).findings] == ["R00"]
    own = f"<urn:Mine> a <{OWL.Class}> ; <{RDFS.subClassOf}> ci:Evidence . <urn:y> a <urn:Mine> ."
    path.write_text(
        f'{ci} [] ci:note "A part of nothing"@en . <urn:graph> {{ <urn:z> ci:note "In scratch"@en }} '
        f'<urn:a> <urn:b> "No record" . ci:Problem ci:note "Of the model"@en . {own} '
        'ci:x a ci:Persona ; ci:remark [ ci:note "A part"@en ] .',
        encoding="utf-8",
    )
    of_no_class = [f for f in validate_files([path], shapes=shapes).findings if f.rule.number == "R00"]
    assert [type(f.focus) for f in of_no_class] == [BlankNode]


def test_files_are_judged_by_the_policy_of_the_settings(shapes: Shapes, tmp_path: Path) -> None:
    path = ROOT / "shapes" / "processing" / "examples" / "R24-consent-only.invalid.ttl"
    graph = rdflib.Graph().parse(path)
    graph.remove((rdflib.URIRef(f"{SHAPES}context"), None, None))
    graph.serialize(tmp_path / "one.ttl", format="turtle")
    strict = validate_files([tmp_path / "one.ttl"], shapes=shapes)
    assert "R24" in {f.rule.number for f in strict.findings}
    wide = validate_files([tmp_path / "one.ttl"], shapes=shapes, settings=Settings(profile="gdpr"))
    assert "R24" not in {f.rule.number for f in wide.findings}


def test_the_days_of_the_policy_are_settings(shapes: Shapes, tmp_path: Path) -> None:
    environ = {
        "KGSERVICE_OPEN_DAYS": "7",
        "KGSERVICE_EXPIRING_DAYS": "8",
        "KGSERVICE_MEMBERSHIP_DAYS": "9",
        "KGSERVICE_CONSENT_AGE": "14",
    }
    policy = Policy.of(Settings.load(environ))
    assert (policy.open_days, policy.expiring_days, policy.membership_days, policy.consent_age) == (
        7,
        8,
        9,
        14,
    )
    assert Policy.of(Settings()) == Policy()
    for name, wrong in (("OPEN_DAYS", "-1"), ("CONSENT_AGE", "12"), ("MEMBERSHIP_DAYS", "99999")):
        with pytest.raises(BadParameter, match="is no number of"):
            Settings.load({f"KGSERVICE_{name}": wrong})
    resolved = (EXAMPLES / "R02.valid.ttl").read_text(encoding="utf-8")
    (tmp_path / "open.ttl").write_text(resolved.replace("ci:Resolved", "ci:Open"), encoding="utf-8")

    def rules(settings: Settings) -> list[str]:
        report = validate_files([tmp_path / "open.ttl"], shapes=shapes, settings=settings, clock=lambda: NOW)
        return [finding.rule.number for finding in report.findings]

    assert rules(Settings()) == ["R06"]
    assert rules(Settings(open_days=365)) == []


def test_statements_outside_the_record_graphs_are_not_validated(
    kg: KnowledgeGraph, shapes: Shapes, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch.trig"
    scratch.write_text(f"<urn:scratch> {{ <urn:x> a <{CI}Touchpoint> }}", encoding="utf-8")
    load_rdf(kg, [scratch], Origin())
    assert validate(kg, shapes=shapes).conforms
    assert not validate_files([scratch], shapes=shapes).conforms


def test_folder_is_read_with_all_that_is_rdf_in_it(shapes: Shapes, tmp_path: Path) -> None:
    (tmp_path / "a.nt").write_text(
        f"<urn:x> <{RDF}type> <{CI}Solution> .",
        encoding="utf-8",
    )
    (tmp_path / "notes.txt").write_text("not RDF", encoding="utf-8")
    report = validate_files([tmp_path], shapes=shapes)
    assert {f.focus.value for f in report.findings} == {"urn:x"}


def test_malformed_file_names_line_and_column(shapes: Shapes, tmp_path: Path) -> None:
    path = tmp_path / "bad.ttl"
    path.write_text("<urn:a> <urn:b> <urn:c> .\n<urn:a> <urn:b> .\n", encoding="utf-8")
    with pytest.raises(BadRdf) as caught:
        validate_files([path], shapes=shapes)
    assert (caught.value.source, caught.value.line) == (str(path), 2)


def test_missing_file_and_unknown_ending(shapes: Shapes, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        validate_files([tmp_path / "none.ttl"], shapes=shapes)
    (tmp_path / "table.csv").write_text("a,b\n", encoding="utf-8")
    with pytest.raises(BadInput, match="RDF format"):
        validate_files([tmp_path / "table.csv"], shapes=shapes)
