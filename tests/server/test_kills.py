"""What was answered survives that the service is killed; thousands of kills: `make kills`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import environment

EVERY = {
    *("before the first change", "starting", "stopping", "with views in memory", "with views on disk"),
    "without a helper",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "met"),
    [
        (["--kills", "5", "--seed", "1120"], EVERY),
        (["--kills", "2", "--seed", "7", "--command"], {"without a helper", "with views on disk"}),
    ],
    ids=["forks", "command"],
)
def test_what_was_answered_survives_kills(demo_store: Path, options: list[str], met: set[str]) -> None:
    """In a process of its own: one that has threads of the store cannot be forked.

    With this seed a few rounds are of every kind.
    """
    command = [
        sys.executable,
        "-m",
        "tests.server.kills",
        "--store",
        str(demo_store),
        *options,
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stdout + done.stderr
    *_, told, kinds = done.stdout.splitlines()
    assert met <= set(kinds.removeprefix("Killed ").split(", "))
    found = re.fullmatch(r"([0-9]+) kills, ([0-9]+) answered commits, all there", told)
    assert found
    assert int(found[2]) > 0
