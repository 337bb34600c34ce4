"""Shapes graphs: load them once, and refuse what a validator would silently ignore or stumble over."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import rdflib
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Store, parse
from rdflib.namespace import DCTERMS, OWL, RDF, RDFS, SH, SKOS
from rdflib.plugins.sparql.sparql import Query
from rdflib.term import Node

from kgservice import resources
from kgservice.domain.finding import Rule, Texts
from kgservice.errors import BadInput, BadRdf
from kgservice.namespaces import SHAPES
from kgservice.shacl.named import named_by, prefixes_of
from kgservice.shacl.prebinding import unsupported
from kgservice.shacl.references import fault, refuse_missing, refuse_recursion
from kgservice.shacl.terms import add_all, shorten, to_rdflib, with_turned_sequences
from kgservice.shacl.wellformed import refuse_malformed, refuse_unknown

if TYPE_CHECKING:
    from kgservice.shacl.roots import Root

LANGUAGES = ("de", "en")
_LABELS = (NamedNode(str(SKOS.prefLabel)), NamedNode(str(RDFS.label)))
_BLAMES = rdflib.URIRef(f"{SHAPES}blames")

_PARAMETERS = (
    "class datatype nodeKind minCount maxCount minExclusive minInclusive maxExclusive maxInclusive minLength "
    "maxLength pattern languageIn uniqueLang equals disjoint lessThan lessThanOrEquals not and or xone node "
    "qualifiedValueShape closed hasValue in sparql"
)
_OTHERS = (
    "NodeShape PropertyShape property path alternativePath inversePath zeroOrMorePath oneOrMorePath "
    "zeroOrOnePath targetClass targetNode targetObjectsOf targetSubjectsOf severity Violation Warning Info "
    "message name description order group PropertyGroup defaultValue deactivated flags ignoredProperties "
    "qualifiedMinCount qualifiedMaxCount qualifiedValueShapesDisjoint BlankNode IRI Literal BlankNodeOrIRI "
    "BlankNodeOrLiteral IRIOrLiteral SPARQLConstraint SPARQLAskValidator SPARQLSelectValidator select ask "
    "prefixes declare prefix namespace ConstraintComponent parameter Parameter optional validator "
    "nodeValidator propertyValidator labelTemplate shapesGraph suggestedShapesGraph"
)
# The vocabulary of reports and the classes of the vocabulary itself constrain nothing.
_HARMLESS = (
    "ValidationReport ValidationResult AbstractResult conforms result detail focusNode value resultSeverity "
    "resultPath resultMessage sourceShape sourceConstraint sourceConstraintComponent "
    "shapesGraphWellFormed PrefixDeclaration Validator Shape Severity NodeKind Parameterizable "
    "SPARQLExecutable SPARQLAskExecutable "
    "SPARQLSelectExecutable SPARQLConstraintComponent QualifiedMinCountConstraintComponent "
    "QualifiedMaxCountConstraintComponent"
)
_COMPONENTS = (f"{name[0].upper()}{name[1:]}ConstraintComponent" for name in _PARAMETERS.split())
_KNOWN = frozenset(
    rdflib.URIRef(f"{SH}{name}")
    for name in (*_PARAMETERS.split(), *_OTHERS.split(), *_HARMLESS.split(), *_COMPONENTS)
)
_CONSTRAINTS = tuple(SH[name] for name in _PARAMETERS.split())
_TARGETS = (SH.targetClass, SH.targetNode, SH.targetObjectsOf, SH.targetSubjectsOf)


@dataclass(frozen=True, slots=True)
class Shapes:
    """A checked shapes graph, prepared for repeated use.

    `queries` remembers parsed SPARQL constraints by their text: pySHACL asks for the same text once for each
    focus node, and parsing costs far more than most evaluations. `automata` remembers what
    `kgservice.shacl.compile.automata` works out. Of shapes from files: `digest` is theirs, `labels` are what
    the ontology calls its terms.
    """

    graph: rdflib.Graph
    rules: dict[Node, Rule]
    queries: dict[str, Query] = field(default_factory=dict, repr=False)
    automata: list[Root] = field(default_factory=list, repr=False, compare=False)
    digest: str = ""
    labels: Mapping[Node, Texts] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, graph: rdflib.Graph) -> Shapes:
        """Any shapes graph, copied.

        Raises `BadInput` for unknown `sh:` terms, what SHACL calls ill-formed, recursion or bad SPARQL.
        """
        own = rdflib.Graph()
        own += graph
        _refuse_unknown_terms(own.predicate_objects(), None)
        refuse_malformed(own, {})
        refuse_recursion(own)
        _refuse_turned_sequences(own, {})
        _import_prefixes(own)
        _refuse_bad_sparql(own, {})
        _trim_queries(own)
        return cls(own, {shape: _rule(own, shape) for shape in _reporting(own)})


@cache
def shipped_shapes() -> Shapes:
    """The shapes of the package, read once for all in the process."""
    return load_shapes()


def load_shapes(folder: Path | None = None) -> Shapes:
    """The shapes of all `.ttl` files under `folder` (default: those shipped), without its examples.

    Beyond what `Shapes.of` refuses, each shape that can report must say so fully: rule number, name and
    message in German and English, reason, group, order, severity; and terms of our namespace must be those of
    the ontology. Raises `BadRdf` for syntax errors and `BadInput` for the rest, naming the file and the line.
    """
    root = folder or resources.folder("shapes")
    files = [p for p in sorted(root.rglob("*.ttl")) if "examples" not in p.relative_to(root).parts]
    if not files:
        raise BadInput("there are no shapes here", source=str(root))
    graph = rdflib.Graph()
    origin: dict[Node, Path] = {}
    for path in files:
        statements = _parse(path)
        _refuse_unknown_terms(((to_rdflib(s.predicate), to_rdflib(s.object)) for s in statements), path)
        add_all(graph, statements)  # in their order: what follows from the shapes is written down in it
        origin.update(dict.fromkeys((to_rdflib(s.subject) for s in statements), path))
    refuse_malformed(graph, origin)
    refuse_missing(graph, origin)
    refuse_recursion(graph, origin)
    _refuse_turned_sequences(graph, origin)
    _import_prefixes(graph)
    _refuse_bad_sparql(graph, origin)
    labels = _ontology()
    refuse_unknown(graph, labels, origin)
    _trim_queries(graph)
    rules = {shape: _rule(graph, shape) for shape in _reporting(graph) if not _is_part(graph, shape)}
    for shape, rule in rules.items():
        _refuse_incomplete(graph, shape, rule, origin)
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()
    return Shapes(graph, rules, digest=digest, labels=labels)


def _parse(path: Path) -> list[Quad]:
    """One Turtle file, read by pyoxigraph, which tells line and column and is quicker than rdflib."""
    try:
        return list(parse(path=str(path), format=RdfFormat.TURTLE))
    except SyntaxError as e:
        raise BadRdf(e.msg, source=str(path), line=e.lineno, column=e.offset) from None


def _ontology() -> dict[Node, Texts]:
    """What the ontology of the package says something of, with its labels by language."""
    found: defaultdict[Node, dict[str, str]] = defaultdict(dict)
    for path in sorted(resources.folder("ontology").glob("*.ttl")):
        for s in _parse(path):
            labels = found[to_rdflib(s.subject)]
            if s.predicate in _LABELS and isinstance(s.object, Literal):
                labels[s.object.language or ""] = s.object.value
    return dict(found)


def _refuse_unknown_terms(said: Iterable[tuple[Node, Node]], path: Path | None) -> None:
    """Of predicates, each with its object."""
    # `sh:entailment` as predicate asks for inference before validation; as an object it asks for nothing.
    terms = {t for p, o in said for t in ((p,) if o == SH.entailment else (p, o)) if t not in _KNOWN}
    for term in sorted(t for t in terms if isinstance(t, rdflib.URIRef) and t.startswith(str(SH))):
        raise fault(f"{shorten(term)} is no term of SHACL Core or SHACL-SPARQL", path, term)


def _refuse_turned_sequences(graph: rdflib.Graph, origin: Mapping[Node, Path]) -> None:
    for shape in with_turned_sequences(graph):
        advice = "invert each part of a sequence, the last one first, instead of the sequence"
        raise fault(f"pySHACL cannot invert sequences: {advice}", origin.get(shape), shape)


def _import_prefixes(graph: rdflib.Graph) -> None:
    """State prefixes that `sh:prefixes` reaches by `owl:imports` at its value; pySHACL follows no imports."""
    for owner in set(graph.objects(None, SH.prefixes)):
        for imported in list(graph.transitive_objects(owner, OWL.imports)):
            for declaration in list(graph.objects(imported, SH.declare)):
                graph.add((owner, SH.declare, declaration))


def _trim_queries(graph: rdflib.Graph) -> None:
    """Take the indentation out of SPARQL texts.

    pySHACL looks through the text for each focus node, with patterns whose time grows with the square of runs
    of white space: for our longest query 27 ms, trimmed 7 ms.
    """
    for keyword in (SH.select, SH.ask):
        for constraint, text in list(graph.subject_objects(keyword)):
            if not any(quotes in str(text) for quotes in ('"""', "'''")):
                lines = (line.strip() for line in str(text).splitlines())
                graph.set((constraint, keyword, rdflib.Literal("\n".join(filter(None, lines)))))


