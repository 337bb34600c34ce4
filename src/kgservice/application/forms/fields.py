"""Forms without their looks: the fields of a class of records, as shapes and ontology declare them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from kgservice.domain.finding import Texts


class Kind(StrEnum):
    """What a value of a field is."""

    TEXT = "text"  # words in a language
    STRING = "string"
    NUMBER = "number"
    WHOLE = "whole"
    TRUTH = "truth"
    MOMENT = "moment"
    CHOICE = "choice"
    PART = "part"  # a thing of its own that is stated together with the record


@dataclass(frozen=True, slots=True)
class Group:
    """A group of fields: what it is called and what it is about, by language."""

    iri: str
    label: Texts
    about: Texts
    order: float


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a record.

    `path`: its name in a form, with that of the part that it belongs to before it (`measurement/value`).
    `inverses`: properties by which the same may be stated from the other side. `least`: how many values the
    shapes demand; `most`: how many they allow, None for any number. `advised`: a warning asks for one.
    `among`: the only values there are; `classes`: what its values are instances of. `shapes`: the IRIs of the
    shapes that declare it. `part`: the fields of a thing that is stated together with the record;
    `shared`: it may also be one that is there.
    """

    path: str
    iri: str
    kind: Kind
    label: Texts
    help: Texts
    inverses: tuple[str, ...] = ()
    least: int = 0
    most: int | None = None
    advised: bool = False
    among: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    low: str = ""
    high: str = ""
    order: float = 0.0
    group: str = ""
    shapes: frozenset[str] = frozenset()
    part: Form | None = None
    shared: bool = False

    @property
    def several(self) -> bool:
        """Whether it may have more than one value."""
        return self.most is None or self.most > 1

    def below(self, path: str) -> Field:
        """The field as one of the part at `path`."""
        return replace(self, path=f"{path}/{self.path}")


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a class, in order, and the groups that they belong to, in order."""

    of: str
    label: Texts
    about: Texts
    fields: tuple[Field, ...]
    groups: tuple[Group, ...]

    def leaves(self) -> Iterator[Field]:
        """The fields that hold values, those of parts in the place of the part."""
        for field in self.fields:
            if field.kind is not Kind.PART:
                yield field
            if field.part is not None:
                yield from field.part.fields

    def at(self, path: str) -> Field | None:
        """The field at a path."""
        return next((field for field in (*self.fields, *self.leaves()) if field.path == path), None)
