"""A finding: what a rule has to say about one node of the graph, in words for people."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pyoxigraph import BlankNode, Literal, NamedNode

if TYPE_CHECKING:
    from rdflib.term import Node as Part

    from kgservice.settings import Settings

SEVERITIES = ("Violation", "Warning", "Info")
REPORT_FORMATS = ("json", "turtle", "jsonld", "text", "junit", "sarif")
Node = NamedNode | BlankNode | Literal
Texts = Mapping[str, str]


def in_language(texts: Texts, language: str) -> str:
    """The text in `language`, else in English, else without a language, else any, else empty.

    >>> in_language({"de": "Kanal", "en": "channel"}, "fr")
    'channel'
    """
    for tag in (language, "en", ""):
        if tag in texts:
            return texts[tag]
    return next(iter(texts.values()), "")


_SEVERITY_NAMES: dict[str, dict[str, tuple[str, str]]] = {
    # language → severity → (one, several)
    "de": {
        "Violation": ("Verstoß", "Verstöße"),
        "Warning": ("Warnung", "Warnungen"),
        "Info": ("Hinweis", "Hinweise"),
    },
    "en": {
        "Violation": ("violation", "violations"),
        "Warning": ("warning", "warnings"),
        "Info": ("note", "notes"),
    },
}


def severity_name(severity: str, language: str, number: int = 1) -> str:
    """What people call a severity, in German (`de`) or English (anything else); unknown ones by their IRI.

    >>> severity_name("Info", "de", 2)
    'Hinweise'
    """
    names = _SEVERITY_NAMES.get(language, _SEVERITY_NAMES["en"])
    return names[severity][number != 1] if severity in names else severity


def verdict(counts: Mapping[str, int], language: str) -> str:
    """One sentence on the numbers of findings by severity.

    >>> verdict({"Violation": 0, "Warning": 3, "Info": 1}, "en")
    'No violations; 3 warnings, 1 note.'
    >>> verdict({"Violation": 2, "Warning": 0, "Info": 0}, "de")
    '2 Verstöße, 0 Warnungen, 0 Hinweise.'
    """
    german = language == "de"
    if not any(counts.values()):
        return "Keine Befunde." if german else "No findings."
    parts = {s: f"{n} {severity_name(s, language, n)}" for s, n in counts.items()}
    if any(n for s, n in counts.items() if s not in {"Warning", "Info"}):
        return f"{', '.join(parts.values())}."
    rest = f"{parts['Warning']}, {parts['Info']}"
    return f"Keine Verstöße; {rest}." if german else f"No violations; {rest}."


def in_words(properties: Mapping[str, Texts], language: str) -> str:
    """The `properties` of a finding for people: each by its label, with its name.

    >>> in_words({"ci:title": {"de": "Titel", "en": "title"}, "rdfs:label": {}}, "de")
    'Titel (ci:title), rdfs:label'
    """
    named = ((in_language(labels, language), name) for name, labels in properties.items())
    return ", ".join(f"{label} ({name})" if label else name for label, name in named)


_PLACE = re.compile(r"\{[?$]\w+\}")  # of a value in a message


@dataclass(frozen=True, slots=True)
class Rule:
    """One shape that can report: the number of the rule it belongs to and its words by language.

    `shape` is the IRI of the shape, empty for a blank node; `severity` one of `SEVERITIES`, or the IRI of
    another severity. `blames`: `focusNode` or `value` when a finding can follow from what somebody else does,
    by right, to another record (a withdrawn consent ends uses): only a change of that node brings it about.
    `terms`: what the shape names of vocabularies, with the project's prefixes.
    """

    number: str
    shape: str
    severity: str
    name: Texts = field(default_factory=dict)
    message: Texts = field(default_factory=dict)
    reason: Texts = field(default_factory=dict)
    group: Texts = field(default_factory=dict)
    order: float = 0.0
    blames: str = ""
    terms: tuple[str, ...] = ()

    @property
    def advice(self) -> Texts:
        """Its message by language, as it is worded now, with nothing filled in."""
        return {language: _PLACE.sub("…", text) for language, text in self.message.items()}


@dataclass(frozen=True, slots=True)
class Finding:
    """One validation result.

    `focus` is the node it is about, `path` the SHACL path as SPARQL property path with the project's prefixes
    (empty for a finding about the node as a whole), `value` the offending value if there is one, `messages`
    its message by language tag (values filled in), `label` the title of the focus node by language tag,
    `component` the IRI of the constraint component. `result` are the statements that make it a SHACL result,
    the first of them about the result itself; they do not count when findings are compared. `properties`:
    where the path is an alternative of properties, those of the focus node that hold the value, as the path
    writes them, each with its labels.
    """

    rule: Rule
    focus: Node
    path: str
    value: Node | None
    messages: Texts
    label: Texts
    component: str
    result: tuple[tuple[Part, Part, Part], ...] = field(default=(), repr=False, compare=False)
    properties: Mapping[str, Texts] = field(default_factory=dict)

    @property
    def severity(self) -> str:
        """One of `SEVERITIES`, or the IRI of another severity."""
        return self.rule.severity

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What makes two findings the same one: shape, component, focus, path and value."""
        return (self.rule.shape, self.component, str(self.focus), self.path, str(self.value or ""))

    @property
    def terms(self) -> tuple[str, ...]:
        """What its shape names of vocabularies besides the path: its message is in words."""
        return tuple(term for term in self.rule.terms if term not in re.findall(r"[\w-]+:[\w-]+", self.path))

    @property
    def is_violation(self) -> bool:
        """Whether it makes data not acceptable: `Violation` and unknown severities do."""
        return self.severity not in {"Warning", "Info"}

    @property
    def blamed(self) -> Node | None:
        """The node whose change brings it about; None: any change can."""
        return {"focusNode": self.focus, "value": self.value}.get(self.rule.blames)

    def follows(self, touched: Collection[object]) -> bool:
        """Whether it only follows from a change of the nodes `touched`: what it blames is none of them."""
        return self.blamed is not None and self.blamed not in touched

    def message(self, language: str) -> str:
        """What is wrong and what to do, in `language` (else English)."""
        return in_language(self.messages, language)

    def discreet(self, named: Collection[str]) -> Finding:
        """The finding for somebody who may not see the record: which rule, and where, but nothing it says.

        Of the record and the offending value it tells only what they themselves `named` (see `written`).
        """
        focus = self.focus if _text(self.focus) in named else BlankNode("withheld")
        value = self.value if self.value is not None and _text(self.value) in named else None
        messages = self.rule.advice or self.rule.reason or self.rule.name
        properties = self.properties if value is not None else {}
        return replace(
            self, focus=focus, value=value, label={}, messages=messages, result=(), properties=properties
        )

    def to_json(self) -> dict[str, Any]:
        """The finding as a JSON object; terms as N-Triples, except that IRIs stand bare."""
        return {
            "rule": self.rule.number,
            "severity": self.severity,
            "focus": _text(self.focus),
            "label": dict(self.label),
            "path": self.path,
            "properties": {name: dict(labels) for name, labels in self.properties.items()},
            "terms": list(self.terms),
            "value": None if self.value is None else _text(self.value),
            "message": dict(self.messages),
            "name": dict(self.rule.name),
            "reason": dict(self.rule.reason),
            "group": dict(self.rule.group),
            "shape": self.rule.shape,
            "component": self.component,
        }


