"""What the tests of commands share: the command for a process of its own, and what one did in this one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from kgservice.cli import app

Run = Callable[..., "Done"]
COMMAND = [sys.executable, "-W", "error", "-c", "from kgservice.cli import main; main()"]


def environment(**more: str) -> dict[str, str]:
    """The environment without settings of the service, so that tests do not depend on the machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KGSERVICE_")}
    return kept | {"COLUMNS": "160", "NO_COLOR": "1", **more}


@dataclass(frozen=True)
class Done:
    """What a command did."""

    returncode: int
    stdout: str
    stderr: str


@cache
def _command() -> Any:
    """The command with all its options, made once: Typer would read them from the functions for each run."""
    return typer.main.get_command(app)


def run_here(*args: str | Path, stdin: str = "", **env: str) -> Done:
    """The command in this process, without settings of the machine. Exceptions are passed on."""
    none: dict[str, str | None] = {name: None for name in os.environ if name.startswith("KGSERVICE_")}
    values = none | {"COLUMNS": "160", "NO_COLOR": "1"} | env
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", lambda _: _command())
        result = CliRunner().invoke(
            app, [str(a) for a in args], input=stdin, env=values, catch_exceptions=False
        )
    return Done(result.exit_code, result.stdout, result.stderr)
