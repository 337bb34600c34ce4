"""The saved questions in a terminal: the list of all, and what one means and takes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from pyoxigraph import NamedNode, QuerySolutions, parse_query_results
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kgservice.cli.answers import put_json
from kgservice.cli.backend import Backend
from kgservice.domain.question import compact
from kgservice.store.formats import JSON

_WORDS = {
    "parameters": {"de": "Angaben", "en": "Parameters"},
    "columns": {"de": "Spalten", "en": "Columns"},
    "required": {"de": "nötig", "en": "required"},
    "default": {"de": "Vorgabe", "en": "default"},
    "values": {"de": "Werte", "en": "values"},
    "question": {"de": "Frage", "en": "question"},
    "everything": {"de": "braucht die Sicht auf alles", "en": "needs the view of everything"},
    "refused": {"de": "nicht für diese Rolle", "en": "not for this role"},
}


def listing(questions: Sequence[Mapping[str, Any]], language: str) -> None:
    """Show all questions with number, id, title and parameters (`?`: may be left out)."""
    table = Table(header_style="bold")
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("id", no_wrap=True)
    table.add_column(_WORDS["question"][language], overflow="fold")
    table.add_column(_WORDS["parameters"][language], overflow="fold")
    for question in questions:
        parameters = [p["name"] + ("" if p["required"] else "?") for p in question["parameters"]]
        number = "" if question["number"] is None else str(question["number"])
        title = question["title"][language]
        if question["everything"]:
            title = f"{title} ({_WORDS['everything'][language]})"
        elif question.get("refused"):
            title = f"{title} ({_WORDS['refused'][language]})"
        table.add_row(number, question["id"], title, ", ".join(parameters))
    Console().print(table)


def describe(backend: Backend, question: Mapping[str, Any], language: str, *, as_json: bool) -> None:
    """Show what a question means, its parameters with what they may be given, and its columns.

    As JSON: the entry of the list, with `possible` for each parameter: the instances there are by IRI, with
    their names; null when there are too many or it takes anything else.
    """
    possible = {p["name"]: _possible(backend, p, language) for p in question["parameters"]}
    if as_json:
        told = [{**p, "possible": possible[p["name"]]} for p in question["parameters"]]
        put_json({**question, "parameters": told})
        return
    console = Console(soft_wrap=True, highlight=False)
    number = "" if question["number"] is None else f"{question['number']} "
    console.print(f"[bold]{number}{question['id']}[/]: {escape(question['title'][language])}")
    console.print(escape(question["description"][language]))
    if question["everything"]:
        console.print(f"({_WORDS['everything'][language]})")
    if question["parameters"]:
        console.print(f"\n[bold]{_WORDS['parameters'][language]}[/]")
    for parameter in question["parameters"]:
        console.print(f"  {_parameter(parameter, language)}", markup=False)
        for iri, name in (possible[parameter["name"]] or {}).items():
            console.print(f"      {compact(iri)}  {name}", markup=False)
    console.print(f"\n[bold]{_WORDS['columns'][language]}[/]")
    for column in question["columns"]:
        console.print(f"  {column['name']}: {column[language]}", markup=False)
        for code, words in column["values"].items():
            console.print(f"      {code}  {words[language]}", markup=False)


def _parameter(parameter: Mapping[str, Any], language: str) -> str:
    """A parameter in a line: name, type, whether it is required or its default, allowed values, meaning."""
    kind = parameter["type"] + (f" {compact(parameter['class'])}" if parameter["class"] else "")
    facts = [kind]
    if parameter["required"]:
        facts.append(_WORDS["required"][language])
    if parameter["default"] is not None:
        facts.append(f"{_WORDS['default'][language]} {parameter['default']}")
    if parameter["values"]:
        facts.append(f"{_WORDS['values'][language]} {', '.join(parameter['values'])}")
    meaning = (parameter["description"] or parameter["label"])[language]
    return f"{parameter['name']} ({'; '.join(facts)}): {meaning}"


def _possible(backend: Backend, parameter: Mapping[str, Any], language: str) -> dict[str, str] | None:
    """The instances that the parameter may be given, with their names, if they are few."""
    if not parameter["class"]:
        return None
    # What reads the graph costs time to import, and only a description needs it.
    from kgservice.application.answers.questions import MOST_LISTED, named, some_instances  # noqa: PLC0415

    out = io.BytesIO()
    backend.query(some_instances(NamedNode(parameter["class"])), [JSON], out)
    found = parse_query_results(out.getvalue(), format=JSON.results)
    assert isinstance(found, QuerySolutions)
    names = named([tuple(solution) for solution in found], language)
    return names if len(names) <= MOST_LISTED else None
