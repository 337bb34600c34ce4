"""Tokens of an OpenID Connect provider: whose they are, once signature, issuer, audience and time hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from kgservice.domain.clock import Clock
from kgservice.domain.principal import Principal, Role, default_purpose
from kgservice.errors import BadParameter, Unauthorised
from kgservice.http.access.oidc_keys import ProviderKeys
from kgservice.namespaces import expand
from kgservice.settings import Settings

LEEWAY = 30  # seconds that the clocks of provider and service may differ
LONGEST = 16 * 1024  # bytes of a token
# Kinds of tokens (header `typ`) that say who asks; logout tokens and others are signed by the same keys.
_TYPES = frozenset({None, "jwt", "at+jwt", "application/at+jwt"})
_INVALID = "The token in Authorization is not valid"


class Oidc:
    """The tokens of the provider that the settings name."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._algorithms = settings.oidc_algorithms.split()
        self._registry = JWSRegistry(algorithms=self._algorithms, strict_check_header=False)
        self._roles = role_map(settings.oidc_roles)
        self._active = frozenset(settings.active_purposes)
        self._keys = ProviderKeys(settings.oidc_issuer)

    async def signed(self, token: str) -> Mapping[str, Any]:
        """What a token says that the provider has signed; for whom and until when is not looked at yet.

        Raises `Unauthorised` for another, `StoreFailed` without any keys.
        """
        header = _header(token)
        algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ")
        if algorithm not in self._algorithms or not (kid is None or isinstance(kid, str)):
            raise Unauthorised(_INVALID)
        if "crit" in header:  # it names extensions that have to be understood, and none is here
            raise Unauthorised(_INVALID)
        if (kind.lower() if isinstance(kind, str) else kind) not in _TYPES:
            raise Unauthorised(_INVALID)
        key = await self._keys.find(kid, algorithm)
        if key is None:
            raise Unauthorised(_INVALID)
        try:
            return jwt.decode(token, key, registry=self._registry).claims
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise Unauthorised(_INVALID) from error

    def principal(self, claims: Mapping[str, Any]) -> Principal:
        """Who a signed token is of. Raises `Unauthorised` for one that is not for here and now."""
        try:
            self._claims().validate(dict(claims))
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise Unauthorised(_INVALID) from error
        return self._of(claims)

    def _claims(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=LEEWAY,
            iss={"essential": True, "value": self._settings.oidc_issuer},
            aud={"essential": True, "value": self._settings.oidc_audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    def _of(self, claims: Mapping[str, Any]) -> Principal:
        roles: set[Role] = set()
        for value in _listed(claims, self._settings.oidc_roles_claim):
            roles |= self._roles.get(value, frozenset())
        stated = map(expand, _listed(claims, self._settings.oidc_purposes_claim))
        purposes = self._active.intersection(stated)
        who = hashlib.sha256(f"{claims['iss']}\n{claims['sub']}".encode(errors="replace")).hexdigest()
        return Principal(f"oidc:{who[:16]}", frozenset(roles), purposes, default_purpose(roles, purposes))


def role_map(text: str) -> dict[str, frozenset[Role]]:
    """The roles that each value of the roles claim stands for. Raises `BadParameter` for roles that are none.

    >>> sorted(role_map("KG Team=reader; KG Team=editor")["KG Team"])
    [<Role.EDITOR: 'editor'>, <Role.READER: 'reader'>]
    """
    if not text.strip():
        return {f"kgservice-{role}": frozenset({role}) for role in Role}
    found: dict[str, frozenset[Role]] = {}
    for pair in filter(str.strip, text.split(";")):
        value, _, role = (part.strip() for part in pair.rpartition("="))
        if not value or role not in set(Role):
            raise BadParameter(
                f"{pair.strip()!r} is no value=role with a role of {', '.join(Role)}",
                source="KGSERVICE_OIDC_ROLES",
            )
        found[value] = found.get(value, frozenset()) | {Role(role)}
    return found


def looks_like_token(credentials: str) -> bool:
    """Whether this could be a signed token: three parts with dots between them."""
    return credentials.count(".") == 2 and len(credentials) <= LONGEST


def _header(token: str) -> dict[str, Any]:
    """The header of a token, of which nothing is checked yet. Raises `Unauthorised` when it has none."""
    try:
        header = json.loads(urlsafe_b64decode(token.partition(".")[0].encode()))
    except (ValueError, RecursionError):
        raise Unauthorised(_INVALID) from None
    if not isinstance(header, dict):
        raise Unauthorised(_INVALID)
    return header


def _listed(claims: Mapping[str, Any], name: str) -> list[str]:
    """The values of a claim: a list of texts, or one text with spaces; `a.b` may be `b` within `a`.

    >>> _listed({"realm": {"roles": ["a", 1, "b"]}}, "realm.roles"), _listed({"scope": "a b"}, "scope")
    (['a', 'b'], ['a', 'b'])
    """
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, str):
        return found.split()
    return [value for value in found if isinstance(value, str)] if isinstance(found, list) else []
