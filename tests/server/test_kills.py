"""What was answered survives that the service is killed; thousands of kills: `make kills`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import environment


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [["--kills", "8"], ["--kills", "2", "--command"]], ids=["forks", "command"]
)
def test_what_was_answered_survives_kills(demo_store: Path, options: list[str]) -> None:
    """In a process of its own: one that has threads of the store cannot be forked."""
    command = [
        sys.executable,
        "-m",
        "tests.server.kills",
        "--seed",
        "7",
        "--store",
        str(demo_store),
        *options,
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.fullmatch(
        r"([0-9]+) kills, ([0-9]+) answered commits, all there", done.stdout.splitlines()[-1]
    )
    assert found
    assert int(found[2]) > 0
