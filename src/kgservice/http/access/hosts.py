"""Under which names the service answers, and which web pages may make changes with a cookie."""

from __future__ import annotations

import ipaddress
import re

from starlette.datastructures import Headers
from starlette.types import Scope

from kgservice.errors import BadParameter, Forbidden
from kgservice.settings import Settings

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


class Hosts:
    """The host names of the service: those of this machine, its own address, and those of the settings."""

    def __init__(self, settings: Settings) -> None:
        names = (*LOOPBACK_NAMES, *own_address(settings.host), *settings.hosts.split())
        self.names = tuple(dict.fromkeys(names))
        pattern = "|".join(re.escape(name) for name in self.names)
        self._pattern = re.compile(rf"(?:{pattern})(?::[0-9]+)?", re.IGNORECASE)

    def check(self, host: str) -> None:
        """Raises `Forbidden` for a `Host` that is none of the names (DNS rebinding)."""
        if not self._pattern.fullmatch(host):
            raise Forbidden(
                "This service answers only as {names}", names=", ".join(self.names), source="Host"
            )


def own_address(host: str) -> tuple[str, ...]:
    """The name of the address to listen on as browsers write it; none for one that means all addresses.

    >>> own_address("192.0.2.7"), own_address("::"), own_address("2001:db8::1")
    (('192.0.2.7',), (), ('[2001:db8::1]',))
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return (host,)
    if address.is_unspecified:
        return ()
    return (f"[{host}]",) if address.version == 6 else (host,)


def port_of(host: str) -> str:
    """The port in a `Host`; 80 when there is none.

    >>> port_of("127.0.0.1:8000"), port_of("[::1]:8000"), port_of("kg.example")
    ('8000', '8000', '80')
    """
    return host.rpartition("]")[2].partition(":")[2] or "80"


def once(scope: Scope) -> tuple[str, str]:
    """`Host` and `Authorization` of a request, empty where there is none; in one go, since all requests pass.

    Raises `BadParameter` when one of them comes several times.
    """
    host = authorization = b""
    for name, value in scope["headers"]:
        if name == b"host":
            if host:
                raise BadParameter("Host is given several times", source="Host")
            host = value
        elif name == b"authorization":
            if authorization:
                raise BadParameter("Authorization is given several times", source="Authorization")
            authorization = value
    return host.decode("latin-1"), authorization.decode("latin-1")


def same_origin(scheme: str, host: str, headers: Headers) -> None:
    """Raises `Forbidden` unless a page of this service sent the request (cross-site request forgery).

    The pages tell no referrer, so the `Origin` of their forms is `null`; `Sec-Fetch-Site` then says the rest.
    """
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    own = {None, f"{scheme}://{host}"} | ({"null"} if site == "same-origin" else set())
    if site not in {None, "same-origin"} or origin not in own:
        raise Forbidden("A change by cookie must come from a page of this service", source="Origin")
    if site is None and origin is None:
        raise Forbidden("A change by cookie needs an Origin header; programs send the token", source="Origin")
