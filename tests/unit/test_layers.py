"""Imports run one way through the house; modules stay small."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import kgservice

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(kgservice.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
LAYERS = ("domain", "store", "engine", "shacl", "tabular", "crm", "application", "web", "http", "cli")
BASE = {"errors", "garbage", "namespaces", "phrases", "resources", "settings", "__version__"}

# What each layer may import of the others.
MAY = {
    "domain": set[str](),
    "store": {"domain"},
    "engine": {"domain", "store"},
    "shacl": {"domain"},
    "tabular": set[str](),
    "crm": {"domain", "tabular"},
    "application": {"domain", "store", "shacl", "tabular", "crm"},
    "web": {"domain", "store", "application"},
    "http": {"domain", "store", "application", "web"},
    "cli": {"domain", "store", "engine", "crm", "application", "http"},
}
# The rooms of a layer, from the ground up: each may use those before it. Those of one line may use each other.
ROOMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "application": (
        ("background",),
        ("changes",),
        ("views",),
        ("guard",),
        ("graph",),
        ("protocol",),
        ("answers",),
        ("stewards",),
        ("imports",),
        ("links",),
        ("forms",),
        ("law",),
        ("sources",),
        ("care",),
    ),
    "http": (("messages",), ("access",), ("resources", "pages"), ("openapi",)),
}
OUTSIDE = {"application": set[str](), "http": {"app.py", "serve.py"}}  # what puts all rooms together
# These modules choose the store; all others see its port.
STORES = ("kgservice.store.OxigraphStore", "kgservice.store.oxigraph")
CHOOSE = {
    *(f"cli/{name}.py" for name in ("isolating", "local", "service", "stores")),
    "http/app.py",
    *(f"engine/{name}.py" for name in ("checkpoints", "isolated", "nursery", "worker")),
}
NO_INPUT_OR_OUTPUT = {"pathlib", "os", "socket", "subprocess", "tempfile", "duckdb", "httpx", "shutil", "io"}
# Modules that are longer than 300 lines, each with its reason.
LONG = {
    "settings.py": "one table of all settings, and what each may be",
    "application/changes/planner.py": "the effect of one change, worked out in one place",
    "store/oxigraph.py": "all of the port for one store",
}


def imported(path: Path) -> set[str]:
    """The modules that a file imports, also inside functions and for type checking."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{name.name}" for name in node.names)
    return found


def imported_to_run(path: Path) -> set[str]:
    """The modules that a file imports at run time: types of others may be named anywhere."""

    def statements(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
                yield child
                yield from statements(child)

    return {
        node.module
        for node in statements(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
    }


START = "__main__.py"  # `python -m kgservice` is the command


def layer(module: str) -> str | None:
    """The layer of a module of ours, or None."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "kgservice" and parts[1] in LAYERS else None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_run_one_way(path: Path) -> None:
    here = path.relative_to(ROOT).parts[0]
    if here not in LAYERS:
        assert {layer(module) for module in imported(path)} <= {None, *(["cli"] if here == START else [])}
        return
    others = {found for module in imported(path) if (found := layer(module)) is not None} - {here}
    assert others <= MAY[here]


@pytest.mark.parametrize("floor", ROOMS)
def test_rooms_stand_on_each_other(floor: str) -> None:
    below: set[str] = set()
    for rooms in ROOMS[floor]:
        below |= set(rooms)
        for path in (path for room in rooms for path in (ROOT / floor / room).rglob("*.py")):
            start = f"kgservice.{floor}."
            used = {name.split(".")[2] for name in imported_to_run(path) if name.startswith(start)}
            assert used <= below, path


@pytest.mark.parametrize("floor", ROOMS)
def test_every_module_is_in_a_room(floor: str) -> None:
    folder = ROOT / floor
    assert {path.name for path in folder.glob("*.py")} == {"__init__.py"} | OUTSIDE[floor]
    assert {path.parent.name for path in folder.glob("*/__init__.py")} == {
        room for rooms in ROOMS[floor] for room in rooms
    }


def test_every_folder_is_a_known_layer() -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert folders == set(LAYERS)


def test_one_place_says_who_asks_for_a_change() -> None:
    """An `Origin` made elsewhere would say that who asks may change what proves consents."""
    makers = set()
    for path in (ROOT / "http").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        if any("Origin" in ast.unparse(name).split(".") for name in called):
            makers.add(path.name)
        assert "kgservice.domain.change.LOCAL" not in imported(path), path
    assert makers == {"given.py"}


def test_the_domain_does_no_input_or_output() -> None:
    for path in (ROOT / "domain").glob("*.py"):
        assert not {module.partition(".")[0] for module in imported(path)} & NO_INPUT_OR_OUTPUT, path


def test_only_those_who_choose_know_the_embedded_store() -> None:
    knowing = {
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if path.relative_to(ROOT).parts[0] != "store"
        and any(
            "OxigraphStore" in module or module == "kgservice.store.oxigraph" for module in imported(path)
        )
    }
    assert knowing <= CHOOSE


def test_no_module_is_long_without_a_reason() -> None:
    long = {
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if len(path.read_text(encoding="utf-8").splitlines()) > 300
    }
    assert long == set(LONG)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_module_says_its_reason_first(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert said
    assert said.splitlines()[0].strip()
