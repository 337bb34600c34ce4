"""The file format of saved questions: SPARQL under a header, one TOML document in comment lines.

`docs/questions.md` describes it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pyoxigraph import NamedNode

from kgservice.domain.question import (
    LANGUAGES,
    NAMING,
    PLACE,
    TYPES,
    Column,
    Parameter,
    Question,
    Text,
    listed,
    term,
)
from kgservice.domain.small_groups import COLUMNS, COUNTED, OF_PERSONS, PERSONS, PLACE_OF_PERSONS
from kgservice.domain.unseen import needs_everything
from kgservice.errors import BadInput, BadParameter
from kgservice.namespaces import expand

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_ARTICLE = re.compile(r"(Der|Die|Das|Ein|Eine|The|A|An) ")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*\Z")
_TOML_PLACE = re.compile(r"\s*\(at line (\d+), column (\d+)\)")
_TOP = {"number", "title", "description", "needs", "persons", "parameters", "columns"}
_PARAMETER = {"type", "class", "label", "description", "default", "required", "values"}
OWN = ("profile", "consentAge", PLACE_OF_PERSONS)
"""Places that are no parameters: what the deployment decides (`Policy`), and what is counted, gets there."""
_RESERVED = ("format", *OWN)
_COLUMN = {*LANGUAGES, "label", "values", "persons", "part_of"}

_Fail = Callable[..., BadInput]


@lru_cache(maxsize=512)
def parse(text: str, *, id: str, group: str, path: str) -> Question:  # noqa: A002
    """The question in the text of one file; raises `BadInput` with file and line where it is broken.

    What has been parsed is kept by its text: the files are read more than once in a process.
    """
    raw, first_body_line = _header(text, path)
    if not _ID.match(id):
        raise BadInput(
            f"{id!r} is no question id (lower-case letters, digits and single hyphens)", source=path
        )

    if not "".join(text.splitlines()[first_body_line - 1 :]).strip():
        raise BadInput("there is no query after the header", source=path, line=first_body_line)

    def fail(detail: str, key: str = "") -> BadInput:
        return BadInput(detail, source=path, line=_line_of(text, key))

    for key in raw:
        if key not in _TOP:
            raise fail(f"the header has an unknown entry {key!r}", key)
    number = raw.get("number")
    if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
        raise fail("number must be an integer", "number")
    needs = raw.get("needs", [])
    if not isinstance(needs, list) or not all(isinstance(n, str) for n in needs):
        raise fail("needs must be a list of names", "needs")
    parameters = tuple(
        _parameter(name, table, fail)
        for name, table in _tables(raw.get("parameters", {}), "parameters", fail)
    )
    columns: dict[str, Column] = {}
    for name, table in _tables(raw.get("columns", {}), "columns", fail):
        columns[name] = _column(name, table, columns.get(named_by(name)), fail)
    if not columns:
        raise fail("the header declares no columns")
    persons = _persons(raw, columns, fail)
    places = {place[1]: place.start() for place in PLACE.finditer(text)}
    for parameter in parameters:
        if parameter.name not in places:
            raise fail(
                f"the query has no place `VALUES ?{parameter.name} {{ UNDEF }}` for its parameter",
                f"parameters.{parameter.name}",
            )
    for name, start in places.items():
        if name not in OWN and all(p.name != name for p in parameters):
            raise BadInput(
                f"the place of ?{name} belongs to no parameter",
                source=path,
                line=text.count("\n", 0, start) + 1,
            )
    return Question(
        id=id,
        group=group,
        number=number,
        title=_texts(raw.get("title"), "title", fail),
        description=_texts(raw.get("description"), "description", fail),
        needs=tuple(needs),
        persons=persons,
        everything=needs_everything(text),
        parameters=parameters,
        columns=columns,
        text=text,
        path=path,
    )


def _persons(raw: Mapping[str, Any], columns: Mapping[str, Column], fail: _Fail) -> str:
    """What the question says of persons; what its columns say of them fits to that."""
    persons = raw.get("persons")
    if persons not in PERSONS:
        raise fail(f"persons must be one of {listed(PERSONS)}", "persons")
    if (persons == COLUMNS) != any(column.persons for column in columns.values()):
        raise fail(f"persons = {COLUMNS!r} goes with columns that say what they tell of persons", "persons")
    for name, column in columns.items():
        whole = columns.get(column.part_of)
        if column.part_of and (column.persons != COUNTED or whole is None or not whole.persons):
            raise fail(f"columns.{name}.part_of goes with a count, and names another", f"columns.{name}")
    return str(persons)


def _header(text: str, path: str) -> tuple[dict[str, Any], int]:
    """The header's TOML values and the number (1-based) of the first line after it."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#+"):
            break
        lines.append(line[2:].removeprefix(" "))
    if not lines:
        raise BadInput("the file does not start with a header of `#+` lines", source=path, line=1)
    try:
        return tomllib.loads("\n".join(lines)), len(lines) + 1
    except tomllib.TOMLDecodeError as e:
        found = _TOML_PLACE.search(str(e))
        at = int(found[1]) if found else len(lines)
        column = int(found[2]) + 3 if found else None
        raise BadInput(
            f"the header is not TOML: {_TOML_PLACE.sub('', str(e))}", source=path, line=at, column=column
        ) from None


