"""The settings of a deployment: one typed table, filled from `KGSERVICE_…` variables and the command line."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from pyoxigraph import NamedNode

from kgservice.errors import BadParameter
from kgservice.namespaces import expand

# All that are made with a private key; what only knows the public key of the provider cannot sign.
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"}
)
_LOOPBACK = frozenset({ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")})
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]", re.ASCII)
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?", re.ASCII)


def _setting(default: Any, help_text: str) -> Any:
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their defaults; each is documented in `docs/settings.md`."""

    base: str = _setting("https://kg.example/", "Base IRI of instances, graphs, views; ends with `/` or `#`.")
    store: Path = _setting(Path("data/store"), "Directory of the embedded store.")
    durability: str = _setting(
        "power-loss",
        "What an answered commit survives: `power-loss`, or the end of the `process` only, which is faster.",
    )
    reserve: int = _setting(256, "Room on the disk of the store below which nothing is written, in MiB.")
    backups: str = _setting("", "Directory of backups; empty: `<store>.backups` beside the store.")
    remote: str = _setting("", "Query endpoint of a SPARQL 1.1 server to use instead of the embedded store.")
    remote_update: str = _setting("", "Its update endpoint; empty: the query endpoint.")
    remote_data: str = _setting("", "Its Graph Store Protocol endpoint; empty: the query endpoint.")
    remote_user: str = _setting("", "User name at that server (HTTP Basic).")
    remote_password: str = _setting("", "Password of that user.")
    remote_readers: str = _setting(
        "", "Query endpoints of servers that follow that one and answer queries, too, spaces between them."
    )
    host: str = _setting("127.0.0.1", "Address to listen on; another than loopback needs keys or OIDC.")
    port: int = _setting(8000, "TCP port to listen on; 0 takes a free one.")
    token: str = _setting("", "Access token; empty: each start makes a new one, printed below the link.")
    max_body: int = _setting(64 * 1024 * 1024, "Largest request body, in bytes.")
    max_query: int = _setting(1024 * 1024, "Longest SPARQL query, in bytes.")
    memory: int = _setting(
        2048, "Memory for copies of views and records that `serve` reads from, in MiB; 0: it reads the disk."
    )
    search: int = _setting(512, "Memory for full-text search, in MiB; 0: there is none.")
    cache: int = _setting(64, "Memory for answers that were given before, in MiB; 0: none are kept.")
    deadline: float = _setting(30.0, "Seconds after which a query is stopped.")
    deadlines: str = _setting(
        "",
        "Other deadlines by role: `reader=10 administrator=300`; the longest of one's roles counts.",
    )
    mapping_deadline: float = _setting(
        300.0, "Seconds after which the SQL of a mapping is stopped, and its SPARQL for a batch of rows."
    )
    query_memory: int = _setting(512, "Memory that one query may take, in MiB.")
    query_answer: int = _setting(1024, "Largest answer of a query, in MiB.")
    query_rows: int = _setting(
        200_000,
        "Solutions that one request may read into the memory of the service: WHERE of an update, Parquet.",
    )
    queries: int = _setting(
        0, "Short queries that run at the same time, and as many long ones; 0: twice the processors."
    )
    services: str = _setting(
        "", "SPARQL endpoints that queries on everything may ask by SERVICE, as exact addresses."
    )
    profile: str = _setting(
        "consent-only",
        "Legal profile: `consent-only`, personal data only with consent, or `gdpr`, any basis of Art. 6.",
    )
    confidentiality: str = _setting(
        "internal",
        "Highest confidentiality that views of purposes show: `public`, `internal` or `confidential`.",
    )
    smallest_group: int = _setting(5, "Persons below which a count is too small to be shown to readers.")
    consent_age: int = _setting(16, "Years of age below which a guardian has to authorise a consent.")
    validation: str = _setting(
        "accelerated",
        "What validates: pySHACL, `accelerated` by the package `shacl` if it is there, or `pyshacl` alone.",
    )
    open_days: int = _setting(90, "Days for which a pain point may wait for a solution.")
    expiring_days: int = _setting(30, "Days before the end of a consent from which on it is announced.")
    membership_days: int = _setting(180, "Days after which the members of a dynamic segment are stale.")
    purposes: str = _setting(
        "dpv:ResearchAndDevelopment dpv:ImproveExistingProductsAndServices "
        "dpv:CustomerRelationshipManagement dpv:ServicePersonalisation",
        "Purposes that there are views for: IRIs or short names, spaces between them; `none`: no view.",
    )
    matching_purpose: str = _setting(
        "dpv:CustomerRelationshipManagement",
        "Purpose for which data is matched with records of a CRM; `everything`: all data, on another ground.",
    )
    matching_accept: float = _setting(
        0.99, "Probability from which on the best pair of a CRM record and a customer is accepted by rule."
    )
    matching_candidate: float = _setting(
        0.5, "Probability from which on a pair waits for a steward; what is less likely is not kept."
    )
    matching_engine: str = _setting(
        "duckdb", "What compares the pairs of a run: `duckdb`, or `spark` on this machine, which needs Java."
    )
    audit_queries: str = _setting(
        "shape",
        "What the audit log keeps of a query: `none`, its `shape` without values and names, or its `text`.",
    )
    language: str = _setting("de", "Language of pages when the browser does not say: `de` or `en`.")
    log_format: str = _setting("text", "How logs are written: `text` for people, `json` for collectors.")
    telemetry: str = _setting(
        "", "Address of an OpenTelemetry collector (OTLP over HTTP) that gets a span of each request."
    )
    grace: int = _setting(20, "Seconds in which running requests are answered when the service is stopped.")
    hosts: str = _setting("", "Host names that the service answers to besides those of this machine.")
    proxies: str = _setting(
        "", "Addresses or networks of proxies whose `X-Forwarded-…` headers are believed."
    )
    origins: str = _setting("", "Origins of web pages elsewhere whose scripts may ask (CORS).")
    rate: int = _setting(
        -1,
        "Requests that one principal may make in a minute; 0: any number; "
        "-1: 120,000 where only this machine is served, else 600.",
    )
    at_once: int = _setting(
        24, "Requests of one principal that are answered at the same time; 0: any number."
    )
    connections: int = _setting(
        16_384, "Connections at the same time; more take the place of those that say nothing."
    )
    sign_ins: int = _setting(10, "Failed attempts to sign in, in a minute and from one address.")
    session_hours: int = _setting(12, "Hours after which a browser has to sign in again.")
    oidc_issuer: str = _setting("", "Issuer of OpenID Connect tokens; empty: none are taken.")
    oidc_audience: str = _setting("", "Audience that tokens must be made for.")
    oidc_algorithms: str = _setting("RS256 PS256 ES256", "Algorithms by which tokens may be signed.")
    oidc_roles_claim: str = _setting("roles", "Claim that holds the roles; `a.b` is `b` within `a`.")
    oidc_roles: str = _setting(
        "",
        "What values of that claim mean: `value=role; …`; empty: `kgservice-reader` is `reader`, and so on.",
    )
    oidc_purposes_claim: str = _setting("purposes", "Claim that holds the purposes, as IRIs or short names.")

    @property
    def requests_a_minute(self) -> int:
        """What `rate` says; by itself what stops a program that runs wild, or in a network a person."""
        return self.rate if self.rate >= 0 else 120_000 if self.local else 600

    @property
    def local(self) -> bool:
        """Whether only this machine is served, as by default: the printed link then opens the service."""
        return is_loopback(self.host) and not self.hosts.strip() and not self.proxies.strip()

    def seconds(self, roles: Iterable[str]) -> float:
        """Seconds after which a query of somebody with these roles is stopped."""
        others = {role: float(seconds) for role, seconds in _deadlines(self.deadlines)}
        return max((others.get(role, self.deadline) for role in roles), default=self.deadline)

    @property
    def backup_folder(self) -> Path:
        """The directory of backups."""
        return Path(self.backups) if self.backups else self.store.with_name(f"{self.store.name}.backups")

    @property
    def crm_folder(self) -> Path:
        """The directory of what was read from CRMs: beside the store."""
        return self.store.parent / "crm"

    @property
    def accelerated(self) -> bool:
        """Whether validation may use the accelerator."""
        return self.validation == "accelerated"

    @property
    def active_purposes(self) -> tuple[str, ...]:
        """The IRIs of the purposes that there are views for."""
        return _purposes(self.purposes)

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
        settings = cls(**values)
        if settings.oidc_issuer and not settings.oidc_audience:
            raise BadParameter(
                "tokens of an issuer are taken only when they are made for this service; name the audience",
                source="KGSERVICE_OIDC_AUDIENCE",
            )
        if settings.matching_candidate > settings.matching_accept:
            raise BadParameter(
                "what is accepted by rule cannot be less likely than a candidate; lower this one, "
                "or raise KGSERVICE_MATCHING_ACCEPT",
                source="KGSERVICE_MATCHING_CANDIDATE",
            )
        if settings.remote_readers.strip() and not settings.remote:
            raise BadParameter(
                "readers follow a server; name the one that is written to (KGSERVICE_REMOTE)",
                source="KGSERVICE_REMOTE_READERS",
            )
        return settings


