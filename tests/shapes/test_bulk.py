"""Full validation in chunks gives the report of plain pySHACL, in one process or several, with its accelerator or not."""

from __future__ import annotations

import runpy
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import distribution
from operator import attrgetter
from pathlib import Path

import pytest
import rdflib
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.bulk import Job, findings
from kgservice.application.guard.engine import engine
from kgservice.application.guard.guard import Guard
from kgservice.application.guard.hands import Hand
from kgservice.application.guard.journal import Journal
from kgservice.application.guard.packing import packed
from kgservice.application.guard.validation import model_of, records_of, validate, validate_files
from kgservice.application.imports.load import load_rdf
from kgservice.domain.change import Change, Origin
from kgservice.domain.finding import Policy
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.shacl import accelerator, bulk, local, screen
from kgservice.shacl.report import Report
from kgservice.shacl.shapes import Shapes
from kgservice.shacl.validate import context_graph
from kgservice.shacl.validate import validate as plain
from kgservice.store.oxigraph import OxigraphStore

ROOT = Path(__file__).parents[2]
INVALID = ("core/examples/R04-unit.invalid.ttl", "core/examples/R09-evidence-place.invalid.ttl")
NOW = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def kg(model_only: OxigraphStore, tmp_path: Path) -> Iterator[KnowledgeGraph]:
    """Some examples that break rules, in a store on disk."""
    settings = Settings(store=tmp_path / "store")
    model_only.backup(settings.store)
    graph = KnowledgeGraph.open(settings, OxigraphStore(settings.store), lambda: NOW, guarded=False)
    load_rdf(graph, [ROOT / "shapes" / name for name in INVALID], Origin())
    yield graph
    graph.close()


@pytest.mark.slow
def test_report_is_that_of_plain_validation(kg: KnowledgeGraph, shapes: Shapes) -> None:
    report = validate(kg, shapes=shapes)
    expected = plain(
        model_of(kg.store, kg.addresses) + records_of(kg),
        shapes,
        context=context_graph(NOW, Policy()),
        in_place=True,
    )
    assert report.findings
    assert [f.to_json() for f in report.findings] == [f.to_json() for f in expected.findings]
    assert report.counts == expected.counts