def _refuse_bad_sparql(graph: rdflib.Graph, origin: dict[Node, Path]) -> None:
    empty = Store()
    for keyword in (SH.select, SH.ask):
        for constraint, text in graph.subject_objects(keyword):
            try:
                empty.query(
                    re.sub(r"[$?]PATH\b", "<urn:path>", str(text)), prefixes=prefixes_of(graph, constraint)
                )
            except SyntaxError as e:
                user = next(graph.subjects(None, constraint), constraint)
                raise fault(f"malformed SPARQL: {e.msg}", origin.get(constraint), user) from None
    for user, constraint in graph.subject_objects(SH.sparql):
        if wrong := unsupported(str(graph.value(constraint, SH.select))):
            raise fault(wrong, origin.get(constraint), user)


def _reporting(graph: rdflib.Graph) -> set[Node]:
    """The shapes that have a constraint of their own, beyond property shapes."""
    own = [
        path
        for component in graph.subjects(RDF.type, SH.ConstraintComponent)
        for parameter in graph.objects(component, SH.parameter)
        for path in graph.objects(parameter, SH.path)
    ]
    return {shape for parameter in (*_CONSTRAINTS, *own) for shape in graph.subjects(parameter)}


def _is_part(graph: rdflib.Graph, shape: Node) -> bool:
    """Whether the shape only serves others (`sh:or`, `sh:node`…): having no target, it never reports."""
    listed = any(graph.subjects(RDF.first, shape))
    used = any((None, p, shape) in graph for p in (SH.node, SH["not"], SH.qualifiedValueShape))
    reports = (None, SH.property, shape) in graph or any((shape, p, None) in graph for p in _TARGETS)
    return (listed or used) and not reports


