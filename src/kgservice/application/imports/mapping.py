"""A table mapping: a folder with CSVW metadata, SQL that cleans and types, SPARQL that makes the graph."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgservice.domain.sparql_limits import check_limits
from kgservice.domain.sparql_scan import Piece, Token, closing, federated, scan
from kgservice.errors import BadQuery, BadTable
from kgservice.namespaces import RDF
from kgservice.tabular.csv_records import Dialect
from kgservice.tabular.headings import plain

METADATA = "csv-metadata.json"
TERMS = "https://w3id.org/kgservice/table#"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FORMATS = {"application/sql": "sql", "application/sparql-query": "sparql"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in the SQL, the headings it goes by in files, and whether every row needs it."""

    name: str
    titles: tuple[str, ...]
    required: bool

    @property
    def title(self) -> str:
        """The heading to show to people."""
        return self.titles[0]


@dataclass(frozen=True, slots=True)
class TableMapping:
    """What a mapping folder says.

    `files` are the tables that the folder brings; `key` names the columns that identify a row, `own` the
    columns of `good` whose instances belong to one row, `earliest` the properties (IRIs) of which a shared
    instance keeps the smallest value; `predicates` are the IRIs in the CONSTRUCT templates.
    """

    title: str
    folder: Path
    files: tuple[Path, ...]
    dialect: Dialect
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    sql: str
    constructs: tuple[str, ...]
    own: tuple[str, ...]
    earliest: frozenset[str]
    predicates: frozenset[str]

    def positions(self, header: Sequence[str], source: str) -> dict[str, int]:
        """Where in a file with this header each known column stands (0-based); other columns are ignored.

        Headings are compared without case, spaces and punctuation. Raises `BadTable` that names the
        missing required columns, or a column that stands there twice.
        """
        known = {plain(t): c.name for c in self.columns for t in (*c.titles, c.name)}
        found: dict[str, int] = {}
        for position, heading in enumerate(header):
            name = known.get(plain(heading))
            if name in found:
                raise BadTable(
                    "the column {heading!r} stands there twice", heading=heading, line=1, source=source
                )
            if name is not None:
                found[name] = position
        missing = [
            c.title for c in self.columns if (c.required or c.name in self.key) and c.name not in found
        ]
        if missing:
            raise BadTable(
                "columns are missing: {missing}", missing=", ".join(missing), line=1, source=source
            )
        return found


def is_mapping(folder: Path) -> bool:
    """Whether a folder brings a table with its mapping."""
    return (folder / METADATA).is_file()


