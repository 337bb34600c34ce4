"""`kgservice validate` and `check`: whether the data conforms, and whether the store is what it should be."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kgservice.application.answers.chain_words import spoken
from kgservice.cli.answers import TABLE, put_json, say
from kgservice.cli.backend import connected
from kgservice.cli.exits import Exit
from kgservice.cli.options import (
    JsonOption,
    Language,
    LanguageOption,
    StoreOption,
    TokenOption,
    UrlOption,
    existing_path,
    given_path,
    settings_for,
)
from kgservice.cli.output import sink
from kgservice.domain.finding import REPORT_FORMATS, in_words, severity_name, verdict
from kgservice.errors import BadInput, BadParameter
from kgservice.phrases import filled, noun
from kgservice.store.formats import graph_format_of

_MOST = 50
_TERMS = 6
_WORDS = {
    "de": {
        "number": "Anzahl",
        "severity": "Schwere",
        "rule": "Regel",
        "name": "Name",
        "record": "Datensatz",
        "message": "Meldung",
        "more": "… und {n:weiterer|weitere} (--all zeigt alle, --json gibt alle aus)",
    },
    "en": {
        "number": "number",
        "severity": "severity",
        "rule": "rule",
        "name": "name",
        "record": "record",
        "message": "message",
        "more": "… and {n} more (--all shows all, --json writes all)",
    },
}


def validate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="RDF files to validate instead of the stored graph, or as they would be in it.",
            parser=existing_path,
            metavar="FILES",
        ),
    ] = None,
    language: LanguageOption = Language.GERMAN,
    every: Annotated[bool, typer.Option("--all", help=f"Show all findings, not only {_MOST}.")] = False,
    fmt: Annotated[
        str,
        typer.Option("--format", "-f", help=f"{TABLE}, or one of {', '.join(REPORT_FORMATS)}."),
    ] = TABLE,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write; needs --format.", parser=given_path, metavar="FILE"
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a validation of the store that was interrupted.")
    ] = False,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Validate the graph, or files, against the SHACL shapes. Exit code 1 when there is a violation.

    Files stand alone, with the model and the settings of policy, unless a store or a service is named
    (`--store`, `--url`, or their variables): then they are judged as if they were loaded there, and the
    report says what they would bring and mend. Nothing is written.

    Shows how many findings each rule has, and the first of them. `conforms` in the JSON is SHACL's: true only
    without any finding, warnings and notes among them; `violations` is the number that the exit code follows.
    `--json` is short for `--format json`.

    `--resume` starts anew when the records, the model or the shapes have changed since the interruption.

    Examples:

      kgservice validate --language en

      kgservice validate --resume

      kgservice validate mine.ttl --json

      kgservice validate mine.ttl --store data/store

      kgservice validate mine.ttl --format junit -o report.xml
    """
    name = _format("json" if as_json else fmt, output)
    asked = "json" if name == TABLE else name
    if files:
        if resume:
            raise BadParameter("files are validated in one go", source="--resume")
        _refuse_empty(files)
        if store is None and url is None:
            text, violations = _alone(files, asked, language.value)
        else:
            with connected(settings_for(store, token), url) as backend:
                text, violations = backend.foreseen(files, asked, language.value)
        _put(text, name, language.value, output, every=every)
    else:
        with (
            connected(settings_for(store, token), url) as backend,
            backend.validated(asked, language.value, resume=resume) as (text, violations),
        ):
            _put(text, name, language.value, output, every=every)
    if violations:
        raise typer.Exit(Exit.FINDINGS)


def _refuse_empty(paths: Sequence[Path]) -> None:
    """Raise `BadInput` for a folder in which there is nothing to validate."""
    for path in paths:
        if path.is_dir() and not any(graph_format_of(p) for p in path.rglob("*") if p.is_file()):
            raise BadInput("there is no RDF file in this folder", source=str(path))


def _alone(files: Sequence[Path], fmt: str, language: str) -> tuple[str, int]:
    """The report on files by themselves, and the number of its violations."""
    from kgservice.application.guard.validation import validate_files  # noqa: PLC0415  (costs time to import)
    from kgservice.application.stewards.reports import written  # noqa: PLC0415

    report = validate_files(files, settings=settings_for(None))
    return written(report, fmt, language), report.violations


def _put(text: str, name: str, language: str, output: Path | None, *, every: bool) -> None:
    """Write a report in the format asked for."""
    if name == TABLE:
        _show(json.loads(text), language, None if every else _MOST)
    elif name == "json" and output is None:
        put_json(json.loads(text))
    else:
        with sink(output) as out:
            out.write(text.encode(errors="replace"))
            out.write(b"" if text.endswith("\n") else b"\n")


class Checked(StrEnum):
    """What can be checked."""

    VIEWS = "views"


def check(
    what: Annotated[  # noqa: ARG001 - it can be nothing else
        Checked,
        typer.Argument(help="The views with the records they follow from: there is nothing else to check."),
    ] = Checked.VIEWS,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Prove that each view equals its definition and each record graph holds only what belongs there.

    Exit code 1 when something is wrong.

    Example: kgservice check views
    """
    with connected(settings_for(store, token), url) as backend:
        faults = backend.check()
    if as_json:
        put_json({"faults": faults})
    else:
        for fault in faults:
            typer.echo(fault)
        say(
            f"{len(faults)} {noun(len(faults), 'fault|faults')}"
            if faults
            else "The store is as it should be."
        )
    if faults:
        raise typer.Exit(Exit.FINDINGS)


def _format(name: str, output: Path | None) -> str:
    """The format asked for. Raises `BadParameter` for an unknown one, and for a table in a file."""
    plain = name.replace("-", "")  # JSON-LD is written with a hyphen as often as not
    if plain not in (TABLE, *REPORT_FORMATS):
        raise BadParameter(
            "{name!r} is none of {table}, {others}",
            name=name,
            table=TABLE,
            others=", ".join(REPORT_FORMATS),
            source="--format",
        )
    if plain == TABLE and output is not None:
        raise BadParameter("say in which --format the file is to be", source="--output")
    return plain


def _show(report: dict[str, Any], language: str, most: int | None) -> None:
    """The findings for people: how many each rule has, then at most `most` of them, then the verdict."""
    words, findings = _WORDS[language], report["findings"]

    def severity(name: str) -> str:
        return severity_name(name, language)

    if findings:
        numbers = Counter((f["severity"], f["rule"], spoken(f["name"], language)) for f in findings)
        _table(
            [words[key] for key in ("number", "severity", "rule", "name")],
            [(str(n), severity(kind), rule, name) for (kind, rule, name), n in numbers.items()],
        )
        _table(
            [words[key] for key in ("severity", "rule", "record", "message")],
            [
                (
                    severity(f["severity"]),
                    f["rule"],
                    spoken(f["label"], language) or f["focus"],
                    Text.assemble(spoken(f["message"], language), (_in_rdf(f, language), "dim")),
                )
                for f in findings[:most]
            ],
        )
    if most is not None and len(findings) > most:
        say(filled(words["more"], {"n": len(findings) - most}))
    say(verdict(report["counts"], language))


def _in_rdf(finding: dict[str, Any], language: str) -> str:
    """A line for those who write RDF: the field, the path, or the first terms of the shape; perhaps none."""
    terms = finding["terms"]
    said = in_words(finding["properties"], language) or finding["path"]
    said = said or ", ".join([*terms[:_TERMS], *(["…"] if len(terms) > _TERMS else [])])
    return f"\n{said}" if said else ""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    table = Table(*heads, header_style="bold")
    table.columns[-1].overflow = "fold"  # a path is one long word
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    Console().print(table)