def texts(graph: rdflib.Graph, node: Node, *properties: rdflib.URIRef) -> Texts:
    """The literals of the first property that has any, by language tag ("" for none)."""
    for p in properties:
        found = {o.language or "": str(o) for o in graph.objects(node, p) if isinstance(o, rdflib.Literal)}
        if found:
            return dict(sorted(found.items()))
    return {}


def _rule(graph: rdflib.Graph, shape: Node) -> Rule:
    severity = str(graph.value(shape, SH.severity) or SH.Violation)
    message = texts(graph, shape, SH.message)
    for constraint in graph.objects(shape, SH.sparql):
        message = message or texts(graph, constraint, SH.message)
    group = graph.value(shape, SH.group)
    order = graph.value(shape, SH.order)
    return Rule(
        number=str(graph.value(shape, DCTERMS.identifier) or ""),
        shape=str(shape) if isinstance(shape, rdflib.URIRef) else "",
        severity=severity.removeprefix(str(SH)),
        name=texts(graph, shape, SH.name, RDFS.label),
        message=message,
        reason=texts(graph, shape, RDFS.comment, SH.description),
        group={} if group is None else texts(graph, group, RDFS.label),
        order=float(str(order)) if order is not None else 0.0,
        blames=str(graph.value(shape, _BLAMES) or "").removeprefix(str(SH)),
        terms=named_by(graph, shape),
    )


def _refuse_incomplete(graph: rdflib.Graph, shape: Node, rule: Rule, origin: dict[Node, Path]) -> None:
    path = origin.get(shape)
    missing: list[str] = [] if rule.number else ["dcterms:identifier"]
    missing += _languages_missing("sh:name", rule.name)
    missing += _languages_missing("sh:message", rule.message)
    missing += _languages_missing("rdfs:comment", rule.reason)
    missing += [] if rule.group else ["sh:group"]
    missing += [f"sh:{p}" for p in ("order", "severity") if (shape, SH[p], None) not in graph]
    if missing:
        name = shorten(rule.shape) if rule.shape else "a shape without IRI"
        raise fault(f"{name} lacks {', '.join(missing)}", path, shape)


def _languages_missing(property_name: str, found: Iterable[str]) -> list[str]:
    return [f"{property_name} @{language}" for language in LANGUAGES if language not in found]
