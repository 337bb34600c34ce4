"""New API keys: what one may say, and until when it holds."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from kgservice.domain.keys import ApiKey, hashed, new_key
from kgservice.domain.principal import Role
from kgservice.errors import BadParameter
from kgservice.namespaces import expand
from kgservice.settings import Settings
from kgservice.store.keys import KeyFile, keys_of

LONGEST_NAME = 200  # characters


def draft(
    settings: Settings,
    now: datetime,
    *,
    name: str,
    roles: Collection[Role],
    purposes: Sequence[str] = (),
    default: str | None = None,
    expires: str = "90d",
    mark: str = "",
) -> tuple[str, ApiKey]:
    """A new key, and what is kept of it; nothing is written yet.

    `purposes` and `default` are IRIs or short names; `expires` is what `end` reads; `mark` stands before the
    names of parameters in errors. Raises `BadParameter`.
    """
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadParameter(
            "a name has 1 to {longest} printable characters", longest=LONGEST_NAME, source=f"{mark}name"
        )
    if not roles:
        raise BadParameter("a key has at least one role", source=f"{mark}role")
    known = _active(settings, purposes, f"{mark}purpose")
    standard = _active(settings, [default], f"{mark}default")[0] if default else None
    if standard is not None and standard not in known:
        raise BadParameter("the default is none of the purposes of the key", source=f"{mark}default")
    key, prefix = new_key()
    ends = end(expires, now, f"{mark}expires")
    return key, ApiKey(prefix, name, frozenset(roles), known, standard, now, ends)


def keep(settings: Settings, key: str, kept: ApiKey) -> None:
    """Keep a new key, of which only the hash is stored. Raises `Conflict`, `StoreFailed`."""
    file = KeyFile(keys_of(settings.store))
    try:
        file.add(kept, hashed(key))
    finally:
        file.close()


def kept(settings: Settings) -> list[ApiKey]:
    """All keys of a store, the oldest first, without what is secret. Raises `StoreFailed`."""
    file = KeyFile(keys_of(settings.store))
    try:
        return file.all()
    finally:
        file.close()


def revoke(settings: Settings, prefix: str, now: datetime) -> ApiKey:
    """Let a key be valid no more, also for browsers that signed in with it. Raises `NotFound`."""
    file = KeyFile(keys_of(settings.store))
    try:
        return file.revoke(prefix, now)
    finally:
        file.close()


def end(given: str, now: datetime, source: str = "expires") -> datetime | None:
    """The moment that is meant, None for never: days (90d), weeks (12w), a date. Raises `BadParameter`.

    >>> end("2w", datetime.fromisoformat("2026-11-20T12:00:00+00:00")).isoformat()
    '2026-12-04T12:00:00+00:00'
    """
    if given == "never":
        return None
    try:
        if found := re.fullmatch(r"([1-9][0-9]{0,4})([dw])", given, re.ASCII):
            return now + timedelta(days=int(found[1]) * (7 if found[2] == "w" else 1))
        moment = datetime.fromisoformat(given)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
    except (ValueError, OverflowError):
        raise BadParameter(
            "{given!r} is no time such as 90d, 12w, 2027-01-31 or never", given=given[:80], source=source
        ) from None
    if moment <= now:
        raise BadParameter("{given} is in the past", given=given, source=source)
    return moment


def _active(settings: Settings, given: Sequence[str], source: str) -> tuple[str, ...]:
    """The purposes as IRIs. Raises `BadParameter` for those that there are no views for."""
    found = tuple(dict.fromkeys(map(expand, given)))
    for purpose in found:
        if purpose not in settings.active_purposes:
            active = ", ".join(settings.active_purposes) or "none"
            raise BadParameter(
                "{purpose!r} is no active purpose; these are: {active}",
                purpose=purpose[:200],
                active=active,
                source=source,
            )
    return found
