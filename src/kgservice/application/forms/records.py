"""Records by forms: what one says as the values of its fields, and a form that was sent as a change."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pyoxigraph import NamedNode, Quad, Triple

from kgservice.application.forms.choices import unknown
from kgservice.application.forms.fields import Field, Form, Kind
from kgservice.application.forms.shapes import TYPE
from kgservice.application.forms.values import Draft, Fault, Typed, Wrong, term_of, typed
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol import editing
from kgservice.application.views.reader import Reader
from kgservice.domain.change import Change, Commit, Origin
from kgservice.errors import BadInput, Conflict, NotFound, PreconditionFailed
from kgservice.store.base import Term

_TYPE = NamedNode(TYPE)
_DERIVED = uuid.UUID("5f0c6e5e-51c1-5c6c-9d3c-6b9e1a0f7c55")
NEW = ""
"""The version of a record that is not there."""


@dataclass(slots=True)
class Shown:
    """What a reader sees of a record, field by field: for each value the statements that say it.

    `parts`: what is stated together with it, by the path of the field. `version`: what all of it was.
    """

    record: NamedNode
    values: dict[str, dict[Term, list[Quad]]] = field(default_factory=dict)
    parts: dict[str, NamedNode] = field(default_factory=dict)
    types: set[Term] = field(default_factory=set)
    version: str = NEW


@dataclass(slots=True)
class Plan:
    """What a form that was sent does: what it adds and removes, all that it says, what is wrong with it."""

    record: NamedNode
    add: list[Quad] = field(default_factory=list)
    remove: list[Quad] = field(default_factory=list)
    says: set[Triple] = field(default_factory=set)
    own: set[NamedNode] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)


def new_record(kg: KnowledgeGraph) -> NamedNode:
    """A name for a record to be made."""
    return NamedNode(f"{kg.addresses.ids}{uuid.uuid4()}")


def derived(record: NamedNode, path: str) -> NamedNode:
    """The name of a part of a record: always the same, so that to send a form twice makes one part."""
    base = record.value.rpartition("/")[0]
    return NamedNode(f"{base}/{uuid.uuid5(_DERIVED, f'{record.value}|{path}')}")


def read(kg: KnowledgeGraph, reader: Reader, form: Form, record: NamedNode) -> Shown:
    """What a reader sees of a record; nothing of one that is not there."""
    reader.current()
    shown = Shown(record)
    said = set(editing.stated(kg, reader, record))
    shown.types = {quad.object for quad in said if quad.subject == record and quad.predicate == _TYPE}
    for one in form.fields:
        found = _values(kg, reader, record, one, said)
        if one.part is not None:
            own = derived(record, one.path) if one.shared else next(_nodes(found), None)
            if own is not None and own in found:
                shown.parts[one.path] = own
                said |= editing.stated(kg, reader, own)
                for inner in one.part.fields:
                    shown.values[inner.path] = _values(kg, reader, own, inner, said)
        shown.values[one.path] = found
    quads = said.union(*(quads for values in shown.values.values() for quads in values.values()))
    if quads:
        lines = "\n".join(sorted(str(triple) for triple in editing.triples_of(quads)))
        shown.version = hashlib.blake2b(lines.encode(), digest_size=16).hexdigest()
    return shown


def existing(kg: KnowledgeGraph, reader: Reader, form: Form, record: NamedNode) -> Shown:
    """See `read`. Raises `NotFound` for a record that is not there, or not of the class of the form."""
    shown = read(kg, reader, form, record)
    if not is_of(kg, form, shown):
        raise NotFound("there is no such record: <{record}>", record=record.value)
    return shown


def is_of(kg: KnowledgeGraph, form: Form, shown: Shown) -> bool:
    """Whether a record is of the class of the form."""
    wanted = NamedNode(form.of)
    classes = (one for one in shown.types if isinstance(one, NamedNode))
    return any(one == wanted or wanted in kg.model.superclasses.get(one, ()) for one in classes)


def draft_of(form: Form, shown: Shown) -> dict[str, tuple[Typed, ...]]:
    """A record as the values of its form."""
    draft: dict[str, tuple[Typed, ...]] = {}
    for leaf in form.leaves():
        terms = [term for term in shown.values.get(leaf.path, {}) if term != shown.parts.get(leaf.path)]
        draft[leaf.path] = tuple(sorted((typed(leaf, term) for term in terms), key=_by_language))
    return draft


def plan(reader: Reader, form: Form, shown: Shown, draft: Draft) -> Plan:
    """What it takes to make the record say what the form says; what the form has no field for stays."""
    made = Plan(shown.record, own={shown.record})
    for one in form.fields:
        linked: list[Term] = []
        if one.part is not None:
            linked = _part(one, one.part, shown, draft, made)
        if one.kind is not Kind.PART:
            linked = _terms(one, draft.get(one.path, ()), shown, made) + linked
        _differ(shown.record, one, linked, shown, made)
    if not shown.types and not any(draft.get("type", ())):
        made.add.append(Quad(shown.record, _TYPE, NamedNode(form.of)))
    made.says |= {quad.triple for quad in made.add}
    made.faults += unknown(reader, form, draft, shown.values)
    made.faults.sort(key=lambda fault: (fault.path, fault.at))
    return made


def save(
    kg: KnowledgeGraph,
    reader: Reader,
    form: Form,
    record: NamedNode,
    draft: Draft,
    *,
    version: str,
    origin: Origin,
) -> Commit:
    """Make the record say what the form says. `version`: what it was when the form was shown.

    Raises `Conflict` where a record to be made is there, `PreconditionFailed` where it has changed since,
    `BadInput` where a value is none (see `plan`), and what a commit raises.
    """
    with kg.writing:
        shown = read(kg, reader, form, record)
        if version == NEW and shown.version != NEW:
            raise Conflict("<{record}> has been made already", record=record.value)
        if version != shown.version:
            raise PreconditionFailed(
                "<{record}> is not as you last saw it: somebody changed it since", record=record.value
            )
        made = plan(reader, form, shown, draft)
        if made.faults:
            raise BadInput("a value of {path} is none", path=made.faults[0].path, source=made.faults[0].path)
        return kg.commit(Change(add=tuple(made.add), remove=tuple(made.remove), origin=origin))


def _values(
    kg: KnowledgeGraph, reader: Reader, node: NamedNode, one: Field, said: Iterable[Quad]
) -> dict[Term, list[Quad]]:
    """The values of a field, by term, with the statements in record graphs that say so, from either side."""
    found: dict[Term, list[Quad]] = {}
    prop = NamedNode(one.iri)
    for quad in said:
        if quad.subject == node and quad.predicate == prop and _fits(one, quad.object):
            found.setdefault(quad.object, []).append(quad)
    for back in map(NamedNode, one.inverses):
        shown = editing.triples_of(kg.store.match([(None, back, node)], reader.view))
        for quad in kg.store.match([(None, back, node)]) if shown else ():
            if kg.graphs.is_record(quad.graph_name) and quad.triple in shown:
                found.setdefault(quad.subject, []).append(quad)
    return dict(sorted(found.items(), key=lambda item: str(item[0])))


def _fits(one: Field, value: Term) -> bool:
    """Whether a class is one of those that the field is about; other classes of the record stay."""
    return one.iri != TYPE or (isinstance(value, NamedNode) and value.value in one.among)


def _nodes(found: Iterable[Term]) -> Iterator[NamedNode]:
    return (term for term in found if isinstance(term, NamedNode))


def _part(one: Field, part: Form, shown: Shown, draft: Draft, made: Plan) -> list[Term]:
    """State the part as the form does; what the field then leads to."""
    node = shown.parts.get(one.path)
    said = {inner.path: _terms(inner, draft.get(inner.path, ()), shown, made) for inner in part.fields}
    if not any(said.values()):
        if node is not None:
            made.remove += (
                quad for i in part.fields for q in shown.values.get(i.path, {}).values() for quad in q
            )
        return []
    if node is None:
        node = derived(shown.record, one.path)
        made.add.append(Quad(node, _TYPE, NamedNode(part.of)))
    made.own.add(node)
    for inner in part.fields:
        _differ(node, inner, said[inner.path], shown, made)
    return [node]


def _terms(one: Field, values: Iterable[Typed], shown: Shown, made: Plan) -> list[Term]:
    """The terms that were typed; those that stand as they were shown stay the terms that they are."""
    stored: Mapping[Typed, Term] = {typed(one, term): term for term in shown.values.get(one.path, {})}
    found: list[Term] = []
    for at, value in enumerate(values):
        if not value:
            continue
        term = stored.get(value) or term_of(one, value)
        if isinstance(term, Wrong):
            made.faults.append(Fault(one.path, at, term))
        elif term not in found:
            found.append(term)
    if one.most is not None and len(found) > one.most and len(found) > len(stored):
        made.faults.append(Fault(one.path, one.most, Wrong.MANY))
    return found


def _differ(node: NamedNode, one: Field, terms: list[Term], shown: Shown, made: Plan) -> None:
    """What is new and what is gone of the values of a field."""
    stored = shown.values.get(one.path, {})
    prop = NamedNode(one.iri)
    made.add += (Quad(node, prop, term) for term in terms if term not in stored)
    made.says |= {quad.triple for term in terms for quad in stored.get(term, ())}
    made.remove += (quad for term, quads in stored.items() if term not in terms for quad in quads)


def _by_language(value: Typed) -> tuple[int, str, str]:
    known = ("de", "en")
    return (known.index(value.language) if value.language in known else 2, value.language, value.text)
