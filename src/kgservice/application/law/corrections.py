"""One value in a record of a person put right (Art. 16 GDPR), as `rectifying` does it for several."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law.rectifying import Rectified, rectify
from kgservice.application.law.subject_data import Data
from kgservice.domain.change import LOCAL, Origin
from kgservice.errors import Conflict
from kgservice.namespaces import CI

_RECORD = NamedNode(f"{CI}CustomerDataRecord")


@dataclass(frozen=True, slots=True)
class Entry:
    """A literal of a record of a person, with the classes of that; `id` is another one for another value."""

    record: NamedNode
    classes: tuple[str, ...]
    prop: NamedNode
    value: Literal

    @property
    def id(self) -> str:
        """What stands for it in a form."""
        said = f"{self.record} {self.prop} {self.value}"
        return hashlib.sha256(said.encode(errors="surrogatepass")).hexdigest()[:32]


def entries(kg: KnowledgeGraph, key: str) -> list[Entry]:
    """What can be put right: of the person and of the data records about them. Raises `NotFound`."""
    data = Data.of(kg, key)
    kinds = {kind.value for kind in (_RECORD, *kg.model.subclasses.get(_RECORD, ()))}
    classes = {node: tuple(data.classes(node)) for node in data.own}
    fit = {node for node in data.own if node == data.person or not kinds.isdisjoint(classes[node])}
    found = [
        Entry(quad.subject, classes[quad.subject], quad.predicate, quad.object)
        for quad in data.quads
        if isinstance(quad.subject, NamedNode) and quad.subject in fit and isinstance(quad.object, Literal)
    ]
    return sorted(found, key=lambda e: (e.record != data.person, e.classes, e.record.value, str(e.prop)))


def correct(kg: KnowledgeGraph, key: str, entry: str, value: str, by: Origin = LOCAL) -> Rectified:
    """Put `value` in the place of the entry; an empty one takes it away. The other values stay.

    Raises `Conflict` for an entry that is there no more, and what `rectify` raises.
    """
    with kg.writing:
        there = entries(kg, key)
        old = next((one for one in there if one.id == entry), None)
        if old is None:
            raise Conflict("This entry is there no more; somebody has changed it meanwhile")
        same = [one for one in there if (one.record, one.prop) == (old.record, old.prop)]
        values = [_said(one.value, one.value.value) for one in same if one is not old]
        if value:
            values.append(_said(old.value, value))
        body = {"record": old.record.value, "set": {old.prop.value: values or None}}
        return rectify(kg, key, body, by)


def _said(kind: Literal, value: str) -> Mapping[str, Any]:
    """A value as `rectify` takes it, in the language or of the datatype of a literal."""
    if kind.language:
        return {"value": value, "language": kind.language}
    return {"value": value, "type": kind.datatype.value}
