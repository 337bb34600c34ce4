"""Answers in a terminal: which format is asked for, and how rows, graphs and chains are shown."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, BinaryIO, cast

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kgservice.cli import logs
from kgservice.domain.question import NAMING, TRUTH
from kgservice.errors import BadParameter, NotAcceptable
from kgservice.namespaces import PREFIXES, XSD
from kgservice.phrases import filled, noun
from kgservice.store.base import Choose, Kind
from kgservice.store.formats import GRAPH_FORMATS, JSON, RESULT_FORMATS, TURTLE, XML, Format

TABLE = "table"
_NOUNS = {"candidates": "candidate|candidates", "rows": "row|rows"}
_FRACTIONS = frozenset({f"{XSD}decimal", f"{XSD}double", f"{XSD}float"})
_LONG = re.compile(r"-?\d+\.\d{5,}")
_BY_NAME = {fmt.name: fmt for fmt in RESULT_FORMATS + GRAPH_FORMATS}

FormatOption = Annotated[
    str,
    typer.Option(
        "--format",
        "-f",
        help=f"{TABLE}, or one of {', '.join(_BY_NAME)} for exact bytes.",
    ),
]


def chooser(formats: Sequence[Format]) -> tuple[Choose, Callable[[], Format]]:
    """A function for the store that picks the first of `formats` fit for an answer, and one that tells which.

    The first raises `NotAcceptable` when none fits.
    """
    picked: list[Format] = []

    def choose(kind: Kind) -> Format:
        for fmt in formats:
            if fits(fmt, kind):
                picked.append(fmt)
                return fmt
        names = ", ".join(fmt.name for fmt in RESULT_FORMATS + GRAPH_FORMATS if fits(fmt, kind))
        raise NotAcceptable(
            "the answer is of kind {kind}; it can be written as {names}", kind=kind.value, names=names
        )

    return choose, lambda: picked[-1]


def fits(fmt: Format, kind: Kind) -> bool:
    """Whether an answer of this kind can be written in the format."""
    match kind:
        case Kind.GRAPH:
            return fmt.rdf is not None
        case Kind.BOOLEAN:
            return fmt in (JSON, XML)
        case Kind.SOLUTIONS:
            return fmt.results is not None


def asked(name: str, *, as_json: bool) -> str:
    """The format's name, `json` for `--json`. Raises `BadParameter` for an unknown one."""
    if as_json:
        return JSON.name
    if name != TABLE and name not in _BY_NAME:
        raise BadParameter(
            "{name!r} is none of {table}, {others}",
            name=name,
            table=TABLE,
            others=", ".join(_BY_NAME),
            source="--format",
        )
    return name


def graph_format(name: str) -> Format:
    """The graph format of that name. Raises `BadParameter` for another."""
    found = next((fmt for fmt in GRAPH_FORMATS if fmt.name == name), None)
    if found is None:
        raise BadParameter(
            "{name!r} is none of {formats}",
            name=name,
            formats=", ".join(fmt.name for fmt in GRAPH_FORMATS),
            source="--format",
        )
    return found


def answer(
    run: Callable[[Sequence[Format], BinaryIO], Format],
    name: str,
    explained: Sequence[Mapping[str, Any]] = (),
    language: str = "de",
) -> None:
    """Run something that writes an answer, and show it: as a table, or as exact bytes in the named format.

    `explained`: the columns of a saved question, for heads and words in the language.
    """
    if name != TABLE:
        formats = [_BY_NAME[name], TURTLE] if name == JSON.name else [_BY_NAME[name]]
        out = _Ended(sys.stdout.buffer)
        run(formats, cast(BinaryIO, out))
        out.end()
        sys.stdout.buffer.flush()
        return
    body = io.BytesIO()
    fmt = run([JSON, TURTLE], body)
    if fmt is TURTLE:
        sys.stdout.buffer.write(body.getvalue())
        return
    document = json.loads(body.getvalue())
    if "boolean" in document:
        print("yes" if document["boolean"] else "no")
    else:
        rows = document["results"]["bindings"]
        columns, left_out = named_columns(document["head"]["vars"])
        heads = {column["name"]: column["label"][language] for column in explained}
        show = rounded if explained else shown
        cells = [{k: show(v) for k, v in row.items()} for row in rows]
        for column in explained:
            words = {code: texts[language] for code, texts in {**TRUTH, **column["values"]}.items()}
            for row in cells:
                row[column["name"]] = words.get(row.get(column["name"], ""), row.get(column["name"], ""))
        show_rows([heads.get(c, c) for c in columns], [_under(heads, row) for row in cells])
        if left_out:
            say(f"Their IRIs ({', '.join(left_out)}) are in --format csv.")


