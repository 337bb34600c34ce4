"""What rows become in the graph: what a source says of its tickets, deals and preferences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kgservice.crm.declared import Declared
from kgservice.errors import BadInput
from kgservice.namespaces import expand

DEFAULTS = Path(__file__).parent / "constructs"
TABLES = ("tickets", "deals", "preferences")
"""The canonical tables whose rows are about a customer."""
OTHERWISE = "*"
"""The name under which `uses` says what holds for all channels that it does not name."""
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]+")
# The stages of CRMs that mean that a deal was concluded, in small letters.
_WON = ("won", "closed won", "closedwon", "converted", "gewonnen", "abgeschlossen und gewonnen")


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a consent says that is made of a preference whose row tells how it was given.

    All but the person, the moment and the way it was given: IRIs of notice and controller, of purposes and
    categories; how long (in days) data is kept and the consent holds.
    """

    notice: str
    controller: str
    purposes: tuple[str, ...]
    categories: tuple[str, ...]
    recipients: tuple[str, ...]
    storage_place: str
    jurisdiction: str
    withdrawal_way: str
    retention: int
    days: int


@dataclass(frozen=True, slots=True)
class Becoming:
    """How rows become statements: the project, what holds of all of them, and the CONSTRUCT of each table.

    `uses`: of each table, the use of a method (IRI) by which its rows came in, by channel in small letters.
    `won`: the stages, in small letters, in which a deal is concluded. `screened_by`: who has read the texts
    for special categories of data; without it nobody has. `constructs`: tables without one are left alone.
    """

    project: str
    purposes: tuple[str, ...]
    legal_basis: str
    confidentiality: str
    language: str
    screened_by: str
    uses: Mapping[str, Mapping[str, str]]
    won: frozenset[str]
    consent: Agreement | None
    constructs: Mapping[str, str] = field(repr=False)

    def use(self, table: str, channel: str | None) -> str | None:
        """The use of a method by which a row of a table came in; None where the source does not say."""
        of = self.uses[table]
        return of.get((channel or OTHERWISE).strip().lower(), of.get(OTHERWISE))


def read_becoming(declared: Declared, folder: Path) -> Becoming | None:
    """Read the table `graph` of a source's settings; None if there is none. Raises `BadInput`."""
    if not declared:
        return None
    project, screened = _iri(declared, "project"), declared.text("screened_by", "")
    purposes = iris(declared, "purposes")
    basis = _iri(declared, "legal_basis", "dpv:ExpressedConsent")
    level = _iri(declared, "confidentiality", "ci:Internal")
    language = declared.text("language", "de")
    if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", language) is None:
        raise declared.fault("language", "is no language tag")
    uses, constructs = {}, {}
    won = frozenset(_WON)
    for name in TABLES:
        table = declared.table(name)
        if not table:
            continue
        by_channel = table.strings("uses")
        if use := table.text("use", ""):
            by_channel[OTHERWISE] = use
        if not by_channel:
            raise table.fault("use", "is missing: the use of a method by which the rows came in")
        uses[name] = {
            channel.strip().lower(): _named(table, "uses", iri) for channel, iri in by_channel.items()
        }
        file = table.text("construct", "")
        constructs[name] = _read(table, folder, file) if file else _default(name)
        if name == "deals" and (stages := table.texts("won")):
            won = frozenset(stage.strip().lower() for stage in stages)
        table.finish()
    consent = _agreement(declared.table("consent"))
    declared.finish()
    if not constructs:
        raise declared.fault(TABLES[0], "is missing, and so are {names}", names=", ".join(TABLES[1:]))
    screened_by = _named(declared, "screened_by", screened) if screened else ""
    return Becoming(project, purposes, basis, level, language, screened_by, uses, won, consent, constructs)


def iris(declared: Declared, key: str) -> tuple[str, ...]:
    """The IRIs that a key lists. Raises `BadInput` for what is none."""
    return tuple(_named(declared, key, one) for one in declared.texts(key))


def _agreement(declared: Declared) -> Agreement | None:
    if not declared:
        return None
    found = Agreement(
        _iri(declared, "notice"),
        _iri(declared, "controller"),
        iris(declared, "purposes"),
        iris(declared, "categories"),
        declared.texts("recipients"),
        declared.text("storage_place"),
        declared.text("jurisdiction"),
        declared.text("withdrawal_way"),
        declared.number("retention", 365),
        declared.number("days", 730),
    )
    for name, values in (("purposes", found.purposes), ("categories", found.categories)):
        if not values:
            raise declared.fault(name, "is missing")
    declared.finish()
    return found


def _iri(declared: Declared, key: str, default: str | None = None) -> str:
    return _named(declared, key, declared.text(key, default))


def _named(declared: Declared, key: str, value: str) -> str:
    iri = expand(value)
    if _IRI.fullmatch(iri) is None:
        raise declared.fault(key, "is no IRI: {value!r}", value=value[:80])
    return iri


def _default(table: str) -> str:
    return (DEFAULTS / f"{table}.rq").read_text(encoding="utf-8")


def _read(declared: Declared, folder: Path, name: str) -> str:
    path = folder / name
    if Path(name).is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
        raise declared.fault("construct", "is not within the folder of the source")
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise declared.fault("construct", "names {name}, which is not there", name=name) from None
    except (OSError, UnicodeDecodeError):
        raise BadInput("cannot be read as UTF-8", source=name) from None
