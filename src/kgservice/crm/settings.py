"""What a source is: a folder with `source.toml`, and the mapping of its tables into the canonical schema."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kgservice.crm.becoming import Becoming, iris, read_becoming
from kgservice.crm.canonical import CANONICAL
from kgservice.crm.credentials import SECRETS, Credential, read_credentials
from kgservice.crm.declared import Declared, read_toml
from kgservice.domain.crm_field import Side, Taking
from kgservice.errors import BadInput, BadParameter
from kgservice.tabular.csv_records import Dialect

SETTINGS = "source.toml"
MAPPING = "mapping.toml"
MAPPINGS = Path(__file__).parent / "mappings"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_COLUMN = re.compile(r"[a-z][a-z0-9_]*")
# Of each kind: what its tables say of where they are; the first of these that must be there.
PLACES: dict[str, tuple[str, ...]] = {
    "csv": ("file",),
    "xlsx": ("file", "sheet"),
    "parquet": ("file",),
    "sql": ("table", "query"),
    "rest": ("path",),
    "tryton": ("model",),
    "salesforce": ("object",),
    "odoo": ("model",),
}
FILES = ("csv", "xlsx", "parquet")
_UNMATCHED = ("leave", "create")
_RULES = tuple(Side)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in the SQL, the headings it goes by, and whether the source must have it."""

    name: str
    titles: tuple[str, ...]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a source and what becomes of it.

    `place` says where it is (`file`, `query`, `path`…), `options` what else the kind understands (page
    parameters, filters); `key` is the column that names a row, `cursor` the one that says when a row was
    changed, or None if the table is read as a whole. `into` gives the SELECT for each canonical table; each
    row becomes one of those in `primary`, and may become others besides.
    """

    name: str
    place: Mapping[str, str]
    options: Mapping[str, Any]
    key: str
    cursor: str | None
    columns: tuple[Column, ...]
    into: Mapping[str, str]
    primary: tuple[str, ...]

    @property
    def only(self) -> str | None:
        """The canonical table that all rows become part of; None where that depends on what they say."""
        return self.primary[0] if len(self.primary) == 1 else None


@dataclass(frozen=True, slots=True)
class Writing:
    """How the source writes: the decimal mark, the order of day and month, and its time zone."""

    decimal: str = ""
    dates: str = ""
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Source:
    """A CRM, or a file from one.

    `duplicate_free`: no two rows mean the same customer. `unmatched`: what becomes of a row that is no
    customer of the graph, `leave` or `create`; `rules`: which side holds where both differ, by field;
    `opt_out`: the purposes (IRIs) that an opt-out is about, empty for the usual ones.
    `digest` changes with what decides how rows are read; `becoming`: what the rows about customers become.
    """

    name: str
    kind: str
    folder: Path
    mapping: str
    duplicate_free: bool
    unmatched: str
    rules: Mapping[str, str]
    writing: Writing
    dialect: Dialect
    connection: Mapping[str, Any]
    credentials: Mapping[str, Credential]
    secrets: Path
    tables: tuple[Table, ...]
    digest: str = field(repr=False, default="")
    opt_out: tuple[str, ...] = ()
    becoming: Becoming | None = None

    @property
    def files(self) -> list[Path]:
        """The files that the source is in; empty if it is no file."""
        return [self.folder / t.place["file"] for t in self.tables] if self.kind in FILES else []


def ready_mappings() -> list[str]:
    """The names of the mappings that come with the package."""
    return sorted(path.parent.name for path in MAPPINGS.glob(f"*/{MAPPING}"))


def read_source(folder: Path) -> Source:
    """Read the settings in `folder`. Raises `BadInput` that names the file and the key that is wrong."""
    own = Declared(read_toml(folder / SETTINGS), SETTINGS)
    name = own.text("name")
    if not _NAME.fullmatch(name) or name == "graph":
        raise own.fault("name", "is made of small letters, digits and hyphens, and is not graph")
    kind = own.text("kind", among=tuple(PLACES))
    mapping, mapped, scripts = own.text("mapping", ""), dict[str, Any](), folder
    if mapping:
        if mapping not in ready_mappings():
            raise own.fault("mapping", "is none of {names}", names=", ".join(ready_mappings()))
        scripts = MAPPINGS / mapping
        mapped = read_toml(scripts / MAPPING, f"{mapping}/{MAPPING}")
    ready = Declared(mapped, f"{mapping}/{MAPPING}")
    ready.text("title", "")
    writing = Writing(
        own.text("decimal", "", among=(".", ",")),
        own.text("dates", "", among=("dmy", "mdy")),
        own.text("timezone", "UTC"),
    )
    duplicate_free = own.flag("duplicate_free")
    unmatched = own.text("unmatched", "leave", among=_UNMATCHED)
    rules = own.strings("rules")
    for wrong in set(rules.values()) - set(_RULES):
        raise own.fault("rules", "{wrong!r} is none of {names}", wrong=wrong, names=", ".join(_RULES))
    opt_out = iris(own, "opt_out")
    try:
        Taking(name, {column: Side(side) for column, side in rules.items()})  # it knows the fields
    except BadParameter as error:
        raise own.fault("rules", "is wrong: {error}", error=error.detail) from None
    shared = ready.table(kind).rest() if mapping else {}
    connection = shared | own.anything("connection")
    credentials = read_credentials(own.table("credentials"))
    secrets = folder / own.text("secrets", SECRETS)
    tables = _tables(own, ready, kind, scripts)
    becoming = read_becoming(own.table("graph"), folder)
    own.finish()
    source = Source(
        name,
        kind,
        folder,
        mapping,
        duplicate_free,
        unmatched,
        rules,
        writing,
        _dialect(connection) if kind == "csv" else Dialect(),
        connection,
        credentials,
        secrets,
        tables,
        opt_out=opt_out,
        becoming=becoming,
    )
    said = repr((kind, connection, writing, tables)).encode()
    return _with_digest(source, hashlib.sha256(said).hexdigest())


def _with_digest(source: Source, digest: str) -> Source:
    values = {name: getattr(source, name) for name in Source.__slots__ if name != "digest"}
    return Source(**values, digest=digest)


def _dialect(connection: Mapping[str, Any]) -> Dialect:
    declared = Declared(connection, SETTINGS, "connection.")
    dialect = Dialect(
        declared.text("delimiter", ";"), declared.text("quote", '"'), declared.text("encoding", "utf-8")
    )
    declared.finish()
    return dialect


def _tables(own: Declared, ready: Declared, kind: str, scripts: Path) -> tuple[Table, ...]:
    """The tables of a source: what the ready mapping says of them, and over it what the source says."""
    mapped = ready.anything("tables")
    found = []
    for name, declared in own.tables("tables"):
        if ready and name not in mapped:
            raise own.fault(f"tables.{name}", "is none of the mapping's: {names}", names=", ".join(mapped))
        if not _COLUMN.fullmatch(name):
            raise own.fault(f"tables.{name}", "is made of small letters, digits and underscores")
        values = dict(mapped.get(name, {}))
        kinds = {other: values.pop(other, {}) for other in PLACES}
        options = kinds[kind].get("options", {}) | declared.anything("options")
        merged = Declared(
            values | kinds[kind] | declared.rest() | {"options": options}, own.source, declared.path
        )
        found.append(_table(name, merged, kind, scripts))
    if not found:
        raise own.fault("tables", "names no table")
    # An API that lists no keys cannot tell what its own tables have of what rows bring besides.
    besides = (
        {one for table in found for one in table.into if one not in table.primary}
        if kind == "rest"
        else set()
    )
    return tuple(replace(one, cursor=None) if besides & {*one.primary} else one for one in found)


def _table(name: str, declared: Declared, kind: str, scripts: Path) -> Table:
    place = {part: text for part in PLACES[kind] if (text := declared.text(part, ""))}
    if not place or (kind not in {"sql"} and PLACES[kind][0] not in place):
        raise declared.fault(PLACES[kind][0], "is missing")
    if kind in FILES:
        _inside(declared, "file", place["file"])
    required = set(declared.texts("required"))
    columns = []
    for column, titles in declared.anything("columns").items():
        listed = [titles] if isinstance(titles, str) else titles
        if not _COLUMN.fullmatch(column) or column in {"line", "fault"}:
            raise declared.fault(f"columns.{column}", "is no name for the SQL")
        if not isinstance(listed, list) or not all(isinstance(x, str) and x for x in listed):
            raise declared.fault(f"columns.{column}", "is not made of texts")
        columns.append(Column(column, (*listed, column), column in required))
    names = {c.name for c in columns}
    key, cursor = declared.text("key"), declared.text("cursor", "")
    for what, used in (("key", {key}), ("cursor", {cursor} - {""}), ("required", required)):
        if not used <= names:
            raise declared.fault(what, "names a column that columns does not: {name}", name=min(used - names))
    into = {}
    for canonical, file in declared.strings("into").items():
        if canonical not in CANONICAL:
            raise declared.fault(f"into.{canonical}", "is none of {names}", names=", ".join(CANONICAL))
        into[canonical] = _script(declared, f"into.{canonical}", scripts, file)
    if not into:
        raise declared.fault("into", "names no SQL")
    primary = declared.texts("split") or (next(iter(into)),)
    if not set(primary) <= set(into):
        raise declared.fault("split", "names a canonical table that into does not")
    options = declared.anything("options")
    declared.finish()
    columns = [Column(c.name, c.titles, c.required or c.name == key) for c in columns]
    # Who brought a record that names no person is known of all rows alone.
    whole = any(one not in primary and "person_key" not in CANONICAL[one] for one in into)
    return Table(name, place, options, key, (not whole and cursor) or None, tuple(columns), into, primary)


def _inside(declared: Declared, key: str, name: str) -> None:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise declared.fault(key, "is not within the folder of the source")


def _script(declared: Declared, key: str, folder: Path, name: str) -> str:
    _inside(declared, key, name)
    try:
        return (folder / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise declared.fault(key, "names {name}, which is not there", name=name) from None
    except (OSError, UnicodeDecodeError):
        raise BadInput("cannot be read as UTF-8", source=name) from None
