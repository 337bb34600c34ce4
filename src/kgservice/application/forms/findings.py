"""Findings at the fields of a form: where in it somebody mends what a rule finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyoxigraph import NamedNode

from kgservice.application.forms.fields import Field, Form
from kgservice.application.forms.shapes import CLASSES, Forms
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.model import TYPE
from kgservice.errors import NotFound
from kgservice.shacl.terms import shorten


@dataclass(slots=True)
class Placed:
    """Findings as JSON objects: those of a field, by its path, and those of no field."""

    at: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    rest: list[Mapping[str, Any]] = field(default_factory=list)


def placed(
    forms: Forms, form: Form, findings: Iterable[Mapping[str, Any]], parts: Mapping[str, NamedNode]
) -> Placed:
    """Each finding at the field that holds its value, else one that its shape declares, or names.

    `parts`: the nodes that are stated together with the record, by the path of their field.
    """
    found = Placed()
    for finding in findings:
        path = field_of(forms, form, finding, parts)
        if path:
            found.at.setdefault(path, []).append(finding)
        else:
            found.rest.append(finding)
    return found


def field_of(forms: Forms, form: Form, finding: Mapping[str, Any], parts: Mapping[str, NamedNode]) -> str:
    """The path of the field that a finding is about; empty for none."""
    shape, focus = str(finding["shape"]), finding["focus"]
    inner = next((path for path, node in parts.items() if node.value == focus), None)
    outer = form.at(inner) if inner else None
    fields = outer.part.fields if outer is not None and outer.part is not None else form.fields
    named = forms.properties(shape) if shape else frozenset()
    held = next((one for one in fields if shorten(one.iri) in finding.get("properties", ())), None)
    declared = held or next((one for one in fields if shape in one.shapes), None)
    one = declared or next((one for one in fields if _is_named(one, named)), None)
    if one is None:
        return inner or ""
    return one.path


def _is_named(one: Field, named: frozenset[str]) -> bool:
    return one.iri in named or not named.isdisjoint(one.inverses)


@dataclass(frozen=True, slots=True)
class Asked:
    """The record that a finding is about, its form, and the field in question (or "")."""

    form: Form
    record: NamedNode
    path: str


def asked(kg: KnowledgeGraph, forms: Forms, finding: Mapping[str, Any]) -> Asked | None:
    """Where a finding is mended by a form; None when it is about something that has none.

    What is stated together with a record, such as a measurement, is mended in the form of that record.
    """
    try:
        focus = NamedNode(finding["focus"])
    except ValueError:
        return None
    form = _form_of(kg, forms, focus)
    if form is not None:
        return Asked(form, focus, field_of(forms, form, finding, {}))
    for form in map(forms.named, CLASSES):
        for one in form.fields:
            if one.part is not None and not one.shared:
                for quad in kg.store.match([(None, NamedNode(one.iri), focus)], kg.view):
                    if isinstance(quad.subject, NamedNode):
                        path = field_of(forms, form, finding, {one.path: focus})
                        return Asked(form, quad.subject, path or one.path)
    return None


def _form_of(kg: KnowledgeGraph, forms: Forms, node: NamedNode) -> Form | None:
    for quad in kg.store.match([(node, TYPE, None)], kg.view):
        if isinstance(quad.object, NamedNode) and kg.model.is_class(quad.object):
            try:
                return forms.of(quad.object.value)
            except NotFound:
                continue
    return None
