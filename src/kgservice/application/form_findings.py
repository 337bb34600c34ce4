"""Findings at the fields of a form: where in it somebody mends what a rule finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyoxigraph import NamedNode

from kgservice.application.form_fields import Field, Form
from kgservice.application.form_shapes import Forms


@dataclass(slots=True)
class Placed:
    """Findings as JSON objects: those of a field, by its path, and those of no field."""

    at: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    rest: list[Mapping[str, Any]] = field(default_factory=list)


def placed(
    forms: Forms, form: Form, findings: Iterable[Mapping[str, Any]], parts: Mapping[str, NamedNode]
) -> Placed:
    """Each finding at the field that its shape declares, else at the first that its paths name.

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
    part = form.at(inner).part if inner and form.at(inner) else None  # type: ignore[union-attr]
    fields = part.fields if part is not None else form.fields
    named = forms.properties(shape) if shape else frozenset()
    declared = next((one for one in fields if shape in one.shapes), None)
    one = declared or next((one for one in fields if _is_named(one, named)), None)
    if one is None:
        return inner or ""
    return one.path


def _is_named(one: Field, named: frozenset[str]) -> bool:
    return one.iri in named or not named.isdisjoint(one.inverses)
