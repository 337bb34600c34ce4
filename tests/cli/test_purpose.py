"""`--purpose`: commands read the view of a purpose, on the store itself and through a service alike."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph
import pytest

from kgservice.namespaces import CI, DPV, RDF
from tests.cli.commands import Run
from tests.cli.test_service import serving

RESEARCH = "dpv:ResearchAndDevelopment"
PERSONS = f"SELECT (COUNT(*) AS ?n) WHERE {{ ?p a <{CI}Person> }}"
PERSON = pyoxigraph.NamedNode(f"{CI}Person")
PAIN = "00000000-0000-4000-8000-103000000001"


@pytest.fixture(scope="module", params=["store", "service"])
def store(
    request: pytest.FixtureRequest, demo_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A store with the demonstration graph that nobody has open, and one that a service serves."""
    path = tmp_path_factory.mktemp("purpose") / "store"
    shutil.copytree(demo_store, path)
    if request.param == "store":
        yield path
        return
    with serving(path):
        yield path


def count(run: Run, store: Path, *options: str) -> int:
    done = run("query", PERSONS, "--format", "csv", "--store", store, *options)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[1])


def test_a_query_sees_the_view_of_the_purpose_and_nothing_else(run: Run, store: Path) -> None:
    everybody = count(run, store)
    assert count(run, store, "--purpose", "everything") == everybody
    assert 0 < count(run, store, "--purpose", RESEARCH) < everybody
    short, whole = (count(run, store, "--purpose", p) for p in (RESEARCH, f"{DPV}ResearchAndDevelopment"))
    assert short == whole
    named = run("query", "ASK { GRAPH ?g { ?s ?p ?o } }", "--json", "--purpose", RESEARCH, "--store", store)
    assert '"boolean":false' in named.stdout.replace(" ", "")


def test_questions_and_traces_see_the_view(run: Run, store: Path) -> None:
    rows = {}
    for purpose in ("everything", RESEARCH):
        done = run("ask", "3", "--format", "csv", "--purpose", purpose, "--store", store)
        assert done.returncode == 0, done.stderr
        done = run("trace", PAIN, "--json", "--purpose", purpose, "--store", store)
        assert done.returncode == 0, done.stderr
        rows[purpose] = len(done.stdout)
    assert rows[RESEARCH] < rows["everything"]  # evidence of persons who did not consent


def test_a_question_that_needs_everything_says_so(run: Run, store: Path) -> None:
    for question in ("expiring-consents", "consent-coverage"):
        assert run("ask", question, "--store", store).returncode == 0
        done = run("ask", question, "--purpose", RESEARCH, "--store", store)
        assert (done.returncode, done.stdout) == (3, "")
        assert "needs the view of everything" in done.stderr
    assert "(needs the view of everything)" in run("ask", "28", "-d", "-l", "en", "--store", store).stdout


def test_an_export_for_a_purpose_is_its_view(run: Run, store: Path, tmp_path: Path) -> None:
    done = run("export", "--purpose", RESEARCH, "-o", "view.nt", "--store", store)
    assert done.returncode == 0, done.stderr
    triples = list(pyoxigraph.parse(path=tmp_path / "view.nt"))
    persons = {t.subject for t in triples if (t.predicate.value, t.object) == (f"{RDF}type", PERSON)}
    assert len(persons) == count(run, store, "--purpose", RESEARCH)
    refused = run("export", "--purpose", RESEARCH, "--graph", "urn:g", "--store", store)
    assert refused.returncode == 2


@pytest.mark.parametrize("command", [["query", PERSONS], ["ask", "3"], ["trace", PAIN], ["export"]])
def test_an_unknown_purpose_is_refused_with_those_there_are(
    run: Run, store: Path, command: list[str]
) -> None:
    done = run(*command, "--purpose", "dpv:Nothing", "--store", store)
    assert (done.returncode, done.stdout) == (3, "")
    assert f"{DPV}ResearchAndDevelopment" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("purpose", ["", " ", "dpv:\n"])
def test_a_purpose_without_a_name_does_not_read_everything(run: Run, store: Path, purpose: str) -> None:
    assert run("query", PERSONS, "--purpose", purpose, "--store", store).returncode == 2
