"""Random shapes, graphs and changes: the findings kept change by change are those of plain pySHACL over everything."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import permutations
from typing import Any

import pytest
import rdflib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rdflib import RDF, RDFS, SH, XSD, BNode, Literal, URIRef
from rdflib.collection import Collection
from rdflib.compare import isomorphic
from rdflib.term import Node

from kgservice.domain.finding import Finding, by_key
from kgservice.errors import BadInput
from kgservice.shacl.bulk import BulkValidator, chunks
from kgservice.shacl.datasets import GraphStatements
from kgservice.shacl.local import LocalValidator
from kgservice.shacl.report import Report
from kgservice.shacl.shapes import Shapes
from kgservice.shacl.targets import Candidate
from kgservice.shacl.terms import from_rdflib
from kgservice.shacl.validate import Findings, validate

EX = rdflib.Namespace("https://kg.example/test#")
NODES = [EX[name] for name in "abcde"]
PROPERTIES = [EX.p, EX.q, EX.r]
CLASSES = [EX.C, EX.D]
ABOVE = [EX.E, EX.F]  # classes that records bring, and put above or below others


def written(text: str, datatype: str) -> Literal:
    """A literal as it is written, also where it is no value of the datatype."""
    return Literal(text, datatype=XSD[datatype], normalize=False)


LITERALS = [Literal(1), Literal(2), Literal("x", lang="de"), Literal("y", lang="de"), Literal("x")]
LITERALS += [
    Literal(""),
    Literal("aé\n"),
    Literal("x1"),
    Literal("Y", lang="de-AT"),
    written("true", "boolean"),
]
LITERALS += [
    written("01", "integer"),
    written("abc", "integer"),
    written("1.0", "decimal"),
    written("NaN", "double"),
]
LITERALS += [written("2026-01-01", "date"), written("2026-01-01T00:00:00Z", "dateTime")]
LITERALS += [written("2026-01-01T00:00:00", "dateTime"), written("2026-13-45T00:00:00Z", "dateTime")]
LITERALS += [
    written("2026-01-01T01:00:00+01:00", "dateTime"),
    written("2026-01-03T00:00:00Z", "dateTimeStamp"),
    written("1.5", "decimal"),
    written("1.0E0", "double"),
    written("1", "boolean"),
    written("2026", "gYear"),
    written("P1D", "duration"),
    written("x", "anyURI"),
    written("5", "nonNegativeInteger"),
    Literal("x", lang="en"),
    Literal("z", datatype=EX.own),
]
LITERALS += map(Literal, ["1", "01", " 1", "1_0", "1e1", "NaN", "20260101", "2026-01-01T00:00:00"])
MODEL = rdflib.Graph()
MODEL.add((EX.D, RDFS.subClassOf, EX.C))

# What a shape is made of, as nested tuples; `build` writes it as SHACL.
properties = st.sampled_from(PROPERTIES)


def is_sequence(path: Any) -> bool:
    """Whether a path is a sequence or has one as a part."""
    return isinstance(path, tuple) and (path[0] == "sequence" or any(map(is_sequence, path[1:])))


paths = st.recursive(
    properties,
    lambda inner: st.one_of(
        st.tuples(st.just("inverse"), inner.filter(lambda path: not is_sequence(path))),
        st.tuples(st.just("sequence"), inner, inner),
        st.tuples(st.just("alternative"), inner, inner),
        st.tuples(st.sampled_from(["zeroOrMorePath", "oneOrMorePath", "zeroOrOnePath"]), inner),
    ),
    max_leaves=3,
)
values = st.sampled_from([*NODES, *LITERALS])
DECIMAL, MOMENT = f"<{XSD.decimal}>", f"<{XSD.dateTime}>"
TESTS = [
    "?value > 1",
    "?value",
    "!?value",
    "?value < ?x",
    "?value >= ?x",
    "?value = ?x",
    "?value = 1",
    "?value != 'x'",
]
TESTS += ["!(?value > 1 && ?x < 2)", "?value > 1 || ?x", "IF(?value, ?x, true)", "COALESCE(?value > 1, true)"]
TESTS += [f"{DECIMAL}(STR(?value)) {sign} {DECIMAL}(STR(?x))" for sign in ("<", "<=", "=", "!=")]
TESTS += [f"{MOMENT}(STR(?value)) {sign} {MOMENT}(STR(?x))" for sign in (">", ">=", "=", "!=")]
TESTS += [f"YEAR({MOMENT}(STR(?value))) - {DECIMAL}(STR(?x)) > 2000", "REPLACE(STR(?value), '0*', 'x') = 'x'"]
TESTS += ["STR(?value) < STR(?x)", "STR(?value) IN ('1', 'x')", "!sameTerm(?value, ?x)", "?value = ex:b"]
TESTS += [
    "REGEX(STR(?value), '^[0-9]+$')",
    "REPLACE(STR(?value), '0', '1') = '1'",
    "STRLEN(STR(?value)) * 2 > 3",
]
TESTS += [
    "isNumeric(?value)",
    "isLiteral(?value) && !isIRI(?x)",
    "LANGMATCHES(LANG(?value), 'de')",
    "STR(?x + 1) = '2'",
]
queries = st.sampled_from(
    [
        "SELECT $this ?value WHERE { $this ex:p ?value . FILTER NOT EXISTS { ?value ex:q ?any } }",
        "SELECT $this ?value WHERE { $this ex:p/ex:q* ?value . ?value a ex:C }",
        "SELECT $this ?value WHERE { $this ^ex:r ?value OPTIONAL { ?value ex:p ?x } FILTER(!BOUND(?x)) }",
        "SELECT $this WHERE { { $this ex:p ?x } UNION { $this ex:q ?x } ?x ex:r ?y FILTER(?y != $this) }",
        "SELECT $this ?value WHERE { ?value ex:p|ex:q $this . FILTER EXISTS { ?value a ex:D . $this ex:r ?value } }",
        "SELECT $this (COUNT(?x) AS ?value) WHERE { $this ex:p ?x } GROUP BY $this HAVING (COUNT(?x) > 1)",
        "SELECT $this WHERE { $this !ex:p ?x . ?x ex:p ?y }",
        "SELECT $this WHERE { $this ?any ?x . ?x a ex:D }",
        "SELECT $this ?value WHERE { $this ex:q ?x . OPTIONAL { ?x ex:r ?z } OPTIONAL { ?z ex:p ?value } }",
        "SELECT $this ?value WHERE { $this a ex:C . ex:a ex:p ?value }",
        "SELECT $this WHERE { $this ex:r ?x . ?y ex:q ?z . FILTER(?x = ?z) }",
        "SELECT $this ?value WHERE { $this $PATH ?value . ?value ex:p $this }",
        "SELECT $this WHERE { $this ex:p ?x . ?x ex:q ?y } LIMIT 1",
        "SELECT $this ?value ?x WHERE { $this ex:p ?value . ?value ex:q ?x }",
        "SELECT DISTINCT $this ?value WHERE { $this ex:p|ex:q ?value . FILTER (!isIRI(?value)) }",
        "SELECT $this ?value WHERE { $this ex:p ?x ; ex:q ?value . FILTER(?x != ?value) }",
        "SELECT $this WHERE { $this ex:p ?x ; ex:q ?y . FILTER(STR(?x) = STR(?y)) }",
        "SELECT $this ?value WHERE { $this ex:p ?x . BIND(STRLEN(STR(?x)) AS ?n) FILTER(?n > 1) . $this ex:q ?value }",
        "SELECT $this ?value WHERE { $this ex:p|ex:q ?value . FILTER(?value IN (1, 'x', ex:a)) }",
        "SELECT $this ?value WHERE { $this ex:q ?value . FILTER NOT EXISTS { $this ex:p ?x FILTER(?x = ?value) } }",
        "SELECT $this ?value WHERE { $this ex:p ?x . ?value ex:q ?y . ?value ex:r $this FILTER(SAMETERM(?x, ?y)) }",
        "SELECT $this ?value WHERE { $this ex:p ?value . FILTER(LANG(?value) = '' && DATATYPE(?value) != <http://www.w3.org/2001/XMLSchema#string>) }",
        "SELECT $this WHERE { $this ex:p ?x ; ex:q ?y . FILTER(<http://www.w3.org/2001/XMLSchema#dateTime>(STR(?x)) < <http://www.w3.org/2001/XMLSchema#dateTime>(STR(?y))) }",
        "SELECT $this WHERE { { SELECT $this (COUNT(DISTINCT ?x) AS ?n) WHERE { $this ex:p/^ex:p ?x } GROUP BY $this } FILTER(?n > 1) }",
        "SELECT $this ?value WHERE { $this (ex:p|^ex:q)+ ?value . ?value (ex:r/ex:p)? ?z . ?z ex:q 1 }",
        "SELECT $this ?value WHERE { $this ex:r ?value . FILTER NOT EXISTS { ?value ex:p ?x . FILTER EXISTS { ?x ex:q $this } } }",
        "SELECT $this ?value WHERE { BIND($this AS ?value) ?value ex:p/ex:p ?value }",
        *(f"SELECT $this ?value WHERE {{ $this ex:p ?value ; ex:q ?x FILTER({test}) }}" for test in TESTS),
        "SELECT $this (MAX(?x) AS ?value) WHERE { $this ex:p ?x } GROUP BY $this HAVING (MAX(?x) > 1)",
        "SELECT $this ?value WHERE { $this ex:p ?x BIND(?x + 1 AS ?n) FILTER(?n > 2) $this ex:q ?value }",
        "SELECT $this ?value WHERE { $this ex:p ?x BIND(<http://www.w3.org/2001/XMLSchema#decimal>(STR(?x)) AS ?value) }",
    ]
)
bounds = st.sampled_from(
    [Literal(1), Literal(2), written("1.0", "decimal"), written("2026-01-01T00:00:00Z", "dateTime")]
)
messages = st.sampled_from(
    [(), (Literal("wrong", lang="en"), Literal("falsch", lang="de")), (Literal("{?value}!"),)]
)
leaves = st.one_of(
    st.tuples(st.just("class"), st.sampled_from(CLASSES)),
    st.tuples(st.sampled_from(["minCount", "maxCount"]), st.integers(0, 2)),
    st.tuples(
        st.just("nodeKind"),
        st.sampled_from(
            [SH.IRI, SH.Literal, SH.BlankNode, SH.BlankNodeOrIRI, SH.BlankNodeOrLiteral, SH.IRIOrLiteral]
        ),
    ),
    st.tuples(st.just("datatype"), st.sampled_from([XSD.integer, XSD.string, RDF.langString])),
    st.tuples(st.just("datatype"), st.sampled_from([XSD.decimal, XSD.dateTime, XSD.boolean, XSD.double])),
    st.tuples(st.sampled_from(["equals", "disjoint"]), properties),
    st.tuples(st.sampled_from(["lessThan", "lessThanOrEquals", "uniqueLang"]), properties),
    st.tuples(st.just("hasValue"), values),
    st.tuples(st.just("in"), st.lists(values, min_size=1, max_size=3)),
    st.tuples(st.sampled_from(["minInclusive", "minExclusive", "maxInclusive", "maxExclusive"]), bounds),
    st.tuples(st.sampled_from(["minLength", "maxLength"]), st.integers(0, 3)),
    st.tuples(
        st.just("pattern"),
        st.sampled_from(["^x$", "[a-z]", r"^\w+$", r"\d", "^.$", "1"]),
        st.sampled_from(["", "i", "s"]),
    ),
    st.tuples(
        st.just("languageIn"), st.lists(st.sampled_from(["de", "en", "de-AT"]), min_size=1, max_size=2)
    ),
    st.tuples(st.just("closed"), st.lists(properties, max_size=2)),
    st.tuples(st.just("severity"), st.sampled_from([SH.Info, SH.Warning])),
    st.tuples(st.just("deactivated"), st.just(True)),
    st.tuples(st.just("sparql"), queries, messages),
)
shapes_ = st.recursive(
    st.tuples(st.none() | paths, st.lists(leaves, min_size=1, max_size=2)),
    lambda inner: st.tuples(
        st.none() | paths,
        st.lists(
            st.one_of(
                leaves,
                st.tuples(st.sampled_from(["node", "not"]), inner),
                st.tuples(st.sampled_from(["and", "or", "xone"]), st.lists(inner, min_size=1, max_size=2)),
                st.tuples(st.just("property"), paths, inner),
                st.tuples(st.just("qualified"), inner, st.booleans(), st.booleans()),
            ),
            min_size=1,
            max_size=3,
        ),
    ),
    max_leaves=4,
)
targets = st.one_of(
    st.tuples(st.just(SH.targetClass), st.sampled_from(CLASSES)),
    st.tuples(st.just(SH.targetNode), st.sampled_from(NODES)),
    st.tuples(st.sampled_from([SH.targetSubjectsOf, SH.targetObjectsOf]), properties),
)
statements = st.one_of(
    st.tuples(st.sampled_from(NODES), properties, values),
    st.tuples(st.sampled_from(NODES), st.just(RDF.type), st.sampled_from([*CLASSES, *ABOVE])),
    st.tuples(
        st.sampled_from([*CLASSES, *ABOVE]), st.just(RDFS.subClassOf), st.sampled_from([*CLASSES, *ABOVE])
    ),
)
changes = st.tuples(st.lists(statements, max_size=3), st.lists(statements, max_size=3))
VALUE_ONLY = {"minCount", "maxCount", "uniqueLang", "lessThan", "lessThanOrEquals", "qualified"}


Shaped = list[tuple[tuple[URIRef, Node], tuple[Any, list[tuple[Any, ...]]]]]
Stated = list[tuple[URIRef, URIRef, Node]]
Steps = list[tuple[Stated, Stated]]


class Builder:
    """Writes shapes into a graph; every shape gets an IRI, so that findings are told apart."""

    def __init__(self) -> None:
        self.graph = rdflib.Graph()
        self.number = 0
        prefixes = BNode()
        self.graph.add((EX.prefixes, SH.declare, prefixes))
        self.graph.add((prefixes, SH.prefix, Literal("ex")))
        self.graph.add((prefixes, SH.namespace, Literal(str(EX), datatype=XSD.anyURI)))

    def _list(self, members: list[Node]) -> Node:
        node: Node = Collection(self.graph, BNode(), members).uri
        return node

    def path(self, path: Any) -> Node:
        if isinstance(path, URIRef):
            return path
        assert isinstance(path, tuple)
        kind, *inner = path
        parts = [self.path(part) for part in inner]
        if kind == "sequence":
            return self._list(parts)
        node = BNode()
        if kind == "alternative":
            self.graph.add((node, SH.alternativePath, self._list(parts)))
        else:
            self.graph.add((node, SH.inversePath if kind == "inverse" else SH[kind], parts[0]))
        return node

    def shape(self, path: Any, constraints: list[tuple[Any, ...]]) -> URIRef:
        self.number += 1
        node = EX[f"S{self.number}"]
        self.graph.add((node, RDF.type, SH.NodeShape if path is None else SH.PropertyShape))
        if path is not None:
            self.graph.add((node, SH.path, self.path(path)))
        for constraint in constraints:
            self.constraint(node, path, *constraint)
        return node

    def constraint(self, node: URIRef, path: Any, kind: str, *given: Any) -> None:
        once = SH.qualifiedValueShape if kind == "qualified" else SH[kind]
        if (path is None and kind in VALUE_ONLY) or (kind != "sparql" and (node, once, None) in self.graph):
            return
        add = self.graph.add
        if kind == "sparql":
            text = str(given[0])
            if "$PATH" in text and not isinstance(path, URIRef):
                return
            query = BNode()
            add((node, SH.sparql, query))
            add((query, SH.prefixes, EX.prefixes))
            add((query, SH.select, Literal(text)))
            for message in given[1]:
                add((query, SH.message, message))
        elif kind in {"node", "not"}:
            inner_path, constraints = given[0]
            if kind == "node" and inner_path is not None:  # only node shapes may stand here
                inner_path, constraints = None, [("property", inner_path, (None, constraints))]
            add((node, SH[kind], self.shape(inner_path, constraints)))
        elif kind in {"and", "or", "xone"}:
            members: list[Node] = [self.shape(*each) for each in given[0]]
            add((node, SH[kind], self._list(members)))
        elif kind == "property":
            inner_path, (_, constraints) = given
            add((node, SH.property, self.shape(inner_path, constraints)))
        elif kind == "qualified":
            add((node, SH.qualifiedValueShape, self.shape(*given[0])))
            add((node, SH.qualifiedMinCount if given[2] else SH.qualifiedMaxCount, Literal(1)))
            if given[1]:
                add((node, SH.qualifiedValueShapesDisjoint, Literal(True)))
        elif kind in {"in", "languageIn"}:
            add((node, SH[kind], self._list([m if isinstance(m, Node) else Literal(m) for m in given[0]])))
        elif kind == "closed":
            add((node, SH.closed, Literal(True)))
            if given[0]:
                add((node, SH.ignoredProperties, self._list(given[0])))
        elif kind == "pattern":
            add((node, SH.pattern, Literal(given[0])))
            if given[1]:
                add((node, SH.flags, Literal(given[1])))
        elif kind == "uniqueLang":
            add((node, SH.uniqueLang, Literal(True)))
        else:
            term = given[0]
            add((node, SH[kind], term if isinstance(term, Node) else Literal(term)))


def everything(graph: rdflib.Graph, shapes: Shapes) -> dict[tuple[str, ...], tuple[object, ...]]:
    found = by_key(validate(graph, shapes, model=MODEL).findings)
    return {key: told(finding) for key, finding in found.items()}


def told(finding: Finding) -> tuple[object, ...]:
    """A finding with its own words; those that pySHACL makes up describe blank nodes by what is near."""
    worded = finding.component == str(SH.SPARQLConstraintComponent)
    return (*finding.key, finding.severity, sorted(finding.messages.items()) if worded else [])


def is_about(about: set[str], node: Node) -> bool:
    return str(from_rdflib(node)) in about


def keep_and_compare(shapes: Shaped, start: Stated, steps: Steps) -> Counter[str]:
    """What was compared, until plain validation gives up; a change that alters nothing does not count."""
    compared: Counter[str] = Counter()
    builder = Builder()
    for (target, value), shape in shapes:
        builder.graph.add((builder.shape(*shape), target, value))
    prepared = Shapes.of(builder.graph)
    local = LocalValidator(prepared, MODEL)
    before = rdflib.Graph()
    kept: Findings = local.everything(GraphStatements(before))
    for added, removed in [(start, []), *steps]:
        after = rdflib.Graph()
        for triple in ({*before} - {*removed}) | {*added}:
            after.add(triple)
        try:
            plain = everything(after, prepared)
        except BadInput:  # pySHACL gives up
            return compared
        changed = {*after} ^ {*before}
        sides = GraphStatements(before), GraphStatements(after)
        difference = local.difference(changed, *sides)
        # The guard looks at what was only where there are findings now, or where some were kept.
        about = {key[2] for found in kept.values() for key in found}
        less = local.difference(changed, *sides, noted=partial(is_about, about))
        assert [{f.key for f in part} for part in (less.new, less.gone)] == [
            {f.key for f in part} for part in (difference.new, difference.gone)
        ]
        for root in {*kept, *difference.before, *difference.after}:
            found = kept.setdefault(root, {})
            for key in difference.before.get(root, {}):
                del found[key]
            assert not found.keys() & difference.after.get(root, {}).keys()
            found |= difference.after.get(root, {})
        assert {key: told(f) for found in kept.values() for key, f in found.items()} == plain
        compared["changes"] += bool(changed)
        compared["changes of findings"] += bool(difference.new or difference.gone)
        compared["graphs"] += 1
        before = after
    return compared + Counter({"shapes": len(prepared.rules)})


CASES = (
    st.lists(st.tuples(targets, shapes_), min_size=1, max_size=2),
    st.lists(statements, max_size=12),
)
BY_CHANGES = (*CASES, st.lists(changes, min_size=1, max_size=5))
BY_CHUNKS = (*CASES, st.integers(1, 3), st.booleans())


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(*BY_CHANGES)
def test_findings_kept_by_changes_are_those_of_everything(
    shapes: Shaped, start: Stated, steps: Steps
) -> None:
    keep_and_compare(shapes, start, steps)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(*BY_CHUNKS)
def test_findings_by_chunks_are_those_of_everything(
    shapes: Shaped, stated: Stated, size: int, blank: bool
) -> None:
    validate_by_chunks_and_compare(shapes, stated, size, blank)


def validate_by_chunks_and_compare(shapes: Shaped, stated: Stated, size: int, blank: bool) -> Counter[str]:
    """What was compared: nothing where plain validation gives up."""
    builder = Builder()
    for (target, value), shape in shapes:
        builder.graph.add((builder.shape(*shape), target, value))
    prepared = Shapes.of(builder.graph)
    graph = rdflib.Graph()
    for s, p, o in stated:
        named = (BNode(str(term)[-1]) if blank and term in {EX.d, EX.e} else term for term in (s, o))
        subject, value = named
        graph.add((subject, p, value))
    try:
        plain = validate(graph, prepared, model=MODEL).findings
    except BadInput:  # pySHACL cannot compare blank nodes
        return Counter()
    bulk = BulkValidator(prepared, MODEL)
    data = GraphStatements(graph)
    found = bulk.anywhere(data)
    candidates: list[Candidate] = [*bulk.candidates()]
    candidates += [(o, URIRef(str(p))) for _, p, o in graph if p in bulk.objects_of]
    candidates += [(s, None) for s in graph.subjects()]
    for chunk in chunks(dict.fromkeys(candidates), size):
        found += bulk.among(chunk, data)
    assert sorted(map(told, found)) == sorted(map(told, plain))
    return Counter({"graphs": 1, "shapes": len(prepared.rules)})


def test_what_two_constraints_of_a_shape_find_alike_is_one_finding_with_both_messages() -> None:
    queries = [
        f'[ sh:select "SELECT $this ?value {{ $this <{EX.p}> ?value }}" ; sh:message "{text}"@en, "{text}"@de ]'
        for text in ("late", "early", "again")
    ]
    for order in permutations(queries):
        turtle = f"""@prefix sh: <{SH}> . @prefix ex: <{EX}> .
            ex:shape a sh:NodeShape ; sh:targetNode ex:a ; sh:sparql {", ".join(order)} ."""
        prepared = Shapes.of(rdflib.Graph().parse(data=turtle))
        stated = {(EX.a, EX.p, EX.b)}
        sides = GraphStatements([]), GraphStatements(stated)
        (finding,) = LocalValidator(prepared, MODEL).difference(stated, *sides).new
        assert finding.messages == {"de": "again early late", "en": "again early late"}


def test_a_finding_about_another_node_than_the_focus_is_not_taken_for_new() -> None:
    """A value of a value lacks something all along; that is no reason to refuse another value."""
    turtle = f"""@prefix sh: <{SH}> . @prefix ex: <{EX}> .
        ex:shape a sh:NodeShape ; sh:targetClass ex:C ; sh:property ex:outer .
        ex:outer a sh:PropertyShape ; sh:path ex:p ; sh:property ex:inner .
        ex:inner a sh:PropertyShape ; sh:path ex:q ; sh:minCount 1 ."""
    local = LocalValidator(Shapes.of(rdflib.Graph().parse(data=turtle)), MODEL)
    start = {(EX.a, RDF.type, EX.C), (EX.a, EX.p, EX.b)}
    change = {(EX.a, EX.p, EX.c), (EX.c, EX.q, EX.d)}
    sides = GraphStatements(start), GraphStatements(start | change)
    (known,) = local.difference(start, GraphStatements([]), sides[0]).new
    assert known.focus == from_rdflib(EX.b)
    difference = local.difference(change, *sides, noted=lambda node: from_rdflib(node) == known.focus)
    assert (difference.new, difference.gone) == ([], [])
    mended = {(EX.b, EX.q, EX.d)}
    sides = GraphStatements(start), GraphStatements(start | mended)
    difference = local.difference(mended, *sides, noted=lambda node: from_rdflib(node) == known.focus)
    assert [finding.focus for finding in difference.gone] == [known.focus]


@pytest.mark.parametrize(
    "shapes",
    [
        # a property shape with a target of its own
        "ex:S a sh:PropertyShape ; sh:targetClass ex:C ; sh:path ex:p ; sh:property ex:inner .",
        # one property shape for a focus node and for values of another
        (
            "ex:S a sh:NodeShape ; sh:targetClass ex:D ; sh:property ex:inner . ex:T a sh:NodeShape ; "
            "sh:targetClass ex:C ; sh:property ex:outer . ex:outer a sh:PropertyShape ; sh:path ex:p ; "
            "sh:property ex:inner ."
        ),
        # values that are closed
        "ex:S a sh:PropertyShape ; sh:targetNode ex:b ; sh:path [ sh:inversePath ex:p ] ; sh:closed true .",
    ],
)
def test_the_quick_look_leaves_what_it_cannot_judge(shapes: str) -> None:
    head = f"@prefix sh: <{SH}> . @prefix ex: <{EX}> . ex:inner a sh:PropertyShape ; sh:path ex:q ; sh:minCount 1 . "
    prepared = Shapes.of(rdflib.Graph().parse(data=head + shapes, format="turtle"))
    data = rdflib.Graph().add((EX.a, RDF.type, EX.C)).add((EX.a, EX.p, EX.b))
    found = LocalValidator(prepared, MODEL).everything(GraphStatements(data))
    assert (
        {key: told(f) for some in found.values() for key, f in some.items()}
        == everything(data, prepared)
        != {}
    )


def asking(select: str) -> str:
    """A SPARQL constraint for a shape."""
    return (
        f'sh:sparql [ sh:prefixes [ sh:declare [ sh:prefix "ex" ; sh:namespace "{EX}" ] ] ; sh:message "wrong" ; '
        f'sh:select "SELECT $this {select}" ] .'
    )


@pytest.mark.parametrize(
    ("shape", "stated"),
    [
        ("sh:targetNode ex:a ; " + asking("?value { $this ex:p ?value }"), [1, written("01", "integer")]),
        (
            "sh:targetObjectsOf ex:p ; " + asking("?value { ?value ex:p $this }"),
            [1, written("01", "integer")],
        ),
        (
            "sh:targetNode ex:a ; " + asking("{ $this ex:p ?x FILTER (STR(?x) = '01') }"),
            [written("01", "integer")],
        ),
        *(
            (
                f"sh:targetObjectsOf ex:p ; sh:datatype {datatype} .",
                [Literal(text, datatype=XSD[datatype[4:]])],
            )
            for datatype, text in (
                ("xsd:dateTime", "0000-01-01T00:00:00Z"),
                ("xsd:dateTime", "12026-01-01T00:00:00Z"),
                ("xsd:hexBinary", "xyz"),
            )
        ),
        (
            'sh:targetObjectsOf ex:p ; sh:not [ sh:minInclusive "2026-01-01T00:00:00Z"^^xsd:dateTime ] .',
            [written("2026-01-03T00:00:00Z", "dateTimeStamp")],
        ),
        ('sh:targetObjectsOf ex:p ; sh:pattern "^\\\\w+$" .', [Literal("e\u0301")]),
        ('sh:targetObjectsOf ex:p ; sh:not [ sh:pattern "^x$" ] .', [Literal("x\n")]),
        *(
            (f"sh:targetNode ex:a ; {asking(f'?value {{ $this ex:p ?value FILTER ({test}) }}')}", [value])
            for test, value in (
                ("?value > 1", Literal("x")),
                ("?value < 'x'", 1),
                ("?value", Literal("x", lang="de")),
                ("!(?value > 1 && ?value = 1)", 1),
                (f"{DECIMAL}(STR(?value)) = 1", Literal(" 1")),
                (f"{MOMENT}(STR(?value)) = {MOMENT}('2026-01-01T00:00:00')", Literal("20260101")),
            )
        ),
    ],
)
def test_what_engines_read_in_different_ways_is_judged_by_pyshacl(shape: str, stated: list[Any]) -> None:
    head = f"@prefix sh: <{SH}> . @prefix ex: <{EX}> . @prefix xsd: <{XSD}> . ex:S a sh:NodeShape ; "
    prepared = Shapes.of(rdflib.Graph().parse(data=head + shape, format="turtle"))
    data = rdflib.Graph()
    for value in [*stated, EX.b]:
        data.add((EX.a, EX.p, value if isinstance(value, Node) else Literal(value)))
    found = LocalValidator(prepared, MODEL).everything(GraphStatements(data))
    plain = everything(data, prepared)
    assert plain
    assert {key: told(f) for some in found.values() for key, f in some.items()} == plain
    bulk = BulkValidator(prepared, MODEL)
    candidates: list[Candidate] = [(EX.a, None), *((o, EX.p) for o in data.objects())]
    assert by_key(bulk.among(candidates, GraphStatements(data))).keys() == plain.keys()


@pytest.mark.parametrize("test", ["?value > 1", "?value < 1", "?value", "!?value", "isLiteral(?value)"])
@pytest.mark.parametrize("value", [Literal("x"), Literal("x", lang="de"), Literal(2), EX.b], ids=str)
def test_components_of_ones_own_are_judged_by_pyshacl(test: str, value: Node) -> None:
    turtle = f"""@prefix sh: <{SH}> . @prefix ex: <{EX}> .
        ex:component a sh:ConstraintComponent ; sh:parameter [ sh:path ex:wanted ] ; sh:validator [
            a sh:SPARQLAskValidator ; sh:message "wrong" ;
            sh:ask "ASK {{ FILTER (COALESCE({test.replace("?", "$")}, false) = $wanted) }}" ] .
        ex:S a sh:PropertyShape ; sh:targetNode ex:a ; sh:path ex:p ; ex:wanted false ."""
    prepared = Shapes.of(rdflib.Graph().parse(data=turtle))
    data = rdflib.Graph().add((EX.a, EX.p, value))
    plain = everything(data, prepared)
    found = LocalValidator(prepared, MODEL).everything(GraphStatements(data))
    assert {key: told(f) for some in found.values() for key, f in some.items()} == plain
    assert by_key(BulkValidator(prepared, MODEL).anywhere(GraphStatements(data))).keys() == plain.keys()


def test_a_number_that_is_none_is_a_finding_beside_a_decimal_as_beside_a_whole_number() -> None:
    for bound in ("1.5", "1"):
        turtle = f"""@prefix sh: <{SH}> . @prefix ex: <{EX}> .
            ex:S a sh:PropertyShape ; sh:targetNode ex:a, ex:b ; sh:path ex:p ; sh:minInclusive {bound} ."""
        prepared = Shapes.of(rdflib.Graph().parse(data=turtle))
        data = rdflib.Graph().add((EX.b, EX.p, Literal("2.5", datatype=XSD.double)))
        assert not everything(data, prepared)
        data.add((EX.a, EX.p, Literal("NaN", datatype=XSD.double)))
        plain = everything(data, prepared)
        assert len(plain) == 1
        found = LocalValidator(prepared, MODEL).everything(GraphStatements(data))
        assert {key: told(f) for some in found.values() for key, f in some.items()} == plain
        bulk = BulkValidator(prepared, MODEL).among([(EX.a, None), (EX.b, None)], GraphStatements(data))
        assert by_key(bulk).keys() == plain.keys()


@pytest.mark.parametrize("expression", ["?x + 1", "1 / ?x", "ROUND(?x)", "CEIL(?x)"])
@pytest.mark.parametrize(
    "value", [Literal("abc", datatype=XSD.integer), Literal("INF", datatype=XSD.double)], ids=str
)
def test_what_rdflib_cannot_calculate_is_a_clear_error(expression: str, value: Literal) -> None:
    turtle = f"""@prefix sh: <{SH}> . @prefix ex: <{EX}> .
        ex:S a sh:NodeShape ; sh:targetNode ex:a ; sh:sparql [ sh:message "wrong" ; sh:select
            "SELECT $this {{ $this <{EX}p> ?x BIND({expression} AS ?n) FILTER(?n > 2) }}" ] ."""
    prepared = Shapes.of(rdflib.Graph().parse(data=turtle))
    data = rdflib.Graph().add((EX.a, EX.p, value))
    try:
        plain = everything(data, prepared)
    except BadInput:
        with pytest.raises(BadInput, match="cannot be evaluated"):
            LocalValidator(prepared, MODEL).everything(GraphStatements(data))
    else:
        found = LocalValidator(prepared, MODEL).everything(GraphStatements(data))
        assert {key: told(f) for some in found.values() for key, f in some.items()} == plain


def test_results_of_the_quick_look_are_those_of_pyshacl_to_the_statement() -> None:
    head = f"@prefix sh: <{SH}> . @prefix ex: <{EX}> . @prefix xsd: <{rdflib.XSD}> . "
    shapes = """
        ex:prefixes sh:declare [ sh:prefix "ex" ; sh:namespace "https://kg.example/test#"^^xsd:anyURI ] .
        ex:S a sh:NodeShape ; sh:targetClass ex:C ; sh:severity sh:Warning ; sh:sparql [
            sh:prefixes ex:prefixes ; sh:message "wrong"@en, "falsch"@de ;
            sh:select "SELECT DISTINCT $this ?value WHERE { $this ex:p|ex:r ?value }" ] .
        ex:T a sh:NodeShape ; sh:targetClass ex:C ; sh:sparql [
            sh:prefixes ex:prefixes ; sh:message "itself" ;
            sh:select "SELECT $this WHERE { $this ex:p ?x . ?x ex:q ?y }" ] .
        """
    prepared = Shapes.of(rdflib.Graph().parse(data=head + shapes, format="turtle"))
    stated = 'ex:a a ex:C ; ex:p ex:b, 1, "x"@de . ex:b ex:q ex:c . ex:c a ex:D ; ex:r ex:c .'
    data = rdflib.Graph().parse(data=head + stated, format="turtle")
    for validator in (LocalValidator(prepared, MODEL), LocalValidator(prepared, MODEL, screened=False)):
        found = validator.everything(GraphStatements(data))
        report = Report.of(f for some in found.values() for f in some.values())
        assert len(report.findings) == 5
        assert isomorphic(report.graph, validate(data, prepared, model=MODEL).graph)
