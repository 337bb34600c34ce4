"""The forms of the classes of records: their fields, read from the shapes and from the ontology."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import rdflib
from rdflib.namespace import OWL, RDF, RDFS, SH, SKOS, XSD
from rdflib.term import Node

from kgservice.application.forms import declared as said
from kgservice.application.forms.declared import LAST, Declarations, Declared
from kgservice.application.forms.fields import Field, Form, Group, Kind
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.validation import model_of
from kgservice.domain.finding import Texts
from kgservice.errors import NotFound
from kgservice.namespaces import CI

CLASSES = {
    "touchpoints": f"{CI}Touchpoint",
    "planned-methods": f"{CI}PlannedMethod",
    "method-uses": f"{CI}MethodUse",
    "pain-points": f"{CI}PainPoint",
    "solutions": f"{CI}Solution",
    "impacts": f"{CI}Impact",
}
"""The classes whose records people make and change by forms, by their name in addresses."""
TYPE = str(RDF.type)
_CI = rdflib.Namespace(CI)
_NAMES = (_CI.title, _CI.description)
_EVERYWHERE = (*_NAMES, _CI.responsible)
# What the service itself states of its activities.
_OWN = {_CI.commitNumber, _CI.statementsAdded, _CI.statementsRemoved}
_KINDS = {
    rdflib.URIRef(f"{RDF}PlainLiteral"): Kind.TEXT,
    RDF.langString: Kind.TEXT,
    XSD.decimal: Kind.NUMBER,
    XSD.integer: Kind.WHOLE,
    XSD.boolean: Kind.TRUTH,
    XSD.dateTimeStamp: Kind.MOMENT,
    XSD.string: Kind.STRING,
}
_CLASS: Texts = {"de": "Klasse", "en": "class"}


class Forms:
    """The forms of one knowledge graph; shapes and model are read when the first one is asked for."""

    def __init__(self, kg: KnowledgeGraph) -> None:
        self._kg = kg
        self._lock = threading.Lock()
        self._reading: _Reading | None = None
        self._known: dict[str, Form] = {}

    def of(self, iri: str) -> Form:
        """The form of a class of `CLASSES`, or of one below. Raises `NotFound` for another."""
        with self._lock:
            if self._reading is None:
                model = model_of(self._kg.store, self._kg.addresses)
                self._reading = _Reading(self._kg.guard.shapes.graph, model)
            one = self._reading.formed(iri)
            if one is None:
                raise NotFound("there is no form for <{iri}>", iri=iri)
            if str(one) not in self._known:
                self._known[str(one)] = self._reading.form(one)
            return self._known[str(one)]

    def named(self, name: str) -> Form:
        """The form of a class by its name in addresses. Raises `NotFound`."""
        if name not in CLASSES:
            raise NotFound("there are no records called {name!r}", name=name[:80])
        return self.of(CLASSES[name])

    def properties(self, shape: str) -> frozenset[str]:
        """The properties that the paths of a shape name, at any depth."""
        return frozenset(said.mentioned(self._kg.guard.shapes.graph, rdflib.URIRef(shape)))


class _Reading:
    """Reads forms from a shapes graph and the model."""

    def __init__(self, shapes: rdflib.Graph, model: rdflib.Graph) -> None:
        self._shapes = shapes
        self._model = model
        self._declared = Declarations(shapes, model)

    def formed(self, iri: str) -> rdflib.URIRef | None:
        """The class of `CLASSES` that a class is, or is below."""
        classes = set(map(str, said.above(self._model, rdflib.URIRef(iri))))
        return next((rdflib.URIRef(c) for c in CLASSES.values() if c in classes), None)

    def form(self, of: rdflib.URIRef) -> Form:
        """The form of a class: kind and names, what shapes declare, what the ontology knows besides."""
        fields = (*self._typed(of), *self._fields(of, self._declared.of(of)))
        every = tuple(sorted(fields, key=lambda one: (one.order, one.path)))
        groups = (self._group(iri) for iri in {one.group for one in every} - {""})
        return Form(
            str(of),
            said.texts(self._model, of, SKOS.prefLabel),
            said.texts(self._model, of, SKOS.definition),
            every,
            tuple(sorted(groups, key=lambda group: group.order)),
        )

    def _part(self, of: rdflib.URIRef, path: str, nested: list[Node]) -> Form:
        """The fields of a part: what shapes and the ontology declare of its class, without parts of it."""
        found = self._declared.of(of)
        for shape in nested:
            self._declared.take(shape, found)
        fields = sorted(self._fields(of, found, inner=True), key=lambda one: (one.order, one.path))
        label = said.texts(self._model, of, SKOS.prefLabel)
        about = said.texts(self._model, of, SKOS.definition)
        return Form(str(of), label, about, tuple(one.below(path) for one in fields), ())

    def _fields(
        self, of: rdflib.URIRef, found: dict[rdflib.URIRef, Declared], *, inner: bool = False
    ) -> Iterator[Field]:
        for prop in self._properties(of, found, inner=inner):
            field = self._field(prop, found.get(prop) or Declared(), inner=inner)
            if field is not None:
                yield field

    def _properties(
        self, of: rdflib.URIRef, found: dict[rdflib.URIRef, Declared], *, inner: bool
    ) -> Iterator[rdflib.URIRef]:
        """Those of the form: what shapes declare, and what the ontology lets the class say itself."""
        own = {prop for prop in found if prop not in _OWN}
        yield from own
        demanding = inner or any(one.least for one in found.values())
        needed = set() if demanding else self._linked(of)
        for prop in (*(() if inner else _EVERYWHERE), *self._declared.domain(of)):
            if prop in own or prop in _OWN or not prop.startswith(CI):
                continue
            fits = self._is_value(prop) if inner else not self._is_of_the_other(prop)
            if fits or str(prop) in needed:
                yield prop

    def _linked(self, of: rdflib.URIRef) -> set[str]:
        """The links of which a class needs one, whichever it is."""
        return {
            prop
            for target in self._shapes.subjects(SH.targetClass, of)
            for shape in self._shapes.objects(target, SH.property)
            if (shape, SH.minCount, None) in self._shapes
            for prop in said.mentioned(self._shapes, shape)
        }

    def _is_value(self, prop: rdflib.URIRef) -> bool:
        """Whether a property leads to values and concepts, and not to other records."""
        return any(
            one in _KINDS or SKOS.Concept in said.above(self._model, one)
            for one in said.ranges(self._model, prop)
        )

    def _is_of_the_other(self, prop: rdflib.URIRef) -> bool:
        """Whether a link is stated at its other end: that has one such link, or has to have one."""
        back = said.inverse(self._model, prop)
        if back is None:
            return False
        return (back, RDF.type, OWL.FunctionalProperty) in self._model or back in self._demanded

    @cached_property
    def _demanded(self) -> set[rdflib.URIRef | None]:
        """The properties of which a shape demands some."""
        demanding = self._shapes.subjects(SH.minCount, None)
        return {self._declared.subject(self._shapes.value(shape, SH.path))[0] for shape in demanding}

    def _field(self, prop: rdflib.URIRef, found: Declared, *, inner: bool) -> Field | None:
        values = said.ranges(self._model, prop)
        if not values and (prop, RDF.type, OWL.ObjectProperty) not in self._model:
            return None
        kind = next((_KINDS[one] for one in values if one in _KINDS), Kind.CHOICE)
        functional = (prop, RDF.type, OWL.FunctionalProperty) in self._model
        back = said.inverse(self._model, prop)
        one = Field(
            str(prop).replace("#", "/").rpartition("/")[2],
            str(prop),
            kind,
            found.label or said.texts(self._model, prop, SKOS.prefLabel),
            found.help or said.texts(self._model, prop, SKOS.definition),
            inverses=tuple(sorted({*found.inverses, *([] if back is None else [str(back)])})),
            least=found.least,
            most=1 if functional and found.most is None else found.most,
            advised=found.advised,
            among=found.among,
            classes=(found.classes or tuple(map(str, values))) if kind is Kind.CHOICE else (),
            low=found.low,
            high=found.high,
            order=-2.0 + _NAMES.index(prop) if prop in _NAMES else found.order,
            group=found.group,
            shapes=frozenset(found.shapes),
        )
        if kind is not Kind.CHOICE or inner or len(values) != 1:
            return one
        return self._with_part(one, found, values[0])

    def _with_part(self, one: Field, found: Declared, of: rdflib.URIRef) -> Field:
        """The field with a part: shapes say what a value states, or ask nothing of it but the link."""
        if of in self._measured:
            return replace(one, kind=Kind.PART, part=self._part(of, one.path, found.nested))
        demanding = any(declared.least for declared in self._declared.of(of).values())
        if one.least and str(of) in CLASSES.values() and not demanding:
            return replace(one, part=self._part(of, one.path, []), shared=True)
        return one

    @cached_property
    def _measured(self) -> set[rdflib.URIRef]:
        """The classes of which a shape of some property says what its values, if of one, have to state."""
        return {
            of
            for shape, path in self._shapes.subject_objects(SH.path)
            if (shape, SH.property, None) in self._shapes
            for prop in [self._declared.subject(path)[0]]
            if prop is not None
            for of in said.ranges(self._model, prop)
        }

    def _typed(self, of: rdflib.URIRef) -> list[Field]:
        """The field for the kind of the record, where the class has some below it."""
        below = sorted(str(one) for one in self._model.transitive_subjects(RDFS.subClassOf, of))
        if len(below) < 2:
            return []
        among = (str(of), *(one for one in below if one != str(of)))
        help_ = said.texts(self._model, of, SKOS.definition)
        return [Field("type", TYPE, Kind.CHOICE, _CLASS, help_, least=1, most=1, among=among, order=-3.0)]

    def _group(self, iri: str) -> Group:
        node = rdflib.URIRef(iri)
        label, about = (said.texts(self._shapes, node, prop) for prop in (RDFS.label, RDFS.comment))
        return Group(iri, label, about, said.number(self._shapes, node, SH.order, LAST))
