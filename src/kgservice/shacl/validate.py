"""Validate a graph against shapes with pySHACL, the reference engine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import InvalidOperation, localcontext
from functools import cache, partial
from typing import Any, TypeVar

import rdflib
from pyshacl import Validator
from pyshacl.errors import (
    ConstraintLoadError,
    ReportableRuntimeError,
    ShapeLoadError,
    ValidationFailure,
)
from pyshacl.graph_abstraction import DataGraph
from rdflib.namespace import RDF, XSD
from rdflib.plugins.sparql.sparql import Query
from rdflib.query import Result
from rdflib.term import Node

from kgservice.domain.finding import Finding, Policy, by_key
from kgservice.errors import BadInput
from kgservice.namespaces import SHAPES
from kgservice.shacl.parsing import parsed
from kgservice.shacl.reach import Triple
from kgservice.shacl.report import Report, make_report
from kgservice.shacl.shapes import Shapes

# pySHACL raises NotImplementedError for `$shapesGraph` in a SPARQL constraint.
_PYSHACL_ERRORS = (
    ConstraintLoadError,
    NotImplementedError,
    ReportableRuntimeError,
    ShapeLoadError,
    ValidationFailure,
)
# What rdflib raises where a SPARQL constraint calculates with what is no number.
_RDFLIB_ERRORS = (ArithmeticError, RecursionError, TypeError, ValueError)
_T = TypeVar("_T")
_SHAPE = rdflib.Namespace(SHAPES)


class _RememberingGraph(rdflib.Graph):
    """A graph that parses each query text once for all uses of the same shapes."""

    def __init__(self, queries: dict[str, Query], **given: Any) -> None:
        super().__init__(**given)
        self._queries = queries

    def query(self, query_object: str | Query, *args: Any, **given: Any) -> Result:
        """As `rdflib.Graph.query`."""
        if isinstance(query_object, str):
            text = query_object
            if text not in self._queries:
                self._queries[text] = parsed(text)
            query_object = self._queries[text]
        return super().query(query_object, *args, **given)


def context_graph(now: datetime, policy: Policy) -> rdflib.Graph:
    """The clock and the policy as a graph: see `context_of`."""
    graph = rdflib.Graph()
    for triple in context_of(now, policy):
        graph.add(triple)
    return graph


def context_of(now: datetime, policy: Policy) -> tuple[Triple, ...]:
    """The clock and the policy as data: one node of class `shape:ValidationContext`.

    `now` must know its time zone. Rules that look at "now" are thereby as reproducible as all others.
    """
    if now.tzinfo is None:
        raise ValueError("the moment of validation must have a time zone")
    moments = policy.moments(now).items()
    return (*_decided(policy), *((_SHAPE.context, _SHAPE[name], _stamp(moment)) for name, moment in moments))


def _stamp(moment: datetime) -> rdflib.Literal:
    """A moment as stores write it, so that no engine reads it in another way."""
    text = moment.astimezone(UTC).isoformat().removesuffix("+00:00")
    text = text.rstrip("0") if "." in text else text
    return rdflib.Literal(f"{text}Z", datatype=XSD.dateTime, normalize=False)


@cache
def _decided(policy: Policy) -> tuple[Triple, ...]:
    """What the context says whatever the moment."""
    context = _SHAPE.context
    return (
        (context, RDF.type, _SHAPE.ValidationContext),
        (context, _SHAPE.profile, rdflib.Literal(policy.profile)),
        (context, _SHAPE.policyDays, rdflib.Literal(policy.open_days)),
        (context, _SHAPE.consentAge, rdflib.Literal(policy.consent_age)),
        (context, _SHAPE.smallestGroup, rdflib.Literal(policy.smallest_group)),
    )


def validate(
    data: rdflib.Graph,
    shapes: Shapes,
    *,
    model: rdflib.Graph | None = None,
    context: rdflib.Graph | None = None,
    in_place: bool = False,
) -> Report:
    """Validate every target of `shapes` in `data` and give all results.

    `model` adds what the data leave to the ontology: the class tree that targets need, concept schemes and
    annotations that constraints look up. `context` is usually that of `context_graph`. With `in_place` both
    are added to `data` itself, which saves a copy. Neither inference nor SHACL Advanced Features are used:
    shapes name both directions of a link where either may be stated.

    Raises `BadInput` for shapes that pySHACL cannot evaluate.
    """
    if in_place:
        work = _RememberingGraph(shapes.queries, store=data.store, identifier=data.identifier)
    else:
        work = _RememberingGraph(shapes.queries)
        work += data
    for extra in (model, context):
        if extra is not None:
            work += extra
    _, results, _ = _evaluated(_validator(work, shapes).run)
    return make_report(results, shapes, work)


def _validator(data: rdflib.Graph, shapes: Shapes) -> Validator:
    options: dict[str, Any] = {
        "inplace": True,
        "advanced": False,
        "inference": "none",
        "logger": logging.getLogger("kgservice.shacl"),
    }
    own = rdflib.Graph()  # pySHACL adds statements to it
    own += shapes.graph
    return Validator(DataGraph.from_rdflib(data), shacl_graph=own, options=options)


def _evaluated(validating: Callable[[], _T]) -> _T:
    """What pySHACL gives. Where it breaks off at `NaN` beside a decimal, that compares as false (SPARQL).

    Not at first, since in such arithmetic Python would also read a text that is no decimal as one.
    """
    try:
        try:
            return validating()
        except InvalidOperation:
            with localcontext() as arithmetic:
                arithmetic.traps[InvalidOperation] = False
                return validating()
    except (*_PYSHACL_ERRORS, *_RDFLIB_ERRORS) as e:
        raise BadInput(f"the shapes cannot be evaluated: {getattr(e, 'message', e)}") from e


# For each shape with targets, its findings by their keys.
Findings = dict[Node, dict[tuple[str, ...], Finding]]


class Engine:
    """pySHACL on one graph that is filled again and again: shapes are prepared once. One thread at a time."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._graph = _RememberingGraph(shapes.queries)
        self._validator = _validator(self._graph, shapes)
        self._data = self._validator.target_graph or self._validator.data_graph
        self._executor = self._validator.make_executor()
        self._by_node = {shape.node: shape for shape in self._validator.shacl_graph.shapes}

    def findings(self, focus: Mapping[Node, Collection[Node]], statements: Iterable[Triple]) -> Findings:
        """For each shape, the findings of the focus nodes that are named for it.

        `statements` must hold all that bears on them, the model and the context among it. pySHACL's own
        choice of focus nodes is not used, since it applies to nested shapes, too.
        """
        found = self.results(focus, statements)
        return {shape: by_key(findings) for shape, findings in found}

    def results(
        self, focus: Mapping[Node, Collection[Node]], statements: Iterable[Triple]
    ) -> list[tuple[Node, tuple[Finding, ...]]]:
        """The same as lists: a finding comes as often as pySHACL gives it."""
        found: list[tuple[Node, tuple[Finding, ...]]] = []
        with self._holding(statements):
            for node, named in focus.items():
                shape = self._by_node[node]
                nodes = sorted(named, key=str)
                conforms, results = _evaluated(
                    partial(shape.validate, self._executor, self._data, focus=nodes)
                )
                if results:
                    graph, _ = self._validator.create_validation_report(
                        self._validator.shacl_graph, conforms, results
                    )
                    found.append((node, make_report(graph, self._shapes, self._graph).findings))
        return found

    @contextmanager
    def _holding(self, statements: Iterable[Triple]) -> Iterator[None]:
        new = [triple for triple in statements if triple not in self._graph]
        for triple in new:
            self._graph.add(triple)
        try:
            yield
        finally:
            for triple in new:
                self._graph.remove(triple)
