"""The sources that were added: where the folder of each is, kept beside the database of all."""

from __future__ import annotations

import json
from pathlib import Path

from kgservice.crm.settings import Source, read_source
from kgservice.errors import BadInput, Conflict, NotFound

_FILE = "sources.json"


def add(folder: Path, source: Source) -> None:
    """Remember a source. Raises `Conflict` if another folder has one of this name."""
    known = _read(folder)
    place = str(source.folder.resolve())
    if known.get(source.name, place) != place:
        raise Conflict(
            "there is a source {name} already, in {place}; give it another name",
            name=source.name,
            place=known[source.name],
            source=source.name,
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f"{_FILE}.part"
    part.write_text(json.dumps(known | {source.name: place}, indent=2, sort_keys=True), encoding="utf-8")
    part.replace(folder / _FILE)


def names(folder: Path) -> list[str]:
    """The names of the sources that were added."""
    return sorted(_read(folder))


def find(folder: Path, name: str) -> Source:
    """A source by its name. Raises `NotFound` if it was not added, `BadInput` if its settings are wrong."""
    place = _read(folder).get(name)
    if place is None:
        raise NotFound("there is no source {name}; add it first", name=name, source=name)
    source = read_source(Path(place))
    if source.name != name:
        raise BadInput("it is called {name} now; add it again", name=source.name, source=name)
    return source


def _read(folder: Path) -> dict[str, str]:
    try:
        known = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadInput("cannot be read: {error}", error=error, source=_FILE) from None
    if not isinstance(known, dict):
        raise BadInput("is no table of sources", source=_FILE)
    return known
