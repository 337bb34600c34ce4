"""`kgservice validate` and `check`: whether the data conforms, and whether the store is what it should be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kgservice.application.chain_words import spoken
from kgservice.cli.answers import put_json, say, show_rows
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
    settings_for,
)


def validate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="RDF files to validate instead of the stored graph.",
            parser=existing_path,
            metavar="FILES",
        ),
    ] = None,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Validate the graph, or files, against the SHACL shapes. Exit code 1 when there is a violation.

    Examples:

      kgservice validate

      kgservice validate mine.ttl --json
    """
    if files:
        from kgservice.application.validation import validate_files  # noqa: PLC0415  (costs time to import)

        report = validate_files(files).to_json()
    else:
        with connected(settings_for(store, token), url) as backend:
            report = backend.validate()
    if as_json:
        put_json(report)
    else:
        _show(report, language.value)
    if report["violations"]:
        raise typer.Exit(Exit.FINDINGS)


def check(
    as_json: JsonOption = False, store: StoreOption = None, url: UrlOption = None, token: TokenOption = None
) -> None:
    """Prove that each view equals its definition and each record graph holds only what belongs there.

    Exit code 1 when something is wrong.

    Example: kgservice check
    """
    with connected(settings_for(store, token), url) as backend:
        faults = backend.check()
    if as_json:
        put_json({"faults": faults})
    else:
        for fault in faults:
            typer.echo(fault)
        say(f"{len(faults)} faults" if faults else "The store is as it should be.")
    if faults:
        raise typer.Exit(Exit.FINDINGS)


def _show(report: dict[str, Any], language: str) -> None:
    columns = ("severity", "rule", "record", "message")
    rows = [
        {
            "severity": finding["severity"],
            "rule": finding["rule"],
            "record": spoken(finding["label"], language) or finding["focus"],
            "message": spoken(finding["message"], language),
        }
        for finding in report["findings"]
    ]
    if rows:
        show_rows(columns, rows)
    counts = ", ".join(f"{severity}: {count}" for severity, count in report["counts"].items())
    say(f"The data {'is not valid' if report['violations'] else 'is valid'}. {counts}")