def _fault(name: str, value: Any) -> str | None:
    """Why the setting `name` cannot have this value, or None when it can."""
    usable: dict[str, tuple[Callable[[Any], bool], str]] = {
        "base": (_is_base, "is no absolute IRI that ends with / or #"),
        "store": (lambda path: path.name not in {"", ".."}, "is no directory with a name of its own"),
        "durability": (
            lambda kept: kept in {"power-loss", "process"},
            "is neither power-loss nor process",
        ),
        "reserve": (lambda size: size >= 0, "is no number of MiB: at least 0"),
        "backups": (lambda _: True, ""),
        "port": (lambda port: 0 <= port <= 65535, "is no TCP port: 0 to 65535"),
        "token": (
            lambda token: token.isprintable() and " " not in token,
            "holds a space or is not printable",
        ),
        "max_body": (lambda size: size > 0, "is no number of bytes: at least 1"),
        "max_query": (lambda size: size > 0, "is no number of bytes: at least 1"),
        "search": (lambda size: size >= 0, "is no number of MiB: at least 0"),
        "cache": (lambda size: size >= 0, "is no number of MiB: at least 0"),
        "deadline": (lambda seconds: seconds > 0, "is no number of seconds above 0"),
        **dict.fromkeys(
            ("remote", "remote_update", "remote_data", "telemetry"),
            (_is_endpoint, "is no http or https address without a user name"),
        ),
        "remote_user": (lambda name: ":" not in name, "holds a colon"),
        **dict.fromkeys(
            ("services", "remote_readers"),
            (
                lambda given: all(map(_is_endpoint, given.split())),
                "is not made of http or https addresses without user names",
            ),
        ),
        "deadlines": (
            lambda given: all(float(seconds) > 0 for _, seconds in _deadlines(given)),
            "is not made of a role, = and a number of seconds",
        ),
        "mapping_deadline": (lambda seconds: seconds > 0, "is no number of seconds above 0"),
        "query_memory": (lambda size: size > 0, "is no number of MiB: at least 1"),
        "query_answer": (lambda size: size > 0, "is no number of MiB: at least 1"),
        "query_rows": (lambda number: number > 0, "is no number of solutions: at least 1"),
        "queries": (lambda number: number >= 0, "is no number of queries: at least 0"),
        "memory": (lambda size: size >= 0, "is no number of MiB: at least 0"),
        "profile": (lambda profile: profile in {"consent-only", "gdpr"}, "is neither consent-only nor gdpr"),
        "confidentiality": (
            lambda level: level in {"public", "internal", "confidential"},
            "is neither public nor internal nor confidential",
        ),
        "smallest_group": (lambda persons: persons > 0, "is no number of persons: at least 1"),
        "consent_age": (lambda years: 13 <= years <= 18, "is no number of years: 13 to 18"),
        "validation": (
            lambda engine: engine in {"accelerated", "pyshacl"},
            "is neither accelerated nor pyshacl",
        ),
        **dict.fromkeys(
            ("open_days", "expiring_days", "membership_days"),
            (lambda days: 0 <= days <= 36_500, "is no number of days: 0 to 36500"),
        ),
        "purposes": (
            lambda names: names.strip() == "none" or all(map(_is_iri, map(expand, names.split()))),
            "holds something that is neither an IRI nor a short name such as dpv:Marketing",
        ),
        "matching_purpose": (
            lambda name: name == "everything" or _is_iri(expand(name)),
            "is neither `everything` nor an IRI nor a short name such as dpv:Marketing",
        ),
        "matching_accept": (lambda share: 0 < share <= 1, "is no probability above 0"),
        "matching_candidate": (lambda share: 0 < share < 1, "is no probability between 0 and 1"),
        "matching_engine": (lambda engine: engine in {"duckdb", "spark"}, "is neither duckdb nor spark"),
        "audit_queries": (
            lambda kept: kept in {"none", "shape", "text"},
            "is neither none nor shape nor text",
        ),
        "language": (lambda language: language in {"de", "en"}, "is neither de nor en"),
        "log_format": (lambda form: form in {"text", "json"}, "is neither text nor json"),
        "grace": (lambda seconds: seconds > 0, "is no number of seconds: at least 1"),
        "hosts": (
            lambda names: all(map(_HOST.fullmatch, names.split())),
            "holds something that is no host name",
        ),
        "proxies": (
            lambda names: all(map(_is_network, names.split())),
            "holds something that is no IP address",
        ),
        "origins": (
            lambda names: all(map(_ORIGIN.fullmatch, names.split())),
            "holds something that is no origin such as https://app.example",
        ),
        "rate": (lambda number: number >= -1, "is no number of requests: at least 0, or -1 for the default"),
        "at_once": (lambda number: number >= 0, "is no number of requests: at least 0"),
        "connections": (lambda number: number > 0, "is no number of connections: at least 1"),
        "sign_ins": (lambda number: number > 0, "is no number of attempts: at least 1"),
        "session_hours": (lambda hours: 0 < hours <= 8760, "is no number of hours: 1 to 8760"),
        "oidc_issuer": (
            lambda issuer: not issuer or is_secure_address(issuer, loopback=True),
            "is no https address",
        ),
        "oidc_audience": (lambda _: True, ""),
        "oidc_algorithms": (
            lambda names: bool(names.split()) and set(names.split()) <= ALGORITHMS,
            f"is not made of {', '.join(sorted(ALGORITHMS))}",
        ),
        "oidc_roles": (lambda _: True, ""),  # what reads the tokens knows the roles
    }
    is_usable, fault = usable.get(name, (bool, "is empty"))
    try:
        return None if is_usable(value) else fault
    except ValueError:
        return fault


