"""Runs that were started: what is kept of how they ended."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kgservice.application.background.started import Started, forget_frames
from kgservice.domain.clock import system_clock
from kgservice.domain.maintenance import Job, Work
from kgservice.errors import BadInput


class Large:
    """What a run would hold if its frames were kept."""


def started(doing: Any) -> Started[Job]:
    one = Started(Job("1", Work.CHECK, "", system_clock()), threading.Condition())
    with ThreadPoolExecutor(1) as pool:
        one.begin(pool, doing)
    return one


def test_errors_that_are_each_others_causes_come_to_an_end() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__context__ = second, first
    forget_frames(first)


@pytest.mark.slow
def test_nothing_is_kept_that_a_run_held_when_it_failed() -> None:
    held: list[weakref.ref[Large]] = []

    def doing() -> dict[str, Any]:
        large = Large()
        held.append(weakref.ref(large))
        raise BadInput(f"cannot go on with {large.__class__}")

    one = started(doing)
    gc.collect()
    assert held[0]() is None
    with pytest.raises(BadInput, match="cannot go on"):
        one.result()


def test_what_nobody_expected_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> dict[str, Any]:
        raise ZeroDivisionError

    def refused() -> dict[str, Any]:
        raise BadInput("no")

    with caplog.at_level(logging.ERROR, "kgservice.runs"):
        started(refused)
        assert caplog.records == []
        started(broken)
    assert [record.getMessage() for record in caplog.records] == ["A run failed: 1"]
