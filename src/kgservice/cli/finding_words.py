"""Findings in a terminal: their words in German and English, as a table, and one explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kgservice.application.answers.chain_words import spoken
from kgservice.domain.finding import in_words, severity_name

WORDS = {
    "de": {
        "id": "Befund",
        "severity": "Schwere",
        "rule": "Regel",
        "status": "Stand",
        "record": "Datensatz",
        "message": "Meldung",
        "advice": "Was zu tun ist",
        "owner": "Zuständig",
        "since": "Seit",
        "open": "offen",
        "waived": "hingenommen",
        "mended": "behoben",
        "name": "Name",
        "group": "Gruppe",
        "reason": "Warum",
        "field": "Feld",
        "path": "Pfad",
        "terms": "In RDF",
        "value": "Wert",
        "values": "Werte jetzt",
        "waiver": "Hingenommen",
        "proposal": "Vorschlag",
        "example": "Gültiges Beispiel",
        "until": "{} (bis {}, durch {})",
        "shown": "{shown} von {total:Befund|Befunden}",
        "fix": "Anwenden: kgservice findings fix {} VORSCHLAG",
        "done": "Der Befund ist {}.",
        "counts": "Neu {new}, behoben {mended}, wieder offen {reopened}; "
        "jetzt {open} offen, {waived} hingenommen.",
    },
    "en": {
        "id": "finding",
        "severity": "severity",
        "rule": "rule",
        "status": "status",
        "record": "record",
        "message": "message",
        "advice": "what to do",
        "owner": "in charge",
        "since": "since",
        "open": "open",
        "waived": "waived",
        "mended": "mended",
        "name": "name",
        "group": "group",
        "reason": "why",
        "field": "field",
        "path": "path",
        "terms": "in RDF",
        "value": "value",
        "values": "values now",
        "waiver": "waiver",
        "proposal": "proposal",
        "example": "valid example",
        "until": "{} (until {}, by {})",
        "shown": "{shown} of {total:finding|findings}",
        "fix": "Apply: kgservice findings fix {} PROPOSAL",
        "done": "The finding is {}.",
        "counts": "New {new}, mended {mended}, open again {reopened}; now {open} open, {waived} waived.",
    },
}


def show_list(found: Sequence[Mapping[str, Any]], language: str) -> None:
    """Findings, each on a few lines that fit a narrow terminal: how it stands, where, what, and its id."""
    console, since = Console(), WORDS[language]["since"].lower()
    for finding in found:
        key, severity, rule, status, record, message, owner, day = _row(finding, language)
        stands = [severity, rule, status, owner, f"{since} {day}" if day else ""]
        console.print(Text(" · ".join(filter(None, stands)), style="bold"))
        for line in (record, message, key):
            console.print(Padding(Text(line, overflow="fold"), (0, 0, 0, 2), expand=False))
        console.print()


def show_one(found: Mapping[str, Any], language: str) -> None:
    """A finding with its explanation, as a table of heads and texts."""
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for head, cell in _told(found, language):
        if cell:
            table.add_row(Text(WORDS[language][head]), Text(cell))
    Console().print(table)


def _row(found: Mapping[str, Any], language: str) -> Sequence[str]:
    return (
        found["id"],
        severity_name(found["severity"], language),
        found["rule"],
        WORDS[language][found["status"]],
        spoken(found["label"], language) or found["focus"],
        spoken(found["message"], language),
        found["ownerName"] or found["owner"] or "",
        (found["firstSeen"] or "")[:10],
    )


def _told(found: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    """The lines of an explanation: the head of each, and its text."""
    why, row, waiver = found["explanation"], _row(found, language), found["waiver"]
    accepted = ""
    if waiver:
        accepted = WORDS[language]["until"].format(waiver["reason"], waiver["until"], waiver["by"])
    held = in_words(why["properties"], language)
    label = row[4] if row[4] == found["focus"] else f"{row[4]} <{found['focus']}>"
    return [
        *zip(("id", "severity", "rule", "status"), row, strict=False),
        ("waiver", accepted),
        ("name", spoken(why["name"], language)),
        ("group", spoken(why["group"], language)),
        ("record", label),
        ("field", held),
        ("path", "" if held else why["path"]),
        ("terms", ", ".join(why["terms"])),
        ("value", why["value"] or ""),
        ("values", "\n".join(why["values"])),
        ("message", row[5]),
        ("advice", "" if (advice := spoken(why["advice"], language)) == row[5] else advice),
        ("reason", spoken(why["reason"], language)),
        ("owner", row[6]),
        ("since", row[7]),
        *(
            ("proposal", "\n".join([each["id"], each["words"][language], *_lines(each)]))
            for each in why["proposals"]
        ),
        ("example", (why["example"] or {}).get("turtle", "").rstrip()),
    ]


def _lines(proposal: Mapping[str, Any]) -> list[str]:
    return [*(f"− {line}" for line in proposal["remove"]), *(f"+ {line}" for line in proposal["add"])]