@pytest.mark.slow
def test_without_the_accelerator_the_same_is_found(
    kg: KnowledgeGraph, shapes: Shapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_it = validate(kg, shapes=shapes)
    monkeypatch.setattr(screen, "CompiledShapes", None)
    assert validate(kg, shapes=shapes) == with_it


def test_another_version_of_the_accelerator_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["fast"]
    assert extra == [f"shacl=={accelerator.VERSION}"]
    pytest.importorskip("shacl")
    other = distribution("rdflib").version
    monkeypatch.setattr(accelerator, "version", lambda _: other)
    module = runpy.run_path(screen.__file__ or "")
    assert module["CompiledShapes"] is None
    assert engine(Settings()) == "pyshacl"


@pytest.mark.slow
def test_it_can_be_switched_off_and_pyshacl_alone_finds_the_same(
    kg: KnowledgeGraph, shapes: Shapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store as a whole, files, and the guard's dry run."""
    pytest.importorskip("shacl")
    paths = [ROOT / "shapes" / name for name in INVALID]
    phases = kg.store.match([(None, NamedNode(f"{CI}phase"), None)], kg.view)
    change = Change(remove=tuple(Quad(*quad.triple) for quad in phases))

    def found(accelerated: Settings) -> list[list[str]]:
        kg.settings, kg.guard = accelerated, Guard(shapes, accelerated=accelerated.accelerated)
        reports = (
            validate(kg, shapes=shapes).findings,
            validate_files(paths, shapes=shapes, settings=accelerated, clock=lambda: NOW).findings,
            kg.preview(change).new,
        )
        return [sorted(str(finding.to_json()) for finding in report) for report in reports]

    assert engine(kg.settings) == "accelerated"
    with_it = found(kg.settings)
    assert all(with_it)

    def refuse(*_: object) -> None:
        raise AssertionError("the accelerator was made")

    for module in (bulk, local):
        monkeypatch.setattr(module, "Screen", refuse)
    off = replace(kg.settings, validation="pyshacl")
    assert engine(off) == "pyshacl"
    assert found(off) == with_it


def test_the_graph_has_a_guard_as_the_setting_says(
    kg: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    kg.settings = replace(kg.settings, validation="pyshacl")
    monkeypatch.delattr(local, "Screen")
    kg.guard.prepare(kg.planner())


SMALL = """
    @prefix sh: <http://www.w3.org/ns/shacl#> . @prefix ci: <https://w3id.org/kgservice/ci#> .
    @prefix ex: <https://kg.example/test#> .
    ex:S a sh:NodeShape ; sh:nodeKind sh:BlankNode ;
      sh:targetObjectsOf ci:detectedAt, ci:recordedAt ; sh:targetSubjectsOf ci:recordedAt ;
      sh:targetClass ci:PainPoint .
    """


def test_several_processes_find_the_same_and_tell_how_far_they_are(kg: KnowledgeGraph) -> None:
    """Focus nodes may be literals; each is validated once, whatever names it."""
    shapes = Shapes.of(rdflib.Graph().parse(data=SMALL, format="turtle"))
    told: list[tuple[str, int, int]] = []
    job = Job(kg.addresses, shapes, tuple(context_graph(NOW, Policy())))
    found = findings(kg.store, job, processes=2, size=3, told=lambda *place: told.append(place))
    expected = plain(
        model_of(kg.store, kg.addresses) + records_of(kg),
        shapes,
        context=context_graph(NOW, Policy()),
        in_place=True,
    )
    assert [f.key for f in Report.of(found).findings] == [f.key for f in expected.findings]
    assert any(str(f.focus).startswith('"') for f in found)
    last = {name: (done, every) for name, done, every in told}
    assert list(last) == ["Reading records", "Sorting records", "Validating"]
    assert all(done == every for done, every in last.values())


@pytest.mark.parametrize(
    ("title", "shape", "words"),
    [
        ("", "", "Going on"),
        ("another record", "", "Starting anew"),
        ("", "ex:S sh:minLength 1 .", "Starting anew"),
    ],
)
def test_it_goes_on_only_with_the_same_records_and_shapes(
    kg: KnowledgeGraph, tmp_path: Path, title: str, shape: str, words: str
) -> None:
    path = tmp_path / "journal"

    def interrupt(name: str, done: int, every: int) -> None:
        if (name, done) == ("Validating", every):
            raise KeyboardInterrupt

    shapes = Shapes.of(rdflib.Graph().parse(data=SMALL, format="turtle"))
    with pytest.raises(KeyboardInterrupt), Journal(path) as journal:
        validate(kg, shapes=shapes, told=interrupt, journal=journal)
    if title:
        subject, term = NamedNode(f"{kg.addresses.ids}x"), NamedNode("https://w3id.org/kgservice/ci#title")
        kg.commit(
            Change.adding([Quad(subject, term, Literal(title), NamedNode(kg.addresses.project("common")))])
        )
    shapes = Shapes.of(rdflib.Graph().parse(data=SMALL + shape, format="turtle"))
    said: list[str] = []
    with Journal(path, resume=True, say=said.append) as journal:
        report = validate(kg, shapes=shapes, journal=journal)
    assert report == validate(kg, shapes=shapes)
    assert words in said[0]


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from importlib.metadata import distribution
from pathlib import Path
import rdflib
from kgservice.application.guard.bulk import Job, findings
from kgservice.application.guard.journal import Journal
from kgservice.namespaces import Addresses
from kgservice.settings import Settings
from kgservice.shacl.shapes import Shapes
from kgservice.store.oxigraph import OxigraphStore

class Dies(Journal):
    def add(self, part):
        super().add(part)
        if len(self.parts) == 3:
            os.kill(os.getpid(), signal.SIGKILL)

path = Path(sys.argv[1])
shapes = Shapes.of(rdflib.Graph().parse(data=sys.argv[2], format="turtle"))
journal = Dies(path.with_name("journal"))
journal.begin("job", datetime.now(UTC))
job = Job(Addresses(Settings().base), shapes, ())
findings(OxigraphStore(path), job, processes=2, size=3, journal=journal)
"""


def test_processes_end_with_the_one_that_waits_for_them(kg: KnowledgeGraph, tmp_path: Path) -> None:
    """They hold the output open, which is read to its end."""
    kg.close()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "store"), SMALL],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")
    with Journal(tmp_path / "journal", resume=True) as journal:
        journal.begin("job", NOW)
        assert len(journal.parts) == 3


HINDERED = """
import sys
from pathlib import Path
from threading import Thread, Timer
import psutil, rdflib
from kgservice.application.guard.bulk import Job, findings
from kgservice.application.guard.validation import model_of
from kgservice.errors import StoreFailed
from kgservice.namespaces import Addresses
from kgservice.settings import Settings
from kgservice.shacl.shapes import Shapes
from kgservice.store.oxigraph import OxigraphStore

def started():
    every = psutil.Process().children()
    return [child for child in every if child.is_running() and "--multiprocessing-fork" in child.cmdline()]

def kill(number, after):
    while len(now := started()) <= number:
        pass
    Timer(after, now[number].kill).start()

store, addresses = OxigraphStore(Path(sys.argv[1])), Addresses(Settings().base)
shapes = Shapes.of(rdflib.Graph().parse(data=sys.argv[2], format="turtle"))
job = Job(addresses, shapes, tuple(model_of(store, addresses)))
for after in 0, 0.01, 0.03, 0.06, 0.1:
    for number in range(2):
        Thread(target=kill, args=(number, after)).start()
        try:
            findings(store, job, processes=2, size=3)
        except StoreFailed as error:
            print(error)
        assert not started()
"""


@pytest.mark.slow
def test_a_process_that_is_killed_at_its_start_ends_the_validation(
    kg: KnowledgeGraph, tmp_path: Path
) -> None:
    """With what says why, whichever it is and however soon."""
    kg.close()
    done = subprocess.run(
        [sys.executable, "-c", HINDERED, str(tmp_path / "store"), SMALL],
        capture_output=True,
        timeout=120,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["a process that validates has ended before it was done"] * 10


def test_what_fails_in_a_process_is_told_with_its_place(tmp_path: Path) -> None:
    """And it goes on."""
    with closing(Hand(attrgetter("joinpath"), tmp_path)) as hand:
        with pytest.raises(TypeError) as told:
            hand.do(packed(1))
        assert "guard/hands.py" in "".join(told.value.__notes__)
        assert hand.do(packed("records")) == tmp_path / "records"
