"""The file of the automata of the shipped shapes: it is about these shapes, and says what working it out says."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest
import rdflib

from kgservice import resources
from kgservice.shacl import compiled
from kgservice.shacl.compile import automata, roots
from kgservice.shacl.shapes import Shapes, load_shapes


@pytest.mark.slow
def test_the_file_is_about_the_shipped_shapes(shapes: Shapes) -> None:
    read = compiled.read(shapes)
    assert read is not None, "the shapes, or what works them out, have changed: make automata"
    for found in (read, roots(shapes.graph)):
        assert compiled.written(shapes, found) == compiled.FILE.read_text(encoding="utf-8")


@pytest.mark.slow
def test_it_is_not_read_for_other_shapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(copytree(resources.folder("shapes"), tmp_path / "shapes"))
    assert compiled.read(load_shapes(folder)) is not None
    one = min(path for path in folder.glob("*.ttl"))
    one.write_text(one.read_text(encoding="utf-8") + "# one more\n", encoding="utf-8")
    assert compiled.read(load_shapes(folder)) is None
    assert compiled.read(Shapes.of(load_shapes().graph)) is None
    for broken in ("", "{", "\x00"):
        monkeypatch.setattr(compiled, "FILE", tmp_path / "automata.json")
        compiled.FILE.write_text(broken, encoding="utf-8")
        assert compiled.read(load_shapes()) is None


def test_shapes_without_a_file_are_worked_out(shapes: Shapes) -> None:
    """One file of shapes; that all are worked out as the file says is for the first test."""
    path = resources.folder("shapes") / "core" / "orphan.violation.ttl"
    other = Shapes.of(rdflib.Graph().parse(path))
    assert compiled.read(other) is None
    found = {root.shape for root in automata(other)}
    assert found == {root.shape for root in automata(shapes)} & set(other.graph.subjects())
    assert found
