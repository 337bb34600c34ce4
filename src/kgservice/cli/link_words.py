"""Links in a terminal: their words in German and English, as a table, and one side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kgservice.application.graph.labels import short
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
        "candidate": "unentschieden",
        "accepted": "angenommen",
        "rejected": "abgelehnt",
        "AcceptedByRule": "nach Regel angenommen",
        "AcceptedByPerson": "angenommen",
        "RejectedByPerson": "abgelehnt",
        "DecisionUndone": "zurückgenommen",
        "prior": "Ausgangslage",
        "run": "Lauf vom {started}, Modell {model}, Splink {version}, Datenstand {dataState}",
        "shown": "{shown} von {total:Verknüpfung|Verknüpfungen}",
        "keys": "[a] annehmen  [r] ablehnen  [s] überspringen  [u] letzte zurücknehmen  [q] aufhören",
        "of": "{} von {}",
        "done": "Angenommen {accept}, abgelehnt {reject}, übersprungen {skip}, zurückgenommen {undo}.",
        "none": "Keine Verknüpfung wartet.",
        "nothing": "In dieser Durchsicht ist noch nichts entschieden.",
        "sources": "Quelle",
        "persons": "Entschieden von",
        "decisions": "Entscheidungen",
        "now": "Die Verknüpfung ist {}.",
        "kind": "Art",
        "links": "Verknüpfungen",
        "right": "richtig (95 %)",
        "recall": "{kind}: Die Regel findet {share:.1%} der richtigen Paare ({low:.1%} bis {high:.1%}).",
        "raise": "{kind}: Die Regel nimmt zu oft Falsches an; eine höhere Schwelle ist zu erwägen.",
        "lower": "{kind}: Die besten Kandidaten stimmen fast alle; eine niedrigere Schwelle ist zu erwägen.",
    },
    "en": {
        "id": "link",
        "customer": "customer",
        "record": "CRM record",
        "state": "state",
        "probability": "confidence",
        "weight": "weight (bits)",
        "field": "field",
        "candidate": "undecided",
        "accepted": "accepted",
        "rejected": "rejected",
        "AcceptedByRule": "accepted by rule",
        "AcceptedByPerson": "accepted",
        "RejectedByPerson": "rejected",
        "DecisionUndone": "undone",
        "prior": "prior",
        "run": "Run of {started}, model {model}, Splink {version}, data state {dataState}",
        "shown": "{shown} of {total:link|links}",
        "keys": "[a] accept  [r] reject  [s] skip  [u] undo the last one  [q] quit",
        "of": "{} of {}",
        "done": "Accepted {accept}, rejected {reject}, skipped {skip}, undone {undo}.",
        "none": "No link is waiting.",
        "nothing": "Nothing has been decided in this review yet.",
        "sources": "source",
        "persons": "decided by",
        "decisions": "decisions",
        "now": "The link is {}.",
        "kind": "kind",
        "links": "links",
        "right": "right (95 %)",
        "recall": "{kind}: the rule finds {share:.1%} of the right pairs ({low:.1%} to {high:.1%}).",
        "raise": "{kind}: too much of what the rule accepts is wrong; consider a higher threshold.",
        "lower": "{kind}: nearly all of the best candidates are right; consider a lower threshold.",
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
    _show_quality(report["quality"], words)


def _show_quality(kinds: Sequence[Mapping[str, Any]], words: Mapping[str, str]) -> None:
    """How many of the decided links of each band of probability are right, and what follows."""
    names = [words[name] for name in ("kind", "probability", "links", "decisions", "right")]
    rows = []
    for one in kinds:
        for band in filter(lambda band: band["links"], one["bands"]):
            right = "–"
            if band["interval"]:
                low, high = band["interval"]
                right = f"{band['right'] / band['decided']:.1%} ({low:.1%}–{high:.1%})"
            span = f"{band['from']:g}–{band['to']:g}"
            cells = (one["kind"], span, str(band["links"]), str(band["decided"]), right)
            rows.append(dict(zip(names, cells, strict=True)))
    if rows:
        show_rows(names, rows)
    for one in kinds:
        if one["recall"]:
            share, low, high = one["recall"]
            print(words["recall"].format(kind=one["kind"], share=share, low=low, high=high))
        if one["suggestion"]:
            print(words[one["suggestion"]].format(kind=one["kind"]))


def _chance(probability: float | None) -> str:
    return "" if probability is None else f"{probability:.3f}"
