"""The command in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from kgservice.application.guard import guard
from kgservice.shacl.local import LocalValidator
from kgservice.shacl.reach import Triple
from kgservice.shacl.shapes import Shapes, shipped_shapes
from kgservice.store import OxigraphStore
from tests.cli.commands import Run, run_here


@pytest.fixture(scope="module", autouse=True)
def _shapes_prepared_once() -> Iterator[None]:
    """Commands here, one after the other, share what is made of the shipped shapes and the same model.

    Each would else make it anew for its first change, as in a process of its own.
    """
    made: dict[tuple[frozenset[Triple], bool], LocalValidator] = {}

    def prepared(shapes: Shapes, base: Iterable[Triple], *, screened: bool) -> LocalValidator:
        key = (model := frozenset(base)), screened
        if shapes is not shipped_shapes():
            return LocalValidator(shapes, model, screened=screened)
        if key not in made:
            made[key] = LocalValidator(shapes, model, screened=screened)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "LocalValidator", prepared)
        yield


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process, in an empty directory. Exceptions are passed on."""
    monkeypatch.chdir(tmp_path)
    return run_here


@pytest.fixture
def empty_store(model_only: OxigraphStore, tmp_path: Path) -> Path:
    """A store directory with the model and no records: a command that makes a new one takes seconds longer."""
    model_only.backup(tmp_path / "store")
    return tmp_path / "store"
