"""The shapes are complete in their words, and bad shapes are refused with file and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import rdflib
from rdflib.namespace import RDFS, SH, SKOS

from kgservice.application.guard.validation import shipped_model
from kgservice.errors import BadInput, BadRdf
from kgservice.shacl.shapes import Shapes, load_shapes
from kgservice.shacl.validate import validate
from tests.wording import OTHER_WORDS

ROOT = Path(__file__).parents[2]
RULES = {f"R{n:02}" for n in range(1, 53)}
HEAD = """@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix ex: <https://kg.example/test#> . @prefix ci: <https://w3id.org/kgservice/ci#> .
"""
COMPLETE = """
ex:group a sh:PropertyGroup ; rdfs:label "Group"@en, "Gruppe"@de .
ex:Shape a sh:NodeShape ; sh:targetClass ex:Thing ; sh:property ex:rule .
ex:rule a sh:PropertyShape ; dcterms:identifier "X01" ; sh:group ex:group ; sh:order 1 ;
    sh:severity sh:Violation ; sh:path ex:p ; sh:minCount 1 ;
    sh:name "rule"@en, "Regel"@de ; sh:message "Add p."@en, "Ergänzen Sie p."@de ;
    rdfs:comment "Because."@en, "Darum."@de .
"""


def _load(folder: Path, text: str) -> Shapes:
    (folder / "bad.ttl").write_text(HEAD + text, encoding="utf-8")
    return load_shapes(folder)


def test_every_rule_is_there_and_says_everything_in_both_languages(shapes: Shapes) -> None:
    assert {r.number for r in shapes.rules.values()} == RULES
    messages: set[str] = set()
    for rule in shapes.rules.values():
        for words in (rule.name, rule.message, rule.reason, rule.group):
            assert set(words) == {"de", "en"}
            assert words["de"] != words["en"]
        assert rule.shape.split("#")[1].startswith(f"{rule.number}-")
        messages.update(rule.message.values())
    assert len(messages) == 2 * len(shapes.rules)


def _words(shapes: Shapes, language: str) -> list[str]:
    """All that people read of the rules in a language."""
    return [
        words[language] for rule in shapes.rules.values() for words in (rule.name, rule.message, rule.reason)
    ]


@pytest.mark.parametrize("language", ["de", "en"])
def test_words_name_no_terms_of_rdf(shapes: Shapes, language: str) -> None:
    words = _words(shapes, language)
    assert len(words) == 3 * len(shapes.rules)
    assert [text for text in words if re.search(r"\b[a-z][\w-]*:[A-Za-z]|://", text)] == []


@pytest.mark.parametrize(
    ("language", "quoted", "other"),
    [
        ("de", "„([^“]*)“", {"DSGVO", "keine", "weniger"}),
        ("en", "“([^”]*)”", {"less", "none"}),
    ],
)
def test_what_words_quote_is_called_so(shapes: Shapes, language: str, quoted: str, other: set[str]) -> None:
    found = shipped_model().objects(None, RDFS.label | SKOS.prefLabel)
    labels = {
        str(label) for label in found if isinstance(label, rdflib.Literal) and label.language == language
    }
    named = {name for text in _words(shapes, language) for name in re.findall(quoted, text)}
    assert len(named) > 60
    assert named - labels == other


def test_german_words_speak_of_pain_points_touchpoints_and_journeys(shapes: Shapes) -> None:
    assert [text for text in _words(shapes, "de") if re.search(OTHER_WORDS, text)] == []


def test_rules_list_the_terms_of_their_paths_constraints_and_queries(shapes: Shapes) -> None:
    terms = {rule.shape.partition("#")[2]: rule.terms for rule in shapes.rules.values()}
    assert terms["R02-kind"] == ("ci:Challenge", "ci:Inconvenience", "ci:Problem", "ci:painPointKind")
    assert terms["R01-single-phase"] == ("ci:phase", "ci:phaseOf", "ci:spansPhases")
    assert terms["R07-review-due"] == (
        *("ci:Deployed", "ci:followedBy", "ci:impactOf", "ci:reviewDue", "ci:solutionStatus"),
    )
    assert {"owl:sameAs", "ci:Person"} <= set(terms["R51-same-as"])
    # these two look at the node itself
    assert {name for name, named in terms.items() if not named} == {"R31-id", "R50-opaque"}


def test_terms_of_queries_are_not_those_of_texts_and_comments(tmp_path: Path) -> None:
    query = """sh:sparql [ sh:select '''SELECT $this WHERE {
        $this owl:sameAs "owl:text" . # owl:comment
        FILTER ($this = <urn:x#y>)
    }''' ]"""
    (rule,) = _load(tmp_path, COMPLETE.replace("sh:minCount 1", query)).rules.values()
    assert rule.terms == ("<https://kg.example/test#p>", "<urn:x#y>", "owl:sameAs")


def test_orders_are_unique(shapes: Shapes) -> None:
    orders = [r.order for r in shapes.rules.values()]
    assert len(set(orders)) == len(orders)


def test_files_hold_the_group_and_severity_of_their_name(shapes: Shapes) -> None:
    for path in sorted((ROOT / "shapes").glob("*/*.ttl")):
        group, severity, _ = path.name.split(".")
        part = rdflib.Graph().parse(path)
        severities = {str(s).removeprefix(str(SH)) for s in part.objects(None, SH.severity)}
        assert severities == {severity.title()}
        assert {str(g).split("#")[1] for g in part.objects(None, SH.group)} == {group}


def test_shapes_use_only_terms_of_the_model(model: rdflib.Graph) -> None:
    files = sorted((ROOT / "shapes").glob("*/*.ttl"))
    text = "".join(p.read_text(encoding="utf-8") for p in files)
    code = re.sub(r'"[^"\n]*"@\w+', "", text)
    terms = {
        rdflib.URIRef(f"https://w3id.org/kgservice/ci#{name}") for name in re.findall(r"\bci:(\w+)", code)
    }
    assert len(terms) > 60
    assert sorted(t for t in terms if (t, None, None) not in model) == []


def test_documented_rules_are_those_of_the_shapes(shapes: Shapes) -> None:
    page = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
    rows = [
        [c.strip() for c in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("| R")
    ]
    assert {row[0] for row in rows} == RULES
    assert len(rows) == len(RULES)
    for number, severity, *_ in rows:
        assert set(severity.split(", ")) == {r.severity for r in shapes.rules.values() if r.number == number}


def test_complete_shapes_are_accepted(tmp_path: Path) -> None:
    assert [r.number for r in _load(tmp_path, COMPLETE).rules.values()] == ["X01"]


@pytest.mark.parametrize(
    ("old", "new", "detail", "line"),
    [
        ("sh:minCount 1", "sh:minCuont 1", "sh:minCuont is no term", 9),
        ("sh:minCount 1", "sh:minCount 1 ; sh:rule ex:x", "sh:rule is no term", 9),
        (', "Regel"@de', "", "lacks sh:name @de", 8),
        ('"Add p."@en, ', "", "lacks sh:message @en", 8),
        (', "Darum."@de', "", "lacks rdfs:comment @de", 8),
        ("sh:group ex:group ;", "", "lacks sh:group", 8),
        ('dcterms:identifier "X01" ;', "", "lacks dcterms:identifier", 8),
        ("sh:severity sh:Violation ;", "", "lacks sh:severity", 8),
        ("sh:minCount 1", "sh:minCount 1 ; sh:node ex:Nowhere", "there is no shape .*#Nowhere", 9),
        ("sh:minCount 1", "sh:not ex:Nowhere", "there is no shape .*#Nowhere", 9),
        ("sh:minCount 1", "sh:or ( [ sh:nodeKind sh:IRI ] ex:Nowhere )", "there is no shape .*#Nowhere", 9),
        ("sh:minCount 1", "sh:not [ sh:and ( ex:Nowhere ) ]", "there is no shape .*#Nowhere", 9),
        (
            "sh:minCount 1",
            "sh:qualifiedMinCount 1 ; sh:qualifiedValueShape ex:Nowhere",
            "there is no shape .*#Nowhere",
            9,
        ),
        ("sh:property ex:rule", "sh:property ex:rule , ex:Nowhere", "there is no shape .*#Nowhere", 7),
        ("sh:minCount 1", 'sh:minCount "one"', 'sh:minCount must be a whole number .*, not "one"', 9),
        ("sh:minCount 1", "sh:minCount -1", "sh:minCount must be a whole number from 0 on, not ", 9),
        ("sh:minCount 1", "sh:minCount 1 ;\n sh:in ci:Problem", "sh:in must be a list, not ci:Problem", 10),
        ("sh:minCount 1", "sh:or ( ex:group 5 )", "sh:or must be a list of shapes$", 9),
        ("sh:minCount 1", "sh:minCount 1 ;\n sh:not [ sh:minLength 1.5 ]", "must be a whole number", 10),
        ("sh:minCount 1", "sh:class [ ]", "sh:class must be an IRI$", 9),
        ("sh:minCount 1", "sh:nodeKind sh:Nothing", "sh:Nothing is no term", 9),
        ("sh:minCount 1", "sh:nodeKind sh:Shape", "sh:nodeKind must be one of .* not sh:Shape", 9),
        ("sh:minCount 1", 'sh:uniqueLang "yes"', "sh:uniqueLang must be true or false", 9),
        ("sh:minCount 1", 'sh:pattern "[a"', "sh:pattern must be a regular expression", 9),
        ("sh:minCount 1", "sh:minCount 1, 2", "a shape has one sh:minCount", 8),
        ("sh:path ex:p ; sh:minCount 1", "sh:nodeKind sh:IRI", "a property shape has a sh:path", 8),
        ("sh:path ex:p ; ", "", "a property shape has a sh:path", 8),
        ("sh:property ex:rule", "sh:property ex:rule ; sh:maxCount 1", "a property shape has a sh:path", 7),
        ("sh:path ex:p", "sh:path ( ex:p )", "sh:path must be a path", 9),
        ("sh:path ex:p", "sh:path [ sh:zeroOrMorePath ex:p, ex:q ]", "sh:path must be a path", 9),
        ("sh:path ex:p", 'sh:path "p"', 'sh:path must be a path of SHACL, not "p"', 9),
        ("sh:minCount 1", "sh:qualifiedValueShape [ sh:nodeKind sh:IRI ]", "needs sh:qualifiedMinCount", 9),
        ("sh:minCount 1", "sh:class ci:Chanel", "ci:Chanel is no term of the ontology", 9),
        ("sh:path ex:p", "sh:path ( ex:p ci:painPointKnd )", "ci:painPointKnd is no term of the ontology", 9),
        ("ex:Thing ;", "ci:Touchpiont ;", "ci:Touchpiont is no term of the ontology", 7),
        (
            "sh:minCount 1",
            """sh:minCount 1 ; sh:sparql [
                sh:select "SELECT $this { $this a <https://w3id.org/kgservice/ci#Chanel> }" ]""",
            "ci:Chanel is no term of the ontology",
            10,
        ),
        ("sh:minCount 1", "sh:minCount 1 ; sh:node ex:Shape", "must not be recursive", 7),
        (
            "sh:minCount 1",
            "sh:minCount 1 . _:a sh:path ex:q ; sh:property _:a",
            "recursive: <https://kg.example/test#q> → <https://kg.example/test#q>$",
            None,
        ),
        ("sh:minCount 1", "sh:minCount 1 ; sh:node ex:rule", "must not be recursive: .*rule → .*rule$", 8),
        ("sh:minCount 1", "sh:or ( [ sh:nodeKind sh:IRI ] ex:Shape )", "must not be recursive", 7),
        ("sh:minCount 1", "sh:not [ sh:and ( ex:Shape ) ]", "must not be recursive", 7),
        (
            "sh:minCount 1",
            "sh:qualifiedMinCount 1 ; sh:qualifiedValueShape [ sh:property ex:rule ]",
            "must not be recursive",
            8,
        ),
        (
            "sh:minCount 1",
            "sh:minCount 1 ; sh:property [ sh:path [ sh:inversePath ( ex:p ex:q ) ] ; sh:minCount 1 ]",
            "invert each part",
            8,
        ),
        (
            "sh:minCount 1",
            'sh:sparql [ sh:select "SELECT $this WHERE { $this ex:p }" ]',
            "malformed SPARQL",
            8,
        ),
    ],
)
def test_bad_shapes_are_refused_with_file_and_line(
    tmp_path: Path, old: str, new: str, detail: str, line: int | None
) -> None:
    assert old in COMPLETE
    with pytest.raises(BadInput, match=detail) as caught:
        _load(tmp_path, COMPLETE.replace(old, new))
    assert (caught.value.source, caught.value.line) == (str(tmp_path / "bad.ttl"), line)


def test_a_shape_may_be_described_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "other.ttl").write_text(HEAD + "ex:There a sh:NodeShape ; sh:nodeKind sh:IRI .", "utf-8")
    (rule,) = _load(tmp_path, COMPLETE.replace("sh:minCount 1", "sh:node ex:There")).rules.values()
    assert rule.number == "X01"


def test_syntax_error_names_file_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(BadRdf) as caught:
        _load(tmp_path, COMPLETE.replace("sh:path ex:p ;", "sh:path ;"))
    assert (caught.value.source, caught.value.line) == (str(tmp_path / "bad.ttl"), 9)
    assert caught.value.column is not None


def test_folder_without_shapes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no shapes"):
        load_shapes(tmp_path)


def test_shapes_that_cannot_be_evaluated_are_reported_as_bad_input() -> None:
    graph = rdflib.Graph().parse(
        data=HEAD + "ex:S sh:targetNode ex:x ; sh:sparql [ sh:select "
        '"SELECT $this WHERE { GRAPH $shapesGraph { $this ?p ?o } }" ] .',
        format="turtle",
    )
    data = rdflib.Graph().parse(data=HEAD + "ex:x a ex:Thing .", format="turtle")
    with pytest.raises(BadInput, match="cannot be evaluated"):
        validate(data, Shapes.of(graph))


def test_a_cyclic_path_that_inverts_a_sequence_is_refused_at_once(tmp_path: Path) -> None:
    path = "_:a sh:inversePath _:b . _:b sh:zeroOrMorePath ( _:a _:b ) ."
    with pytest.raises(BadInput, match="invert each part"):
        _load(tmp_path, COMPLETE + path)