def _under(heads: Mapping[str, str], row: Mapping[str, str]) -> dict[str, str]:
    """The cells of a row by the heads of their columns; what has no name is shown by its IRI.

    >>> _under({"issue": "Issue", "issueLabel": "Issue"}, {"issue": "ci:A", "issueLabel": ""})
    {'Issue': 'ci:A'}
    """
    under: dict[str, str] = {}
    for name, text in row.items():
        head = heads.get(name, name)
        under[head] = text if text or head not in under else under[head]
    return under


class _Ended(io.RawIOBase):
    """Passes bytes on, and ends a text without a line feed with one: JSON comes without."""

    def __init__(self, out: BinaryIO) -> None:
        super().__init__()
        self._out = out
        self._last = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        piece = bytes(data)
        self._last = piece[-1:] or self._last
        self._out.write(piece)
        return len(piece)

    def end(self) -> None:
        """Write the line feed, unless there is one or nothing was written."""
        if self._last not in {b"", b"\n"}:
            self._out.write(b"\n")


def named_columns(columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """The columns to show, and those left out: `x` where there is `xTitle`, `xLabel` or `xName`.

    >>> named_columns(["issue", "issueLabel", "closed"])
    (['issueLabel', 'closed'], ['issue'])
    """
    left_out = [name for name in columns if {name + suffix for suffix in NAMING} & set(columns)]
    return [name for name in columns if name not in left_out], left_out


def show_rows(columns: Sequence[str], rows: Sequence[dict[str, str]]) -> None:
    """Show rows as a table, with the number of rows below it (on the error stream)."""
    table = Table(header_style="bold", expand=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(row.get(column, "")) for column in columns))
    Console().print(table)
    Console(stderr=True).print(filled("{n:row|rows}", {"n": len(rows)}), style="dim")


def shown(term: dict[str, str]) -> str:
    """A term of SPARQL results JSON as people read it: IRIs with their prefix, literals by their value.

    >>> shown({"type": "uri", "value": "https://w3id.org/kgservice/ci#PainPoint"})
    'ci:PainPoint'
    """
    value = term["value"]
    match term["type"]:
        case "uri":
            for prefix, namespace in PREFIXES.items():
                if value.startswith(namespace) and "/" not in value[len(namespace) :]:
                    return f"{prefix}:{value[len(namespace) :]}"
            return value
        case "bnode":
            return f"_:{value}"
        case _:
            return value


def rounded(term: dict[str, str]) -> str:
    """The same, with at most four decimals unless none of them says anything.

    >>> rounded({"type": "literal", "datatype": f"{XSD}decimal", "value": "0.171016483516483516"})
    '0.171'
    """
    value = shown(term)
    if term.get("datatype") in _FRACTIONS and _LONG.fullmatch(value):
        short = f"{Decimal(value):.4f}".rstrip("0").rstrip(".")
        return value if short in {"0", "-0"} else short
    return value


def counts(found: Mapping[str, int]) -> str:
    """Numbers by what they count, in words.

    >>> counts({"candidates": 1, "accepted": 2})
    '1 candidate, 2 accepted'
    """
    return ", ".join(f"{number} {noun(number, _NOUNS.get(what, what))}" for what, number in found.items())


def put_json(value: Any) -> None:
    """Write a value as JSON to standard output."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    print(text.encode(errors="replace").decode())  # names of files need not be UTF-8


def say(text: str) -> None:
    """A message for people, on the error stream; a line of the log where that is one for programs."""
    if logs.in_json():
        logging.getLogger("kgservice").info(text)
    else:
        print(text, file=sys.stderr)