def _line_of(text: str, key: str) -> int:
    """The line (1-based) of the header where `key` or else what it is part of stands, else 1."""
    while key:
        entry = re.compile(rf"#\+ (\[{re.escape(key)}\]|{re.escape(key)}\b)")
        for number, line in enumerate(text.splitlines(), 1):
            if entry.match(line):
                return number
        key = key.rpartition(".")[0]
    return 1


def _tables(value: Any, key: str, fail: _Fail) -> Iterable[tuple[str, Mapping[str, Any]]]:
    if not isinstance(value, dict) or not all(isinstance(v, dict) for v in value.values()):
        raise fail(f"{key} must be tables `[{key}.name]`", key)
    for name in value:
        if not _NAME.match(name):
            raise fail(f"{name!r} is no name of a variable (letters and digits)", f"{key}.{name}")
    return list(value.items())


def _texts(value: Any, key: str, fail: _Fail) -> Text:
    if not isinstance(value, dict):
        raise fail(f"{key} must have a text .de and .en", key)
    for language in LANGUAGES:
        if not isinstance(value.get(language), str) or not value[language].strip():
            raise fail(f"{key}.{language} is missing or no text", key)
    if set(value) != set(LANGUAGES):
        raise fail(f"{key} may only have .de and .en", key)
    return {language: value[language] for language in LANGUAGES}


def _column(name: str, table: Mapping[str, Any], named: Column | None, fail: _Fail) -> Column:
    """The column; one that names another (`named`) has the other's label unless it has its own."""
    key = f"columns.{name}"
    for entry in table:
        if entry not in _COLUMN:
            raise fail(f"{key} has an unknown entry {entry!r}", key)
    meaning = _texts({k: v for k, v in table.items() if k in LANGUAGES}, key, fail)
    if table.get("persons", COUNTED) not in OF_PERSONS:
        raise fail(f"{key}.persons must be one of {listed(OF_PERSONS)}", key)
    values = table.get("values", {})
    if not isinstance(values, dict):
        raise fail(f"{key}.values must have a text .de and .en for each code", key)
    label = named.label if named else {language: _head(text) for language, text in meaning.items()}
    return Column(
        label=_texts(table["label"], f"{key}.label", fail) if "label" in table else label,
        meaning=meaning,
        values={code: _texts(words, f"{key}.values.{code}", fail) for code, words in values.items()},
        persons=str(table.get("persons", "")),
        part_of=str(table.get("part_of", "")),
    )


def _head(meaning: str) -> str:
    """A short head from what a column means: its first clause, without the article.

    >>> _head("The evidence; empty when there is none.")
    'Evidence'
    """
    clause = _ARTICLE.sub("", re.split(r"[;:,(]", meaning)[0].strip().removesuffix("."), count=1)
    return clause[:1].upper() + clause[1:]


def _parameter(name: str, table: Mapping[str, Any], fail: _Fail) -> Parameter:
    key = f"parameters.{name}"
    for entry in table:
        if entry not in _PARAMETER:
            raise fail(f"{key} has an unknown entry {entry!r}", key)
    kind = table.get("type")
    if kind not in TYPES:
        raise fail(f"{key}.type must be one of {listed(TYPES)}", key)
    if name in _RESERVED:
        raise fail(f"{name!r} is reserved and cannot be a parameter", key)
    of_class = None
    if (kind == "instance") != ("class" in table):
        raise fail(f"{key}.class goes with type instance, and only with it", key)
    if kind == "instance":
        try:
            of_class = NamedNode(expand(str(table["class"])))
        except ValueError:
            raise fail(f"{key}.class is no IRI", key) from None
    default = table.get("default")
    required = table.get("required", False)
    if not isinstance(required, bool) or (required and default is not None):
        raise fail(f"{key}.required must be true or false, and true only without default", key)
    parameter = Parameter(
        name=name,
        type=kind,
        label=_texts(table.get("label"), f"{key}.label", fail),
        description=_texts(table["description"], f"{key}.description", fail)
        if "description" in table
        else None,
        default=None if default is None else _lexical(default),
        required=required,
        values=tuple(_lexical(v) for v in table.get("values", ())),
        of_class=of_class,
    )
    if parameter.default is not None:
        try:
            term(parameter, parameter.default, now=datetime(2000, 1, 1, tzinfo=UTC), ids="urn:uuid:")
        except BadParameter as e:
            raise fail(f"the default of {name!r} does not fit: {e.detail}", key) from None
    return parameter


def _lexical(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def named_by(column: str) -> str:
    """The column that a column called like this holds the names of, or nothing.

    >>> named_by("issueLabel"), named_by("issue"), named_by("Name")
    ('issue', '', '')
    """
    for suffix in NAMING:
        if column.endswith(suffix):
            return column.removesuffix(suffix)
    return ""
