"""What the tests of commands share: the command for a process of its own, and what one did in this one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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


def run_here(*args: str | Path, stdin: str = "", **env: str) -> Done:
    """The command in this process, without settings of the machine. Exceptions are passed on."""
    none: dict[str, str | None] = {name: None for name in os.environ if name.startswith("KGSERVICE_")}
    values = none | {"COLUMNS": "160", "NO_COLOR": "1"} | env
    result = CliRunner().invoke(app, [str(a) for a in args], input=stdin, env=values, catch_exceptions=False)
    return Done(result.exit_code, result.stdout, result.stderr)
