"""`kgservice load --bulk`: an export goes into a new store as it was."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pyoxigraph
import pytest

from tests.cli.commands import Run

HEAD = "PREFIX ci: <https://w3id.org/kgservice/ci#> SELECT (MAX(?n) AS ?head) WHERE { ?c ci:commitNumber ?n }"
COUNT = "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o FILTER(!STRSTARTS(STR(?p), 'http://www.w3.org/ns/prov#')) }"


def number(run: Run, query: str, store: Path) -> int:
    done = run("query", query, "--format", "csv", "--store", store)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[1])


def graphs(run: Run, store: Path, *options: str) -> dict[str, set[pyoxigraph.Triple]]:
    """What an export holds, by graph; it is in `graphs.nq`."""
    done = run("export", "-o", "graphs.nq", "--store", store, *options)
    assert done.returncode == 0, done.stderr
    found: dict[str, set[pyoxigraph.Triple]] = defaultdict(set)
    for quad in pyoxigraph.parse(path="graphs.nq"):
        assert isinstance(quad.graph_name, pyoxigraph.NamedNode)
        found[quad.graph_name.value].add(quad.triple)
    return found


@pytest.mark.slow
def test_an_export_has_what_cannot_be_derived_and_gives_the_same_views_in_a_new_store(
    run: Run, demo_store: Path, tmp_path: Path
) -> None:
    base, copy = "https://kg.example/", tmp_path / "copy"
    whole, exported = graphs(run, demo_store, "--views"), graphs(run, demo_store)
    left_out = whole.keys() - exported.keys()
    assert {name for name in left_out if not name.startswith(f"{base}view/")} == {f"{base}graph/state"}
    assert all(whole[name] == said for name, said in exported.items())
    assert sum(map(len, exported.values())) < sum(map(len, whole.values())) / 3
    done = run("load", "--bulk", "graphs.nq", "--store", copy)
    assert done.returncode == 0, done.stderr
    assert "statements added" in done.stdout
    assert number(run, HEAD, copy) == number(run, HEAD, demo_store) + 1
    # The bulk load's own commit says nine things of itself besides its PROV relations, at the most.
    assert 0 <= number(run, COUNT, copy) - number(run, COUNT, demo_store) <= 9
    found = graphs(run, copy, "--views")
    own = {f"{base}graph/provenance", f"{base}graph/state", f"{base}view/everything"}
    assert found.keys() == whole.keys()
    assert [name for name in found if found[name] != whole[name] and name not in own] == []
    for name in (f"{base}graph/provenance", f"{base}view/everything"):
        assert whole[name] <= found[name]
        assert len(found[name] - whole[name]) < 20  # the commit of the load
    assert run("check", "--store", copy).returncode == 0
    assert run("check", "views", "--store", copy).returncode == 0
    assert run("check", "nothing", "--store", copy).returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ["trig", "jsonld"])
def test_other_formats_say_the_same(run: Run, demo_store: Path, fmt: str) -> None:
    expected = graphs(run, demo_store)
    assert run("export", "-o", f"all.{fmt}", "--store", demo_store).returncode == 0
    found = set(pyoxigraph.parse(path=f"all.{fmt}"))
    assert len(found) == sum(map(len, expected.values()))
    assert run("export", "--views", "--graph", "urn:g", "--store", demo_store).returncode == 2
    assert run("export", "--format", "turtle", "--store", demo_store).returncode == 2


def test_a_bulk_load_with_an_error_changes_nothing(run: Run, tmp_path: Path, empty_store: Path) -> None:
    (tmp_path / "bad.nq").write_text("<u:s> <u:p> <u:o> <u:g> .\n<u:s> oops\n")
    done = run("load", "--bulk", tmp_path / "bad.nq", "--store", empty_store)
    assert done.returncode == 2
    assert "line 2" in done.stderr
    left = run("query", "ASK { GRAPH <u:g> { ?s ?p ?o } }", "--json", "--store", empty_store)
    assert '"boolean":false' in left.stdout.replace(" ", "")


def test_a_bulk_load_does_not_go_to_a_service(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.nq").write_text("")
    assert run("load", "--bulk", tmp_path / "x.nq", "--url", "http://127.0.0.1:9/").returncode == 2