def read_mapping(folder: Path) -> TableMapping:
    """Read the mapping in `folder`. Raises `BadTable` that says what is missing or malformed, and where."""
    text = _text(folder, folder / METADATA)
    try:
        data = json.loads(text)
        json.dumps(data, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise BadTable(error.msg, line=error.lineno, column=error.colno, source=METADATA) from None
    except UnicodeEncodeError:
        raise BadTable("holds half a character (a lone surrogate)", source=METADATA) from None
    except (RecursionError, ValueError) as error:  # nested too deeply, or a number of thousands of digits
        raise BadTable("is not the metadata of a table: {error}", error=error, source=METADATA) from None
    try:
        return _mapping(folder, data)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadTable("is not the metadata of a table: {error!r}", error=error, source=METADATA) from None


def _mapping(folder: Path, data: Mapping[str, Any]) -> TableMapping:
    schema = data["tableSchema"]
    columns = tuple(_column(c) for c in schema["columns"])
    twice = [name for name, count in Counter(c.name for c in columns).items() if count > 1]
    if twice:
        raise BadTable("the schema has two columns {name!r}", name=twice[0], source=METADATA)
    key = _strings(schema["primaryKey"], "primaryKey")
    if not key:
        raise BadTable("primaryKey names no column", source=METADATA)
    if not set(key) <= {c.name for c in columns}:
        raise BadTable("primaryKey names a column that is none", source=METADATA)
    scripts: dict[str, list[str]] = {"sql": [], "sparql": []}
    for script in data["transformations"]:
        kind = _FORMATS.get(
            str(script["scriptFormat"]).removeprefix("https://www.iana.org/assignments/media-types/")
        )
        if kind is None:
            raise BadTable("cannot run {format}", format=script["scriptFormat"], source=METADATA)
        scripts[kind].append(_text(folder, _inside(folder, script["url"])))
    if not scripts["sql"] or not scripts["sparql"]:
        raise BadTable("transformations need SQL and a SPARQL CONSTRUCT", source=METADATA)
    return TableMapping(
        title=str(data.get("dc:title", folder.name)),
        folder=folder,
        files=tuple(_inside(folder, t["url"]) for t in data.get("tables", [data])),
        dialect=_dialect(data.get("dialect", {})),
        columns=columns,
        key=key,
        sql="\n;\n".join(scripts["sql"]),
        constructs=tuple(scripts["sparql"]),
        own=_strings(data.get(f"{TERMS}own", ()), "table#own"),
        earliest=frozenset(_strings(data.get(f"{TERMS}earliest", ()), "table#earliest")),
        predicates=frozenset(p for text in scripts["sparql"] for p in template_terms(text)),
    )


def _column(data: Mapping[str, Any]) -> Column:
    name = data["name"]
    if not _NAME.fullmatch(name) or name == "line":
        raise BadTable(
            "{name!r} is no column name: lower-case letters, digits and _", name=name, source=METADATA
        )
    titles = data.get("titles", name)
    if isinstance(titles, Mapping):  # by language
        titles = [title for of in titles.values() for title in _strings(of, "titles")]
    return Column(name, _strings(titles, "titles") or (name,), bool(data.get("required", False)))


def _dialect(data: Mapping[str, Any]) -> Dialect:
    try:
        return Dialect(data.get("delimiter", ","), data.get("quoteChar", '"'), data.get("encoding", "utf-8"))
    except BadTable as error:
        raise BadTable(error.detail, source=METADATA) from None


def _strings(value: object, what: str) -> tuple[str, ...]:
    """One string, or a list of them."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list | tuple) or not all(isinstance(v, str) for v in values):
        raise BadTable("{what} is a string or a list of strings", what=what, source=METADATA)
    return tuple(values)


def _inside(folder: Path, url: str) -> Path:
    path = folder / url
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # a zero byte, a link to itself
        raise BadTable("{url!r} is no name of a file", url=url[:80], source=METADATA) from None
    if not inside:
        raise BadTable("{url!r} leads out of the folder", url=url, source=METADATA)
    return path


def shown(path: Path, folder: Path) -> str:
    """A file's name for people: from the folder of the mapping on, never where that is."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def _text(folder: Path, path: Path) -> str:
    source = shown(path, folder)
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise BadTable("cannot be read: {error}", error=error.strerror, source=source) from None
    except UnicodeDecodeError:
        raise BadTable("is not UTF-8", source=source) from None


def template_terms(text: str) -> Iterator[str]:
    """The IRIs that a CONSTRUCT template names, its predicates among them.

    Raises `BadTable` for a query that is no CONSTRUCT, that would ask another server, or that is nested too
    deep to be parsed.

    >>> sorted(template_terms("PREFIX x: <u:> CONSTRUCT { ?a x:b <u:c> } WHERE { ?a x:d ?e }"))
    ['u:b', 'u:c']
    """
    try:
        pieces = scan(text)
        check_limits(text, pieces)
        start = next((i for i, p in enumerate(pieces) if p.is_word("CONSTRUCT")), None)
        if start is None or federated(pieces):
            raise BadTable("the graph of a row is a CONSTRUCT without SERVICE")
        opening = next((i for i in range(start, len(pieces)) if pieces[i].is_mark("{")), start)
        template = pieces[opening : closing(pieces, opening)]
    except BadQuery as error:
        raise BadTable(error.detail, line=error.line, column=error.column) from None
    prefixes = {
        pieces[i + 1].text: pieces[i + 2].text[1:-1] for i in range(start) if pieces[i].is_word("PREFIX")
    }
    return iter({term for piece in template if (term := _expanded(piece, prefixes))})


def _expanded(piece: Piece, prefixes: Mapping[str, str]) -> str | None:
    if piece.token is Token.IRI:
        return piece.text[1:-1]
    if piece.token is Token.NAME:
        prefix, _, local = piece.text.partition(":")
        return prefixes.get(f"{prefix}:", "") + local
    return f"{RDF}type" if piece.text == "a" else None
