"""How much one principal may ask for: requests in a minute, requests at the same time, failed attempts."""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable

from kgservice.errors import TooMany

MOST_KNOWN = 10_000  # principals or addresses that are remembered

Monotonic = Callable[[], float]


class _Account:
    """What one principal has left: a bucket that fills by the second, and how many requests run."""

    __slots__ = ("at", "left", "running")

    def __init__(self, left: float, at: float) -> None:
        self.left = left
        self.at = at
        self.running = 0


class _Accounts:
    """The accounts by name; a bucket holds one minute's worth. Those with nothing to do may be forgotten."""

    def __init__(self, per_minute: int, monotonic: Monotonic) -> None:
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._known: dict[str, _Account] = {}

    def of(self, who: str) -> _Account:
        now = self._monotonic()
        account = self._known.get(who)
        if account is None:
            if len(self._known) >= MOST_KNOWN:
                self._forget()
            account = self._known[who] = _Account(self._per_minute, now)
        else:
            filled = account.left + (now - account.at) * self._per_minute / 60
            account.left = min(filled, self._per_minute)
            account.at = now
        return account

    def wait(self, account: _Account) -> int:
        """In how many seconds there is one more."""
        return max(1, math.ceil((1 - account.left) * 60 / self._per_minute))

    def _forget(self) -> None:
        """Forget the half that was not seen for longest, but nobody whose requests run."""
        idle = sorted((a.at, who) for who, a in self._known.items() if not a.running)
        for _, who in idle[: max(1, len(idle) // 2)]:
            del self._known[who]


class Limits:
    """The limits of requests for each principal. 0 means none.

    A request that is let in by `enter` must `leave`.
    """

    def __init__(self, per_minute: int, at_once: int, monotonic: Monotonic = time.monotonic) -> None:
        self._per_minute = per_minute
        self._at_once = at_once
        self._accounts = _Accounts(per_minute, monotonic)

    def enter(self, who: str) -> _Account:
        """Let a request in. Raises `TooMany`."""
        account = self._accounts.of(who)
        if self._at_once and account.running >= self._at_once:
            raise TooMany(
                "{count:request of yours is|requests of yours are} being answered",
                count=self._at_once,
                after=1,
            )
        if self._per_minute:
            if account.left < 1:
                raise TooMany(
                    "You may ask {count} times in a minute",
                    count=self._per_minute,
                    after=self._accounts.wait(account),
                )
            account.left -= 1
        account.running += 1
        return account

    @staticmethod
    def leave(account: _Account) -> None:
        """Tell that a request is answered."""
        account.running -= 1


class Attempts:
    """The failed attempts to sign in from one address, each of which may have cost a hash or a signature.

    `begin` counts an attempt as failed until `succeeded`, so that many at the same time are not let in.
    """

    def __init__(self, per_minute: int, monotonic: Monotonic = time.monotonic) -> None:
        self._per_minute = per_minute
        self._accounts = _Accounts(per_minute, monotonic)

    def spent(self, address: str) -> TooMany | None:
        """What to tell somebody who has no attempt left; None while there is one."""
        account = self._accounts.of(network(address))
        if account.left >= 1:
            return None
        after = self._accounts.wait(account)
        return TooMany("There were too many failed attempts to sign in from your address", after=after)

    def begin(self, address: str) -> None:
        """Let an attempt be made. Raises `TooMany`."""
        if (refusal := self.spent(address)) is not None:
            raise refusal
        self._accounts.of(network(address)).left -= 1

    def failed(self, address: str) -> None:
        """Count an attempt that was wrong and not begun, one beyond the last, too."""
        account = self._accounts.of(network(address))
        account.left = max(account.left - 1, 0)

    def succeeded(self, address: str) -> None:
        """Tell that the attempt was right."""
        account = self._accounts.of(network(address))
        account.left = min(account.left + 1, self._per_minute)


def network(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that an IPv6 address is in.

    >>> network("192.0.2.7"), network("2001:db8::1"), network("unix")
    ('192.0.2.7', '2001:db8::/64', 'unix')
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
