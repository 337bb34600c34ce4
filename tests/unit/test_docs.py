"""The documentation names every setting, command, exit code, address and dependency."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
import typer.main
from benchmarks import scale_plot
from packaging.requirements import Requirement

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.cli import app
from kgservice.cli.exits import MEANINGS
from kgservice.settings import Settings
from tests.routes import addresses

ROOT = Path(__file__).parents[2]


def page(name: str) -> str:
    """The text of a page of the documentation."""
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda setting: setting.name)
def test_every_setting_is_documented_with_its_default(setting: object) -> None:
    name, default = setting.name, setting.default  # type: ignore[attr-defined]
    (row,) = [line for line in page("settings").splitlines() if line.startswith(f"| `{name}` ")]
    assert f"`KGSERVICE_{name.upper()}`" in row
    assert not default or f"`{default}`" in row


def commands() -> list[str]:
    """All commands, with those of groups as `group command`."""
    group = typer.main.get_command(app)
    found = []
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        found += [f"{name} {sub}" for sub in below] if below else [name]
    return found


def test_every_command_is_documented_and_no_other() -> None:
    assert sorted(
        re.findall(r"^\| `kgservice ([a-z]+(?:-[a-z]+)*(?: [a-z]+)*)` \|", page("cli"), re.MULTILINE)
    ) == sorted(commands())


@pytest.mark.parametrize("command", commands())
def test_every_command_has_an_example_in_its_help(command: str) -> None:
    group = typer.main.get_command(app)
    for part in command.split():
        group = group.commands[part]  # type: ignore[attr-defined]
    assert f"kgservice {command}" in (group.help or "")
    assert command == "serve" or any(p.name == "as_json" for p in group.params)


def test_every_exit_code_is_documented() -> None:
    rows = dict(re.findall(r"^\| (\d+) \| (.*?) \|$", page("cli"), re.MULTILINE))
    assert rows == {str(int(number)): meaning for number, meaning in MEANINGS.items()}


def test_every_address_is_documented(kg: KnowledgeGraph) -> None:
    paths = {"/" + path.split("/")[1] for path in addresses(kg)}
    missing = {path for path in paths if f"`{path}" not in page("http")} - {"/static"}
    assert missing == set()


def test_every_dependency_is_documented() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [*project["dependencies"], *(r for e in project["optional-dependencies"].values() for r in e)]
    names = {Requirement(line).name for line in listed} - {"kgservice"}
    of_python, _, of_pages = page("dependencies").partition("## In the pages")
    assert names == documented(of_python)
    pages = json.loads((ROOT / "web/package.json").read_text(encoding="utf-8"))
    assert {*pages["dependencies"], *pages["devDependencies"]} == documented(of_pages)


def documented(text: str) -> set[str]:
    """The packages in the first columns of the tables."""
    rows = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([a-z0-9@/-]+)`", row)}


def test_runtime_dependencies_are_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    sources = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "src").rglob("*.py"))
    # uvicorn finds these by itself; python-multipart is imported by Starlette.
    indirect = {"httptools", "uvloop", "python-multipart"}
    for line in project["dependencies"]:
        name = Requirement(line).name.replace("pystemmer", "Stemmer").replace("-", "_")  # what is imported
        assert name in {*indirect, "python_multipart"} or re.search(
            rf"^\s*(import|from) {name}\b", sources, re.MULTILINE
        ), name


def test_the_picture_of_growth_is_of_all_that_was_measured(tmp_path: Path) -> None:
    assert len(scale_plot.sizes()) > 1
    scale_plot.write(drawn := tmp_path / "growth.svg")
    shown = ROOT / "docs/pictures/growth.svg"
    anew = f"python -m benchmarks.scale_plot {shown.relative_to(ROOT)}"
    assert shown.is_file(), anew
    assert shown.read_text(encoding="utf-8") == drawn.read_text(encoding="utf-8"), anew
    assert f"](pictures/{shown.name})" in page("benchmarks")