def by_key(findings: Iterable[Finding]) -> dict[tuple[str, ...], Finding]:
    """The findings, each once; what several constraints of a shape find alike has the messages of all."""
    alike: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        alike.setdefault(finding.key, []).append(finding)
    return {key: same[0] if len(same) == 1 else _merged(same) for key, same in alike.items()}


def _merged(findings: Sequence[Finding]) -> Finding:
    """One finding with the messages of all, in an order that does not depend on theirs."""
    said: dict[str, set[str]] = {}
    for finding in findings:
        for language, text in finding.messages.items():
            said.setdefault(language, set()).add(text)
    messages = {language: " ".join(sorted(texts)) for language, texts in sorted(said.items())}
    return replace(findings[0], messages=messages)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a deployment decides and rules look up.

    `profile`: `consent-only` (personal data only with consent) or `gdpr` (any basis of Art. 6). Days: how
    long a pain point may wait for a solution (`open_days`), how long before its end an expiring consent is
    announced (`expiring_days`), how old the evaluation of a dynamic segment may be (`membership_days`).
    `consent_age`: years below which a guardian has to authorise consent. `smallest_group`: persons below
    which a cell of an aggregate is too small to be shown.
    """

    profile: str = "consent-only"
    open_days: int = 90
    expiring_days: int = 30
    membership_days: int = 180
    consent_age: int = 16
    smallest_group: int = 5

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """What a deployment has decided by its settings."""
        return cls(
            profile=settings.profile,
            open_days=settings.open_days,
            expiring_days=settings.expiring_days,
            membership_days=settings.membership_days,
            consent_age=settings.consent_age,
            smallest_group=settings.smallest_group,
        )

    def moments(self, now: datetime) -> dict[str, datetime]:
        """The moments that rules compare with, by name: SPARQL by the standard cannot reckon with dates.

        >>> from datetime import UTC
        >>> Policy(open_days=30).moments(datetime(2025, 3, 31, tzinfo=UTC))["overdueBefore"].isoformat()
        '2025-03-01T00:00:00+00:00'
        """
        return {
            "now": now,
            "overdueBefore": now - timedelta(days=self.open_days),
            "expiresBefore": now + timedelta(days=self.expiring_days),
            "staleBefore": now - timedelta(days=self.membership_days),
        }


def written(nodes: Iterable[object]) -> frozenset[str]:
    """Nodes as `Finding.to_json` writes them."""
    return frozenset(_text(node) for node in nodes if isinstance(node, NamedNode | BlankNode | Literal))


def _text(node: Node) -> str:
    return node.value if isinstance(node, NamedNode) else str(node)
