"""Forms of records on pages: what a template shows of each field, and what a browser sent of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kgservice.application.forms.choices import Choices, choices, names
from kgservice.application.forms.fields import Field, Form, Kind
from kgservice.application.forms.values import Draft, Fault, Typed
from kgservice.application.views.reader import Reader
from kgservice.domain.finding import in_language, severity_name
from kgservice.errors import BadParameter
from kgservice.web.texts import LANGUAGES, text

MOST_VALUES = 100
"""Values of one field in a form."""
_PLACE = re.compile(r"0|[1-9][0-9]{0,5}")
_WIDE = {"description", "evidenceElsewhereReason"}


@dataclass(slots=True)
class Sent:
    """What stands in a form: the values, the words to look for in pick lists, and places for more values."""

    draft: dict[str, tuple[Typed, ...]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    more: str = ""


def sent(form: Form, fields: Mapping[str, str]) -> Sent:
    """A form as a browser sent it. Raises `BadParameter` for more values than a form holds."""
    found = Sent(more=fields.get("do", "").partition("more:")[2])
    for leaf in form.leaves():
        places = sorted(_places(leaf.path, fields))
        if len(places) > MOST_VALUES:
            raise BadParameter("a form holds {most} values of a field", most=MOST_VALUES, source=leaf.path)
        found.draft[leaf.path] = tuple(
            Typed(
                fields[f"v.{leaf.path}.{at}"].replace("\r\n", "\n").strip(),
                fields.get(f"l.{leaf.path}.{at}", "").strip(),
            )
            for at in places
        )
        if words := fields.get(f"q.{leaf.path}", "").strip():
            found.words[leaf.path] = words[:200]
    return found


def _places(path: str, fields: Mapping[str, str]) -> Iterable[int]:
    start = f"v.{path}."
    return (
        int(name[len(start) :])
        for name in fields
        if name.startswith(start) and _PLACE.fullmatch(name, len(start))
    )


@dataclass(slots=True)
class Shower:
    """Shows the fields of a form in a language: `reader` is asked for pick lists.

    `faults` and `findings` (by path) stand at their fields; `first`: the path of the field that stands first.
    `stored`: what is stored meanwhile, to be shown where it is something else.
    """

    reader: Reader
    language: str
    given: Sent
    faults: Sequence[Fault] = ()
    findings: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    first: str = ""
    stored: Draft | None = None
    _lists: dict[tuple[tuple[str, ...], str], Choices] = field(default_factory=dict)

    def groups(self, form: Form) -> list[dict[str, Any]]:
        """The fields in their groups; those of none, but for what names the record, come last."""
        inner = self.first.partition("/")[0]
        asked = [one for one in form.fields if inner and one.path == inner]
        rest = [one for one in form.fields if one not in asked]
        head = [one for one in rest if not one.group and one.order < 0]
        others = [one for one in rest if not one.group and one.order >= 0]
        groups = [
            self._group("asked", text("form-asked", self.language), "", asked),
            self._group("head", text("form-head", self.language), "", head),
            *(
                self._group(
                    group.iri.rpartition("#")[2],
                    in_language(group.label, self.language),
                    in_language(group.about, self.language),
                    [one for one in rest if one.group == group.iri],
                )
                for group in form.groups
            ),
            self._group("further", text("form-further", self.language), "", others, folded=bool(form.groups)),
        ]
        return [group for group in groups if group["fields"]]

    def _group(
        self, name: str, label: str, about: str, fields: Iterable[Field], *, folded: bool = False
    ) -> dict[str, Any]:
        shown = [self._field(one) for one in fields]
        opened = any(one["errors"] or one["filled"] for one in shown) or not folded
        return {
            "name": name,
            "label": label,
            "about": about,
            "fields": shown,
            "folded": folded,
            "open": opened,
        }

    def _field(self, one: Field) -> dict[str, Any]:
        part, inner = one.part, [self._field(each) for each in (one.part.fields if one.part else ())]
        values = self._values(one)
        return {
            "path": one.path,
            "id": "f-" + one.path.replace("/", "-"),
            "label": _capital(in_language(one.label, self.language)),
            "help": in_language(one.help, self.language),
            "kind": one.kind.value,
            "required": one.least > 0,
            "advised": one.advised,
            "several": one.several and one.kind is not Kind.PART,
            "wide": one.path.rpartition("/")[2] in _WIDE,
            "limits": f"{one.low or '…'} – {one.high or '…'}" if one.low or one.high else "",
            "values": values,
            "filled": any(value["text"] for value in values) or any(each["filled"] for each in inner),
            "theirs": self._theirs(one),
            "errors": [self._finding(told) for told in self.findings.get(one.path, ())],
            "part": part and {"label": in_language(part.label, self.language), "fields": inner},
            "shared": one.shared,
            **self._options(one),
        }

    def _values(self, one: Field) -> list[dict[str, Any]]:
        """The values, and an empty place where there is none or one more is asked for."""
        if one.kind is Kind.PART:
            return []
        values = list(self.given.draft.get(one.path, ()))
        if one.kind is Kind.TEXT and one.order < 0:  # what names the record: once in each language
            said = {value.language for value in values}
            values += [Typed("", language) for language in LANGUAGES if language not in said]
        if not values or self.given.more == one.path:
            values.append(Typed("", self.language if one.kind is Kind.TEXT else ""))
        wrong = {fault.at: fault.wrong for fault in self.faults if fault.path == one.path}
        return [
            {
                "text": value.text,
                "language": value.language,
                "languages": sorted({*LANGUAGES, value.language} - {""}),
                "wrong": text(f"wrong-{wrong[at].value}", self.language) if at in wrong else "",
            }
            for at, value in enumerate(values)
        ]

    def _theirs(self, one: Field) -> str:
        """What is stored of a field, if that is not what stands in the form."""
        if self.stored is None or one.kind is Kind.PART:
            return ""
        stored = self.stored.get(one.path, ())
        if {value for value in self.given.draft.get(one.path, ()) if value} == set(stored):
            return ""
        called = (
            names(self.reader, [v.text for v in stored], self.language) if one.kind is Kind.CHOICE else {}
        )
        return ", ".join(called.get(v.text, v.text) for v in stored) or text("form-nothing", self.language)

    def _options(self, one: Field) -> dict[str, Any]:
        """The pick list of a field, with the values that it has."""
        if one.kind is not Kind.CHOICE:
            return {"options": [], "searched": False, "words": ""}
        words = self.given.words.get(one.path, "")
        key = (one.among or one.classes, words)
        if key not in self._lists:
            self._lists[key] = choices(self.reader, one, self.language, words)
        found = self._lists[key]
        searched = bool(words) or not found.all_
        options = list(found.options) if found.all_ or words else []
        chosen = [v.text for v in self.given.draft.get(one.path, ()) if v]
        missing = [iri for iri in chosen if iri not in dict(options)]
        options = [*names(self.reader, missing, self.language).items(), *options]
        return {"options": options, "searched": searched, "words": words}

    def _finding(self, told: Mapping[str, Any]) -> dict[str, str]:
        """What a finding says at its field."""
        return {
            "rule": told["rule"],
            "grade": told["severity"],
            "severity": severity_name(told["severity"], self.language),
            "message": in_language(told["message"], self.language),
        }

    def told(self, findings: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
        """Findings that belong to no field."""
        return [self._finding(one) for one in findings]


def as_sent(draft: Draft) -> Sent:
    """What a form shows before anybody typed in it."""
    return Sent(dict(draft))


def _capital(label: str) -> str:
    return label[:1].upper() + label[1:]
