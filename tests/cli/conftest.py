"""The command in this process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kgservice.cli import app
from kgservice.store import OxigraphStore
from tests.cli.commands import Done, Run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process, in an empty directory. Exceptions are passed on."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str | Path, stdin: str = "", **env: str) -> Done:
        none: dict[str, str | None] = {name: None for name in os.environ if name.startswith("KGSERVICE_")}
        values = none | {"COLUMNS": "160", "NO_COLOR": "1"} | env
        result = CliRunner().invoke(
            app, [str(a) for a in args], input=stdin, env=values, catch_exceptions=False
        )
        return Done(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def empty_store(model_only: OxigraphStore, tmp_path: Path) -> Path:
    """A store directory with the model and no records: a command that makes a new one takes seconds longer."""
    model_only.backup(tmp_path / "store")
    return tmp_path / "store"
