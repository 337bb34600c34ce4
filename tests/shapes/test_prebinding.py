"""SPARQL constraints that mean the same for many focus nodes at once, and those that SHACL does not allow."""

from __future__ import annotations

import re

import pytest
import rdflib

from kgservice.errors import BadInput
from kgservice.shacl.parsing import parsed
from kgservice.shacl.prebinding import is_bound_where_used
from kgservice.shacl.shapes import Shapes

KNOWN = [
    "SELECT $this { FILTER ($this = ex:a) }",
    "SELECT $this ?value { $this ex:p ?value FILTER NOT EXISTS { ?x ex:q ?y FILTER (?y = $this) } }",
    "SELECT $this { OPTIONAL { ?a ex:p ?b FILTER (?b = $this) } }",
    "SELECT $this { BIND ($this AS ?value) }",
    "SELECT $this { { $this ex:p ?a FILTER ($this != ?a) } UNION { $this ex:q ?a FILTER ($this != ?a) } }",
    "SELECT $this { $this ex:p ?v } GROUP BY $this HAVING (COUNT(?v) > 1 && BOUND($this))",
    "SELECT $this { { SELECT $this { $this ex:p ?v FILTER (?v != $this) } } }",
    "SELECT $this { FILTER EXISTS { { ?a ex:p $this } FILTER (?a = $this) } }",
]
HIDDEN = [
    "SELECT $this { { FILTER (false) } UNION { FILTER ($this = ex:a) } }",
    "SELECT $this { { FILTER (bound($this)) } $this ex:p ?a }",
    "SELECT $this { { { FILTER ($this = ex:a) } FILTER bound($this) } FILTER (true) }",
    "SELECT $this { { SELECT $this { FILTER ($this = ex:a) } } }",
    "SELECT $this { { SELECT ?v (COUNT(?x) AS ?n) { ?v ex:p ?x FILTER (?x != $this) } GROUP BY ?v } }",
    "SELECT $this { { ?a ex:p ?b BIND ($this AS ?value) } }",
    "SELECT $this { { OPTIONAL { $this ex:p ?a } FILTER (?a != $this) } }",
]
PREFIXES = {"ex": "https://kg.example/test#"}


@pytest.mark.parametrize("text", KNOWN)
def test_what_is_joined_with_the_focus_node_knows_it(text: str) -> None:
    assert is_bound_where_used(text, PREFIXES)


@pytest.mark.parametrize("text", HIDDEN)
def test_a_group_that_is_evaluated_alone_does_not(text: str) -> None:
    parsed(text, PREFIXES)
    assert not is_bound_where_used(text, PREFIXES)


@pytest.mark.parametrize(
    ("where", "wrong"),
    [
        ("$this ?p ?o MINUS { $this ?p 1 }", "MINUS"),
        ("VALUES ?any { true } $this ?p ?any", "VALUES"),
        ("SERVICE <https://kg.example/other> { $this ?p ?o }", "SERVICE"),
        ("{ SELECT * { $this ?p ?o } }", "SELECT *"),
        ("{ SELECT ?o { $this ?p ?o } }", "pre-bound variables must be selected"),
        ("BIND (true AS $this)", "re-bind"),
    ],
)
def test_what_shacl_does_not_allow_is_refused_when_shapes_are_loaded(where: str, wrong: str) -> None:
    shapes = f"""
        @prefix sh: <http://www.w3.org/ns/shacl#> . @prefix ex: <https://kg.example/test#> .
        ex:Shape a sh:NodeShape ; sh:targetClass ex:Thing ;
            sh:sparql [ sh:message "wrong" ; sh:select "SELECT $this WHERE {{ {where} }}" ] .
    """
    with pytest.raises(BadInput, match=re.escape(wrong)):
        Shapes.of(rdflib.Graph().parse(data=shapes, format="turtle"))