@lru_cache(maxsize=16)
def _purposes(given: str) -> tuple[str, ...]:
    """The IRIs that the setting names, each once."""
    named = () if given.strip() == "none" else given.split()
    return tuple(dict.fromkeys(map(expand, named)))


@lru_cache(maxsize=16)
def _deadlines(given: str) -> tuple[tuple[str, str], ...]:
    """Role and seconds of each member of the setting; seconds that are no number if there is no `=`."""
    return tuple((role, seconds) for role, _, seconds in (member.partition("=") for member in given.split()))


def _is_endpoint(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine only.

    >>> is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("kg.example")
    (True, True, False, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host) in _LOOPBACK
    except ValueError:
        return False


def is_secure_address(address: str, *, loopback: bool) -> bool:
    """Whether an address is one of https, or where `loopback` allows it one of http on this machine.

    >>> is_secure_address("https://login.example/x", loopback=False)
    True
    >>> is_secure_address("http://login.example/x", loopback=True)
    False
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if (
        not host
        or parts.username is not None
        or parts.fragment
        or not address.isprintable()
        or " " in address
    ):
        return False
    return parts.scheme == "https" or (loopback and parts.scheme == "http" and is_loopback(host))


def _is_network(value: str) -> bool:
    try:
        return bool(ipaddress.ip_network(value, strict=False))
    except ValueError:
        return False


def _is_iri(value: str) -> bool:
    try:
        return bool(NamedNode(value))
    except ValueError:
        return False


def _is_base(value: str) -> bool:
    return _is_iri(f"{value}id/0") and value.endswith(("/", "#")) and "#" not in value[:-1]
