"""`kgservice crm lookup`: who of the customers of the graph new records of a CRM may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from kgservice.cli.answers import put_json, say, show_rows
from kgservice.cli.backend import connected
from kgservice.cli.options import (
    JsonOption,
    Language,
    LanguageOption,
    StoreOption,
    TokenOption,
    UrlOption,
    existing_path,
    settings_for,
    unicode_text,
)
from kgservice.errors import BadParameter

WORDS = {
    "de": {
        "record": "Datensatz",
        "customer": "Kunde",
        "name": "Name",
        "probability": "Sicherheit",
        "weight": "Gewicht (Bit)",
        "fields": "Felder (Bit)",
        "nobody": "Niemand im Graphen kommt in Frage: {}",
    },
    "en": {
        "record": "record",
        "customer": "customer",
        "name": "name",
        "probability": "confidence",
        "weight": "weight (bits)",
        "fields": "fields (bits)",
        "nobody": "It may be nobody in the graph: {}",
    },
}
_COLUMNS = ("record", "name", "probability", "weight", "fields", "customer")


class Kind(StrEnum):
    """The kinds of customers."""

    PERSONS = "persons"
    ORGANISATIONS = "organisations"


def lookup(
    kind: Annotated[Kind, typer.Argument(help="Whom the records are about.")],
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field",
            metavar="COLUMN=VALUE",
            help="What the new record says, such as family_name=Krüger; once for each column, and several "
            "times for email, phone and iban.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="A file of records: CSV with the columns as headings, or JSON.",
            parser=existing_path,
            metavar="FILE",
        ),
    ] = None,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Tell who in the graph new records of a CRM may be, the likeliest first. Nothing is written.

    Only customers who may be matched now are compared. The columns are those of the table of canonical rows.

    Examples:

      kgservice crm lookup persons --field family_name=Krüger --field email=anna@firma.example

      kgservice crm lookup organisations --file new.csv --json
    """
    from kgservice.application.sources.asked_records import asked_rows  # noqa: PLC0415 - few need it
    from kgservice.application.sources.record_files import read_records  # noqa: PLC0415

    if bool(field) == bool(file):
        raise BadParameter("give the record by --field, or records by --file", source="--field")
    if file is not None:
        records, named = read_records(file, kind.value)
        asked_rows(kind.value, records, named, most=None)  # what is wrong is told by its line
    else:
        records = [_record(kind.value, field or [])]
        asked_rows(kind.value, records, lambda _: "--field")
    with connected(settings_for(store, token), url) as backend:
        found = backend.links.candidates(kind.value, records)
    if as_json:
        put_json(found)
    else:
        _show(found["records"], WORDS[language.value])


def _record(kind: str, fields: Sequence[str]) -> dict[str, Any]:
    """A record from what stands after `--field`. Raises `BadParameter`."""
    from kgservice.crm.canonical import CANONICAL  # noqa: PLC0415

    columns, record = CANONICAL[kind], dict[str, Any]()
    for field in fields:
        name, equals, value = unicode_text(field, "--field").partition("=")
        if not equals or name not in columns:
            raise BadParameter(
                "{field!r} is not COLUMN=VALUE with one of {columns}",
                field=field[:80],
                columns=", ".join(columns),
                source="--field",
            )
        if columns[name].endswith("[]"):
            record.setdefault(name, []).append(value)
        elif name in record:
            raise BadParameter("{name!r} is given twice", name=name, source="--field")
        else:
            record[name] = value == "true" if value in {"true", "false"} else value
    return record


def _show(records: Sequence[Mapping[str, Any]], words: Mapping[str, str]) -> None:
    """Show the candidates of all records as one table, and say which have none."""
    rows, nobody = [], []
    for number, record in enumerate(records, 1):
        name = record["key"] or str(number)
        if not record["candidates"]:
            nobody.append(name)
        for one in record["candidates"]:
            weights = [f"{each['field']} {each['weight']:+.2f}" for each in one["fields"] if each["weight"]]
            cells = (
                name,
                one["customerName"] or "",
                f"{one['probability']:.3f}",
                f"{one['weight']:+.2f}",
                ", ".join(weights),
                one["customer"],
            )
            rows.append(dict(zip(_COLUMNS, cells, strict=True)))
    if rows:
        show_rows(
            [words[column] for column in _COLUMNS],
            [{words[column]: row[column] for column in _COLUMNS} for row in rows],
        )
    if nobody:
        say(words["nobody"].format(", ".join(nobody)))
