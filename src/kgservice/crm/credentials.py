"""Credentials: named in the settings of a source, kept in the environment or in a file of secrets."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kgservice.crm.declared import Declared, read_toml
from kgservice.errors import BadInput, Unauthorised
from kgservice.phrases import Phrase

SECRETS = "secrets.toml"
# What the names of headers and parameters hold that say who asks.
_CREDENTIAL = re.compile(
    r"authorization|\bauth\b|cookie|password|passwd|secret|credential|(api|subscription)[-_.]?key"
    r"|(access|api|auth)[-_.]?token|^token$|-token$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Credential:
    """Where one credential is: the variable `env` of the environment, or the key `secret` of the file."""

    env: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The credentials of a source in clear: never shown, and taken out of what is said."""

    _values: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self._values)})"

    def get(self, name: str) -> str | None:
        """The credential by the name that the source's kind has for it, or None."""
        return self._values.get(name)

    def need(self, name: str, source: str) -> str:
        """The same. Raises `BadInput` when the settings name none."""
        value = self._values.get(name)
        if value is None:
            raise BadInput("credentials.{name} is missing", name=name, source=source)
        return value

    def hidden(self, text: str) -> str:
        """The text with each credential in it made unreadable."""
        for value in sorted(self._values.values(), key=len, reverse=True):
            text = text.replace(value, "…")
        return text


def read_credentials(declared: Declared) -> dict[str, Credential]:
    """The credentials that settings name. Raises `BadInput` for one that is written down there."""
    found = {}
    for name, value in declared.rest().items():
        if not isinstance(value, dict):
            raise declared.fault(
                name, 'is written down; name where it is: { env = "VARIABLE" } or { secret = "key" }'
            )
        inner = Declared(value, declared.source, f"{declared.path}{name}.")
        credential = Credential(inner.text("env", ""), inner.text("secret", ""))
        inner.finish()
        if bool(credential.env) == bool(credential.secret):
            raise declared.fault(name, 'says one of { env = "VARIABLE" } and { secret = "key" }')
        found[name] = credential
    return found


def not_written(declared: Declared, key: str, names: Iterable[str]) -> None:
    """Raise `BadInput` for a header or parameter that holds a credential: it would be written down there."""
    for name in names:
        if _CREDENTIAL.search(name):
            raise declared.fault(
                f"{key}.{name}",
                "is a credential that is written down; name it in credentials (token, user, password), and"
                " its header in token_header",
            )


def resolve(
    credentials: Mapping[str, Credential], file: Path, source: str, environ: Mapping[str, str] | None = None
) -> Secrets:
    """The credentials in clear, from the environment and the file of secrets.

    Raises `Unauthorised` for a variable or key that is not there, `BadInput` for a file that others on this
    machine can read.
    """
    environ = os.environ if environ is None else environ
    kept: dict[str, object] = {}
    if any(c.secret for c in credentials.values()):
        if not file.is_file():
            raise Unauthorised("there is no file {name} with the secrets", name=file.name, source=source)
        if os.name == "posix" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise BadInput("others can read it; take their rights away (chmod 600)", source=file.name)
        kept = read_toml(file)
    values = {}
    for name, credential in credentials.items():
        where, value = (
            (Phrase("the environment variable {name}", name=credential.env), environ.get(credential.env))
            if credential.env
            else (
                Phrase("the key {name} of {file}", name=credential.secret, file=file.name),
                kept.get(credential.secret),
            )
        )
        if not isinstance(value, str) or not value:
            raise Unauthorised("{where} is not set", where=where, source=source)
        values[name] = value
    return Secrets(values)
