"""The settings of a deployment: one typed table, filled from `KGSERVICE_…` variables and the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from kgservice.errors import BadParameter


def _setting(default: Any, help_text: str) -> Any:
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their defaults; each is documented in `docs/settings.md`."""

    base: str = _setting("https://kg.example/", "Base IRI of instances, graphs, views; ends with `/` or `#`.")
    store: Path = _setting(Path("data/store"), "Directory of the embedded store.")
    host: str = _setting("127.0.0.1", "Address to listen on; only loopback addresses are allowed so far.")
    port: int = _setting(8000, "TCP port to listen on; 0 takes a free one.")
    token: str = _setting("", "Access token; empty: a new one is made at each start and printed as a link.")
    max_body: int = _setting(64 * 1024 * 1024, "Largest request body, in bytes.")
    max_query: int = _setting(1024 * 1024, "Longest SPARQL query, in bytes.")
    language: str = _setting("de", "Language of pages when the browser does not say: `de` or `en`.")

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ, **given: Any) -> Settings:
        """The settings given explicitly, else from the environment, else the defaults.

        Raises `BadParameter` for a variable that cannot be read as its type.
        """
        hints = get_type_hints(cls)
        values: dict[str, Any] = {}
        for f in fields(cls):
            variable = f"KGSERVICE_{f.name.upper()}"
            if given.get(f.name) is not None:
                values[f.name] = given[f.name]
            elif variable in environ:
                try:
                    values[f.name] = hints[f.name](environ[variable])
                except ValueError:
                    raise BadParameter(
                        f"{environ[variable]!r} is not a {hints[f.name].__name__}", source=variable
                    ) from None
        return cls(**values)
