"""Links in a terminal: their words in German and English, as a table, and one side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kgservice.application.labels import short
from kgservice.cli.answers import show_rows

BAR = 12  # characters of the longest bar
WORDS = {
    "de": {
        "id": "Verknüpfung",
        "customer": "Kunde",
        "record": "CRM-Datensatz",
        "state": "Stand",
        "probability": "Sicherheit",
        "weight": "Gewicht (Bit)",
        "field": "Feld",
        "candidate": "wartet",
        "accepted": "angenommen",
        "rejected": "verworfen",
        "AcceptedByRule": "nach Regel angenommen",
        "AcceptedByPerson": "angenommen",
        "RejectedByPerson": "verworfen",
        "DecisionUndone": "zurückgenommen",
        "prior": "Ausgangslage",
        "run": "Lauf vom {started}, Modell {model}, Splink {version}, Datenstand {dataState}",
        "shown": "{} von {} Verknüpfungen",
        "keys": "[a] annehmen  [r] verwerfen  [s] überspringen  [u] letzte zurücknehmen  [q] aufhören",
        "of": "{} von {}",
        "done": "Angenommen {accept}, verworfen {reject}, übersprungen {skip}, zurückgenommen {undo}.",
        "none": "Keine Verknüpfung wartet.",
        "nothing": "In dieser Durchsicht ist noch nichts entschieden.",
        "sources": "Quelle",
        "persons": "Entschieden von",
        "decisions": "Entscheidungen",
        "now": "Die Verknüpfung ist {}.",
    },
    "en": {
        "id": "link",
        "customer": "customer",
        "record": "CRM record",
        "state": "state",
        "probability": "probability",
        "weight": "weight (bits)",
        "field": "field",
        "candidate": "waiting",
        "accepted": "accepted",
        "rejected": "rejected",
        "AcceptedByRule": "accepted by rule",
        "AcceptedByPerson": "accepted",
        "RejectedByPerson": "rejected",
        "DecisionUndone": "undone",
        "prior": "prior",
        "run": "Run of {started}, model {model}, Splink {version}, data state {dataState}",
        "shown": "{} of {} links",
        "keys": "[a] accept  [r] reject  [s] skip  [u] undo the last one  [q] quit",
        "of": "{} of {}",
        "done": "Accepted {accept}, rejected {reject}, skipped {skip}, undone {undo}.",
        "none": "No link is waiting.",
        "nothing": "Nothing has been decided in this review yet.",
        "sources": "source",
        "persons": "decided by",
        "decisions": "decisions",
        "now": "The link is {}.",
    },
}


def show_list(links: Sequence[Mapping[str, Any]], language: str) -> None:
    """Show links as a table."""
    words = WORDS[language]
    columns = ("id", "customer", "record", "probability", "state")
    rows = [
        {
            words["id"]: short(link["id"]),
            words["customer"]: link["customerName"] or short(link["customer"]),
            words["record"]: f"{link['source']} {link['key']}",
            words["probability"]: _chance(link["probability"]),
            words["state"]: words[link["stands"] or link["state"]],
        }
        for link in links
    ]
    show_rows([words[name] for name in columns], rows)


def show_one(link: Mapping[str, Any], language: str) -> None:
    """Show a link side by side, with the reasons for its score and its decisions."""
    words, out = WORDS[language], Console()
    stands = words[link["stands"] or link["state"]]
    name = link["customerName"] or link["customer"]
    head = f"{short(link['id'])}  {name}  ~  {link['source']} {link['key']}"
    out.print(Text(head, style="bold"))
    out.print(Text(f"{words['probability']} {_chance(link['probability'])}, {words['state']}: {stands}"))
    table = Table(header_style="bold", expand=False)
    for column in ("field", "record", "customer", "weight"):
        table.add_column(words[column], overflow="fold")
    table.add_column("")
    most = max((abs(one["weight"]) for one in link["fields"]), default=1.0) or 1.0
    for one in link["fields"]:
        field = words.get(one["field"], one["field"]) if one["field"] == "prior" else one["field"]
        bar = ("+" if one["weight"] >= 0 else "-") * round(BAR * abs(one["weight"]) / most)
        cells = (field, one["record"] or "", one["customer"] or "", f"{one['weight']:+.2f}", bar)
        table.add_row(*map(Text, cells))
    if link["weight"] is not None:
        table.add_row(Text("="), Text(""), Text(""), Text(f"{link['weight']:+.2f}", style="bold"), Text(""))
    out.print(table)
    if link["run"]:
        run = {**link["run"], "model": link["run"]["model"][:12]}
        out.print(Text(words["run"].format(**run), style="dim"))
    for one in link["decisions"]:
        by = one["byName"] or one["by"] or ""
        line = f"{one['number']}. {one['at']} {words[one['verdict']]} {by} {one['reason'] or ''}"
        out.print(Text(line.rstrip()))


def show_report(report: Mapping[str, Any], language: str) -> None:
    """Show how many links there are, by source and state, and who decided."""
    words = WORDS[language]
    states = ("candidate", "accepted", "rejected")
    rows = [
        {words["sources"]: source, **{words[state]: str(counts[state]) for state in states}}
        for source, counts in report["sources"].items()
    ]
    show_rows([words["sources"], *(words[state] for state in states)], rows)
    made = [
        {words["persons"]: words["AcceptedByRule"], words["decisions"]: str(number)}
        for verdict, number in report["decisions"].items()
        if verdict == "AcceptedByRule"
    ]
    made += [
        {words["persons"]: one["name"] or one["by"] or "–", words["decisions"]: str(one["decisions"])}
        for one in report["persons"]
    ]
    show_rows([words["persons"], words["decisions"]], made)


def _chance(probability: float | None) -> str:
    return "" if probability is None else f"{probability:.3f}"
