"""The command in this process or in one of its own, and a store with the demonstration graph."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kgservice.application.demonstration import load_demonstration
from kgservice.application.graph import KnowledgeGraph
from kgservice.cli import app
from kgservice.settings import Settings
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


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store directory with the demonstration graph, for commands that only read."""
    path = tmp_path_factory.mktemp("demo") / "store"
    kg = KnowledgeGraph.open(Settings(store=path), OxigraphStore(path))
    load_demonstration(kg)
    kg.close()
    return path
