"""The measures of data quality that there are, by dimension."""

from __future__ import annotations

from collections.abc import Mapping

from kgservice.domain.quality import Dimension, Measure, Unit
from kgservice.domain.question import Text


def _say(de: str, en: str) -> Text:
    return {"de": de, "en": en}


_COMPLETENESS = Dimension(
    "completeness",
    _say("Vollständigkeit", "completeness"),
    _say("Was da sein soll, ist da.", "What should be there is there."),
)
_TIMELINESS = Dimension(
    "timeliness",
    _say("Aktualität", "timeliness"),
    _say("Daten kommen und werden überprüft, wenn es Zeit ist.", "Data comes and is reviewed in time."),
)
_UNIQUENESS = Dimension(
    "uniqueness",
    _say("Eindeutigkeit", "uniqueness"),
    _say("Was es einmal gibt, ist einmal erfasst.", "What there is once is recorded once."),
)
_LAWFULNESS = Dimension(
    "lawfulness",
    _say("Rechtmäßigkeit", "lawfulness"),
    _say(
        "Daten über Personen sind durch deren Einwilligung gedeckt.",
        "Data about persons is covered by their consent.",
    ),
)
_CONFORMITY = Dimension(
    "conformity",
    _say("Regeltreue", "conformity"),
    _say("Daten halten die Regeln der Prüfung ein.", "Data keeps the rules of the validation."),
)

_RATIOS = (
    Measure(
        "completeness-by-class",
        _COMPLETENESS,
        _say("vollständige Datensätze", "complete records"),
        _say(
            "Anteil der Datensätze einer Klasse, an denen R01 bis R07 nichts auszusetzen haben.",
            "Share of the records of a class that the rules R01 to R07 find nothing wrong with.",
        ),
        "completeness-by-class",
        policy={"openDays": "open_days"},
    ),
    Measure(
        "chain-by-phase",
        _COMPLETENESS,
        _say("ganze Kette", "whole chain"),
        _say(
            "Anteil der Pain Points einer Phase mit Beleg, Lösung und gemessener Wirkung, und der "
            "Touchpoints mit Pain Points, bei denen das für alle gilt.",
            "Share of the pain points of a phase with evidence, solution and measured impact, and of the "
            "touchpoints with pain points where that is true of all.",
        ),
        "chain-by-phase",
    ),
    Measure(
        "evidence-recorded-in-time",
        _TIMELINESS,
        _say("rechtzeitig aufgezeichnete Belege", "evidence recorded in time"),
        _say(
            "Anteil der Belege, die binnen 14 Tagen nach ihrer Erhebung aufgezeichnet wurden.",
            "Share of the evidence that was recorded within 14 days of its collection.",
        ),
        "evidence-recorded-in-time",
        given={"days": "14"},
    ),
    Measure(
        "segments-evaluated-in-time",
        _TIMELINESS,
        _say("frisch ausgewertete Segmente", "freshly evaluated segments"),
        _say(
            "Anteil der dynamischen Segmente, die binnen der Tage der Vorgabe ausgewertet wurden.",
            "Share of the dynamic segments that were evaluated within the days of the policy.",
        ),
        "segments-evaluated-in-time",
        policy={"days": "membership_days"},
    ),
    Measure(
        "reviews-in-time",
        _TIMELINESS,
        _say("gemachte Überprüfungen", "reviews done"),
        _say(
            "Anteil der fälligen Überprüfungen eingeführter Lösungen, zu denen eine Wirkung erfasst ist; "
            "die übrigen sind überfällig.",
            "Share of the reviews due of deployed solutions for which an impact is recorded; the others are "
            "overdue.",
        ),
        "reviews-in-time",
    ),
    Measure(
        "unique-records",
        _UNIQUENESS,
        _say("Datensätze ohne mögliches Doppel", "records without a possible duplicate"),
        _say(
            "Anteil der Datensätze einer Klasse, die Titel und Ort mit keinem anderen gemeinsam haben.",
            "Share of the records of a class that have title and place in common with no other.",
        ),
        "unique-records",
    ),
    Measure(
        "unique-persons",
        _UNIQUENESS,
        _say("Personen ohne mögliches Doppel", "persons without a possible duplicate"),
        _say(
            "Anteil der Personen, die E-Mail-Adresse und Kundennummer mit keiner anderen teilen.",
            "Share of the persons that share e-mail address and customer number with no other.",
        ),
        "unique-persons",
    ),
    Measure(
        "consent-coverage",
        _LAWFULNESS,
        _say("Deckung durch Einwilligung", "consent coverage"),
        _say(
            "Anteil der Datensätze über Personen, die bei ihrer Erhebung eine geltende Einwilligung deckte.",
            "Share of the records about persons that a consent in force covered when they were collected.",
        ),
        "consent-coverage",
    ),
)


def _open_findings(ages: str, german: str, english: str, **given: int) -> Measure:
    return Measure(
        f"open-findings-{ages}",
        _CONFORMITY,
        _say(f"offene Befunde seit {german}", f"open findings, {english}"),
        _say(
            f"Zahl der offenen Befunde der Prüfung, die seit {german} bekannt sind, je Schwere.",
            f"Number of open findings of the validation that were first seen {english} ago, by severity.",
        ),
        "open-findings",
        unit=Unit.COUNT,
        better="lower",
        given={name: str(days) for name, days in given.items()},
    )


_COUNTS = (
    _open_findings("0-7", "0 bis 7 Tagen", "0 to 7 days", maximumAge=7),
    _open_findings("8-30", "8 bis 30 Tagen", "8 to 30 days", minimumAge=8, maximumAge=30),
    _open_findings("31-90", "31 bis 90 Tagen", "31 to 90 days", minimumAge=31, maximumAge=90),
    _open_findings("over-90", "mehr als 90 Tagen", "over 90 days", minimumAge=91),
)

MEASURES: Mapping[str, Measure] = {measure.id: measure for measure in (*_RATIOS, *_COUNTS)}
"""All measures by their id, in the order in which they are shown."""
