"""A decision in words, German and English: the answer, and what became of each ground."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from kgservice.domain.consent import Basis
from kgservice.domain.decision import Asked, Decision, Reason, Verdict

LANGUAGES = ("de", "en")
Words = Mapping[str, str]
When = Callable[[datetime, str], str]
"""How a moment is written in a language."""

_ANSWER = {  # language → yes, no
    "de": (
        "Ja: Daten der Art {category} dieser Person dürfen für {purpose} verwendet werden ({at}).",
        "Nein: Daten der Art {category} dieser Person dürfen für {purpose} nicht verwendet werden ({at}).",
    ),
    "en": (
        "Yes: {category} of this person may be used for {purpose} ({at}).",
        "No: {category} of this person may not be used for {purpose} ({at}).",
    ),
}
_REASONS: dict[Reason, tuple[str, str]] = {
    Reason.CONSENT: (
        "Die Einwilligung {ground} gilt: {event}, sie läuft am {until} ab.",
        "The consent {ground} holds: {event}, it expires on {until}.",
    ),
    Reason.LEGAL_BASIS: (
        "Die Verarbeitungstätigkeit {ground} trägt es: {basis}.",
        "The processing activity {ground} carries it: {basis}.",
    ),
    Reason.RESTRICTED: (
        "Die Verarbeitung aller Daten der Person ist eingeschränkt (Art. 18); bis das aufgehoben ist, werden "
        "sie nur aufbewahrt.",
        "The processing of all data of the person is restricted (Art. 18); until that is lifted, they are "
        "only kept.",
    ),
    Reason.NO_GROUND: (
        "Keine Einwilligung und keine andere Grundlage erstreckt sich auf diese Datenart und diesen Zweck.",
        "No consent and no other legal basis extends to this kind of data and this purpose.",
    ),
    Reason.AGE_UNKNOWN: (
        "Die Person gehört zu den jungen Kunden, und ihr Alter ist unbekannt; bis es geklärt ist, ist alles "
        "gesperrt.",
        "The person belongs to young customers, and the age is unknown; until it is known, all is blocked.",
    ),
    Reason.NEVER_GIVEN: (
        "Die Einwilligung {ground} war bis dahin nicht erteilt.",
        "The consent {ground} had not been given by then.",
    ),
    Reason.REFUSED: (
        "Die Einwilligung {ground} wurde verweigert: {event}.",
        "The consent {ground} was refused: {event}.",
    ),
    Reason.WITHDRAWN: (
        "Die Einwilligung {ground} wurde widerrufen: {event}.",
        "The consent {ground} was withdrawn: {event}.",
    ),
    Reason.EXPIRED: (
        "Die Einwilligung {ground} ist abgelaufen: {event}{ended}.",
        "The consent {ground} has expired: {event}{ended}.",
    ),
    Reason.INVALIDATED: (
        "Die Einwilligung {ground} wurde für ungültig erklärt: {event}.",
        "The consent {ground} was found invalid: {event}.",
    ),
    Reason.UNCLEAR: (
        "Der Stand der Einwilligung {ground} lässt sich nicht bestimmen: Ereignisse sind gleichzeitig, oder "
        "eines hat nicht genau eine Art und Zeit. Das ist ein Fehler; bis er behoben ist, gilt sie nicht.",
        "The state of the consent {ground} cannot be told: events are at the same time, or one has not "
        "exactly one kind and time. That is an error; until it is mended, the consent does not hold.",
    ),
    Reason.ENDLESS: (
        "Die Einwilligung {ground} nennt kein Ende und gilt darum nicht ({event}).",
        "The consent {ground} names no end and therefore does not hold ({event}).",
    ),
    Reason.IMPLIED: (
        "Die Einwilligung {ground} wurde nicht geäußert, sondern unterstellt; das ist keine ({event}).",
        "The consent {ground} was not expressed but implied, which is none ({event}).",
    ),
    Reason.NOT_EXPLICIT: (
        "Die Daten gehören zu einer besonderen Kategorie, und die Einwilligung {ground} ist nicht "
        "ausdrücklich ({event}).",
        "The data are of a special category, and the consent {ground} is not explicit ({event}).",
    ),
    Reason.NO_GUARDIAN: (
        "Die Person ist oder war minderjährig, und für {ground} ist keine geprüfte Zustimmung der "
        "Sorgeberechtigten erfasst.",
        "The person is or was a minor, and for {ground} no verified authorisation of a guardian is recorded.",
    ),
    Reason.NO_BALANCING: (
        "Die Verarbeitungstätigkeit {ground} beruht auf berechtigtem Interesse ({basis}), aber keine "
        "Abwägung der Interessen ist erfasst.",
        "The processing activity {ground} rests on legitimate interests ({basis}), but no balancing of "
        "interests is recorded.",
    ),
    Reason.OBJECTED: (
        "Die Person hat widersprochen (Art. 21); {ground} ({basis}) trägt es darum nicht.",
        "The person has objected (Art. 21); so {ground} ({basis}) does not carry it.",
    ),
    Reason.NOT_CLAIMED: (
        "Die Verarbeitungstätigkeit {ground} beruht auf {basis}, aber kein Datensatz der Person nennt diese "
        "Grundlage.",
        "The processing activity {ground} rests on {basis}, but no record of the person names this basis.",
    ),
    Reason.NO_ARTICLE_9: (
        "Die Daten gehören zu einer besonderen Kategorie, und {ground} ({basis}) nennt keine Ausnahme nach "
        "Art. 9.",
        "The data are of a special category, and {ground} ({basis}) names no exception of Art. 9.",
    ),
}
_EVENT = {"de": "{kind} am {time}", "en": "{kind} on {time}"}
_ENDED = {"de": ", gültig bis {until}", "en": ", valid until {until}"}
_CONTROLLERS = {"de": "{told} Verantwortlich: {names}.", "en": "{told} Controller: {names}."}
_BASIS = {"de": "Art. 6 Abs. 1 {letter} DSGVO", "en": "Art. 6(1)({letter}) GDPR"}


def shown(moment: datetime, _language: str) -> str:
    """A moment for people, in UTC, the same in each language.

    >>> from datetime import UTC
    >>> shown(datetime(2026, 11, 20, 12, 30, tzinfo=UTC), "de")
    '2026-11-20 12:30 UTC'
    """
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def answer(
    asked: Asked, decision: Decision, names: Mapping[str, Words], when: When = shown
) -> dict[str, str]:
    """The answer and its reason, by language; `names`: what people call concepts, kinds and grounds."""
    because = because_of(decision.reason, decision.verdict, names, when)
    found = {}
    for language in LANGUAGES:
        said = _ANSWER[language][not decision.allowed].format(
            category=_quoted(_name(asked.category, names, language), language),
            purpose=_quoted(_name(asked.purpose, names, language), language),
            at=when(asked.moment, language),
        )
        found[language] = f"{said} {because[language]}"
    return found


def because_of(
    reason: Reason, verdict: Verdict | None, names: Mapping[str, Words], when: When = shown
) -> dict[str, str]:
    """What became of a ground, by language; without a verdict, why none counts."""
    return {
        language: _REASONS[reason][at].format(**_details(verdict, names, language, when))
        for at, language in enumerate(LANGUAGES)
    }


def with_controllers(told: Words, controllers: Sequence[str], names: Mapping[str, Words]) -> Words:
    """What is told of a ground, with the names of its controllers, if it has any.

    >>> with_controllers({"de": "Ja.", "en": "Yes."}, ["urn:a"], {"urn:a": {"en": "A Ltd"}})["en"]
    'Yes. Controller: A Ltd.'
    """
    if not controllers:
        return told
    return {
        language: _CONTROLLERS[language].format(
            told=told[language], names=", ".join(_name(iri, names, language) for iri in controllers)
        )
        for language in LANGUAGES
    }


def _details(
    verdict: Verdict | None, names: Mapping[str, Words], language: str, when: When
) -> dict[str, str]:
    if verdict is None:
        return {}
    event, until, basis = verdict.event, verdict.until, verdict.basis
    return {
        "ground": _name(verdict.ground, names, language),
        "event": _event(verdict, names, language, when) if event else "",
        "until": when(until, language) if until else "",
        "ended": _ENDED[language].format(until=when(until, language)) if until else "",
        "basis": _basis(basis, language) if basis else "",
    }


def _event(verdict: Verdict, names: Mapping[str, Words], language: str, when: When) -> str:
    assert verdict.event is not None
    kind = _name(verdict.event.act, names, language)
    return _EVENT[language].format(kind=kind, time=when(verdict.event.time, language))


def _basis(basis: Basis, language: str) -> str:
    return _BASIS[language].format(letter=basis.value)


def _quoted(name: str, language: str) -> str:
    return f"„{name}“" if language == "de" else f"“{name}”"


def _name(key: str, names: Mapping[str, Words], language: str) -> str:
    return names.get(key, {}).get(language, key)
