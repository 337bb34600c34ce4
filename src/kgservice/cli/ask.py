"""`kgservice query`, `ask` and `trace`: what a user can read from the graph."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kgservice.cli import chains, description
from kgservice.cli.answers import TABLE, FormatOption, answer, asked, put_json
from kgservice.cli.backend import connected
from kgservice.cli.options import (
    JsonOption,
    Language,
    LanguageOption,
    PurposeOption,
    StoreOption,
    TokenOption,
    UrlOption,
    existing_path,
    purpose_iri,
    settings_for,
    unicode_text,
)
from kgservice.errors import BadParameter


def query(
    text: Annotated[str | None, typer.Argument(help="The query; - reads standard input.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-F", help="File with the query.", parser=existing_path, metavar="FILE"),
    ] = None,
    fmt: FormatOption = TABLE,
    as_json: JsonOption = False,
    purpose: PurposeOption = None,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Run a SPARQL query, on the view of a purpose or on that of everything.

    Examples:

      kgservice query 'PREFIX ci: <https://w3id.org/kgservice/ci#> SELECT ?p WHERE { ?p a ci:PainPoint }'

      kgservice query --file mine.rq --format csv > rows.csv

      kgservice query --purpose dpv:ResearchAndDevelopment 'SELECT (COUNT(*) AS ?n) { ?s ?p ?o }'
    """
    if (text is None) == (file is None):
        raise BadParameter("give the query as text, as - or with --file", source="query")
    asked_query = _query(text, file)
    name = asked(fmt, as_json=as_json)
    with connected(settings_for(store, token), url, purpose=purpose_iri(purpose)) as backend:
        answer(lambda formats, out: backend.query(asked_query, formats, out), name)


def ask(
    question: Annotated[
        str | None, typer.Argument(help="Id or number of a saved question; none: list them.")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", metavar="NAME=VALUE", help="A parameter; repeatable."),
    ] = None,
    describe: Annotated[
        bool,
        typer.Option("--describe", "-d", help="What the question means and takes, instead of its answer."),
    ] = False,
    language: LanguageOption = Language.GERMAN,
    fmt: FormatOption = TABLE,
    as_json: JsonOption = False,
    purpose: PurposeOption = None,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Answer a saved question, or list them all.

    Examples:

      kgservice ask --language en

      kgservice ask unsolved-pain-points --describe

      kgservice ask unsolved-pain-points --format csv
    """
    name = asked(fmt, as_json=as_json)
    parameters = _parameters(param or [])
    if question is not None:
        unicode_text(question, "question")
    elif describe:
        raise BadParameter("--describe needs the id or number of a question", source="--describe")
    with connected(settings_for(store, token), url, purpose=purpose_iri(purpose)) as backend:
        if question is not None:
            known = [q for q in backend.questions() if question in (q["id"], str(q["number"]))]
            if describe and known:
                description.describe(backend, known[0], language.value, as_json=as_json)
                return
            if any(p["name"] == "language" for q in known for p in q["parameters"]):
                parameters.setdefault("language", language.value)
            answer(
                lambda formats, out: backend.ask(question, parameters, formats, out),
                name,
                known[0]["columns"] if known else (),
                language.value,
            )
        elif as_json:
            put_json(backend.questions())
        else:
            description.listing(backend.questions(), language.value)


def trace(
    record: Annotated[
        str, typer.Argument(help="IRI of a pain point, solution or impact, or the UUID that ends it.")
    ],
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    purpose: PurposeOption = None,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show the whole chain through a record: pain point, solution, impact, and their evidence.

    Example: kgservice trace 00000000-0000-4000-8000-103000000003
    """
    unicode_text(record, "record")
    with connected(settings_for(store, token), url, purpose=purpose_iri(purpose)) as backend:
        found = backend.trace(record)
    if as_json:
        put_json(found)
    else:
        Console().print(chains.tree(found, language.value))


def _query(text: str | None, file: Path | None) -> str:
    """The query from the command line, a file or standard input. Raises `BadParameter` if it is no UTF-8."""
    if file is None and text != "-":
        return unicode_text(text or "", "query")
    name = str(file or "standard input")
    try:
        return (file.read_bytes() if file else sys.stdin.buffer.read()).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadParameter("the query is not valid UTF-8", source=name, line=line) from None


def _parameters(given: list[str]) -> dict[str, str]:
    """The parameters as name and value. Raises `BadParameter` for one without `=` or one given twice."""
    parameters: dict[str, str] = {}
    for item in given:
        name, equals, value = unicode_text(item, "--param").partition("=")
        if not equals or not name:
            raise BadParameter("{item!r} is not NAME=VALUE", item=item, source="--param")
        if name in parameters:
            raise BadParameter("{name} is given twice", name=name, source="--param")
        parameters[name] = value
    return parameters
