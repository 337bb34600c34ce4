"""Reading what a TOML file declares: each key of its type, with errors that name file and key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kgservice.errors import BadInput
from kgservice.phrases import Phrase


class Declared:
    """A table of a TOML file; each key is taken once, and what is left over at the end is unknown.

    `source` names the file, `path` the table within it.
    """

    def __init__(self, values: Mapping[str, Any], source: str, path: str = "") -> None:
        self._values = dict(values)
        self.source = source
        self.path = path

    def __bool__(self) -> bool:
        return bool(self._values)

    def fault(self, key: str, detail: str, /, **values: object) -> BadInput:
        """The error about a key: `detail` says what it is or does, with `{name}` for each of the values."""
        what = Phrase(detail, **values)
        return BadInput("{key} {what}", key=f"{self.path}{key}", what=what, source=self.source)

    def text(self, key: str, default: str | None = None, *, among: tuple[str, ...] = ()) -> str:
        """A text that is not empty. Raises `BadInput` if there is none and no default."""
        value = self._taken(key, str, "is not a text", default)
        if default is None and not value:
            raise self.fault(key, "is an empty text")
        if among and value not in among and value != default:
            raise self.fault(key, "is none of {names}", names=", ".join(among))
        return str(value)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """True or false."""
        return bool(self._taken(key, bool, "is not true or false", default))

    def number(self, key: str, default: int) -> int:
        """A whole number above 0."""
        value = self._taken(key, int, "is not a whole number", default)
        if isinstance(value, bool) or value < 1:
            raise self.fault(key, "is no whole number above 0")
        return int(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, or one; empty if there is none."""
        value = self._values.pop(key, [])
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(x, str) and x for x in listed):
            raise self.fault(key, "is not made of texts")
        return tuple(listed)

    def strings(self, key: str) -> dict[str, str]:
        """A table of texts; empty if there is none."""
        value = self._taken(key, dict, "is not a table", {})
        if not all(isinstance(x, str | int) and not isinstance(x, bool) for x in value.values()):
            raise self.fault(key, "is not made of texts")
        return {name: str(x) for name, x in value.items()}

    def anything(self, key: str) -> dict[str, Any]:
        """A table that somebody else understands; empty if there is none."""
        return dict(self._taken(key, dict, "is not a table", {}))

    def listed(self, key: str) -> list[Any]:
        """A list that somebody else understands; empty if there is none."""
        return list(self._taken(key, list, "is not a list", []))

    def table(self, key: str) -> Declared:
        """A table within this one; empty if there is none."""
        return Declared(self.anything(key), self.source, f"{self.path}{key}.")

    def tables(self, key: str) -> Iterator[tuple[str, Declared]]:
        """The tables within a table, by their names."""
        for name, value in self.anything(key).items():
            if not isinstance(value, dict):
                raise self.fault(f"{key}.{name}", "is not a table")
            yield name, Declared(value, self.source, f"{self.path}{key}.{name}.")

    def rest(self) -> dict[str, Any]:
        """All that was not taken."""
        values, self._values = self._values, {}
        return values

    def finish(self) -> None:
        """Raise `BadInput` if there is a key that nobody has taken."""
        if self._values:
            raise self.fault(next(iter(self._values)), "is not known here")

    def _taken(self, key: str, kind: type, otherwise: str, default: Any) -> Any:
        value = self._values.pop(key, default)
        if value is None:
            raise self.fault(key, "is missing")
        if not isinstance(value, kind):
            raise self.fault(key, otherwise)
        return value


def read_toml(path: Path, shown: str | None = None) -> dict[str, Any]:
    """A TOML file. Raises `BadInput` that names it when it cannot be read."""
    source = shown or path.name
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadInput("cannot be read: {error}", error=error.strerror, source=source) from None
    except UnicodeDecodeError:
        raise BadInput("is not UTF-8", source=source) from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput("is no TOML: {error}", error=error, source=source) from None
