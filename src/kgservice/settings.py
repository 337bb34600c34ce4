"""The settings of a deployment: one typed table, filled from `KGSERVICE_…` variables and the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from pyoxigraph import NamedNode

from kgservice.errors import BadParameter
from kgservice.namespaces import expand


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
    memory: int = _setting(
        1536, "Memory for copies of view and records that `serve` reads from, in MiB; 0: it reads the disk."
    )
    profile: str = _setting(
        "consent-only",
        "Legal profile: `consent-only`, personal data only with consent, or `gdpr`, any basis of Art. 6.",
    )
    confidentiality: str = _setting(
        "internal",
        "Highest confidentiality that views of purposes show: `public`, `internal` or `confidential`.",
    )
    purposes: str = _setting(
        "dpv:ResearchAndDevelopment dpv:ImproveExistingProductsAndServices "
        "dpv:CustomerRelationshipManagement dpv:ServicePersonalisation",
        "Purposes that there are views for: IRIs or short names, spaces between them; `none`: no view.",
    )
    audit_queries: str = _setting(
        "shape",
        "What the audit log keeps of a query: `none`, its `shape` without values and names, or its `text`.",
    )
    language: str = _setting("de", "Language of pages when the browser does not say: `de` or `en`.")

    @property
    def active_purposes(self) -> tuple[str, ...]:
        """The IRIs of the purposes that there are views for."""
        named = () if self.purposes.strip() == "none" else self.purposes.split()
        return tuple(dict.fromkeys(map(expand, named)))

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ, **given: Any) -> Settings:
        """The settings given explicitly, else from the environment, else the defaults.

        An empty variable counts as not set. Raises `BadParameter`, which names the variable or the setting,
        for a value that cannot be read as its type or cannot be used.
        """
        hints = get_type_hints(cls)
        values: dict[str, Any] = {}
        for f in fields(cls):
            variable = source = f"KGSERVICE_{f.name.upper()}"
            if given.get(f.name) is not None:
                values[f.name] = given[f.name]
                source = f.name
            elif environ.get(variable):
                try:
                    values[f.name] = hints[f.name](environ[variable])
                except ValueError:
                    raise BadParameter(
                        f"{environ[variable]!r} is not a {hints[f.name].__name__}", source=variable
                    ) from None
            if f.name in values and (fault := _fault(f.name, values[f.name])):
                raise BadParameter(f"{str(values[f.name])!r} {fault}", source=source)
        return cls(**values)


def _fault(name: str, value: Any) -> str | None:
    """Why the setting `name` cannot have this value, or None when it can."""
    usable: dict[str, tuple[Callable[[Any], bool], str]] = {
        "base": (_is_base, "is no absolute IRI that ends with / or #"),
        "store": (lambda path: path.name not in {"", ".."}, "is no directory with a name of its own"),
        "port": (lambda port: 0 <= port <= 65535, "is no TCP port: 0 to 65535"),
        "token": (
            lambda token: token.isprintable() and " " not in token,
            "holds a space or is not printable",
        ),
        "max_body": (lambda size: size > 0, "is no number of bytes: at least 1"),
        "max_query": (lambda size: size > 0, "is no number of bytes: at least 1"),
        "memory": (lambda size: size >= 0, "is no number of MiB: at least 0"),
        "profile": (lambda profile: profile in {"consent-only", "gdpr"}, "is neither consent-only nor gdpr"),
        "confidentiality": (
            lambda level: level in {"public", "internal", "confidential"},
            "is neither public nor internal nor confidential",
        ),
        "purposes": (
            lambda names: names.strip() == "none" or all(map(_is_iri, map(expand, names.split()))),
            "holds something that is neither an IRI nor a short name such as dpv:Marketing",
        ),
        "audit_queries": (
            lambda kept: kept in {"none", "shape", "text"},
            "is neither none nor shape nor text",
        ),
        "language": (lambda language: language in {"de", "en"}, "is neither de nor en"),
    }
    is_usable, fault = usable.get(name, (bool, "is empty"))
    return None if is_usable(value) else fault


def _is_iri(value: str) -> bool:
    try:
        return bool(NamedNode(value))
    except ValueError:
        return False


def _is_base(value: str) -> bool:
    return _is_iri(f"{value}id/0") and value.endswith(("/", "#")) and "#" not in value[:-1]
