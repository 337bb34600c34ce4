"""`kgservice crm` from a file of the sales department to reviewed links, on the demonstration graph."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from kgservice.application.sources import packages
from kgservice.crm.canonical_tables import opened
from tests.cli.commands import Run, run_here
from tests.crm.folders import example

FRANZISKA = "https://kg.example/id/00000000-0000-4000-8000-100700000017"
TABLES = ("tickets", "deals", "preferences")
LINKED = {"K-101", "K-102", "K-103", "K-104", "K-105", "K-106"}


@pytest.fixture
def store(demo_store: Path, tmp_path: Path) -> Path:
    """The demonstration in a folder of its own, beside which sources are kept."""
    return Path(shutil.copytree(demo_store, tmp_path / "data" / "store"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The sales department's files."""
    return example("vertrieb", tmp_path)


@dataclass(frozen=True)
class Begun:
    """What the first two commands have made of the sales department's files, and what they said."""

    synchronised: Path
    matched: Path
    summary: dict[str, Any]
    done: dict[str, Any]


@pytest.fixture(scope="module")
def begun(demo_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Begun:
    """The demonstration with these files, synchronised and then matched as well, to be copied."""
    folder = tmp_path_factory.mktemp("begun")
    store = Path(shutil.copytree(demo_store, folder / "matched" / "store"))
    said(run_here, "crm", "add", example("vertrieb", folder), store=store)
    (summary,) = said(run_here, "crm", "sync", store=store)
    shutil.copytree(store.parent, folder / "synchronised")
    done = said(run_here, "crm", "match", store=store)
    return Begun(folder / "synchronised", store.parent, summary, done)


def goes_on(run: Run, begun: Path, source: Path, tmp_path: Path) -> Path:
    """The store in a copy of a folder, with the source's files as this test's own."""
    data = Path(shutil.copytree(begun, tmp_path / "data"))
    (data / "crm" / "sources.json").unlink()
    said(run, "crm", "add", source, store=data / "store")
    return data / "store"


@pytest.fixture
def synchronised(run: Run, begun: Begun, source: Path, tmp_path: Path) -> Path:
    """The store with the sales department's files, which were read."""
    return goes_on(run, begun.synchronised, source, tmp_path)


@pytest.fixture
def linked(run: Run, begun: Begun, source: Path, tmp_path: Path) -> Path:
    """The store with the sales department's files, which were read and matched."""
    return goes_on(run, begun.matched, source, tmp_path)


def said(run: Run, *args: str | Path, store: Path) -> Any:
    """The JSON that a command gives."""
    done = run(*args, "--json", "--store", store)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def matched(run: Run, store: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a run does: about links and about records of persons."""
    done = said(run, "crm", "match", store=store)
    return done["links"], done["records"]["vertrieb"]["persons"]


def replace(path: Path, old: str, new: str) -> None:
    """Change a file of the source."""
    text = path.read_text("cp1252")
    assert old in text
    path.write_text(text.replace(old, new), "cp1252")


@pytest.mark.slow
def test_the_rule_accepts_only_what_is_as_likely_as_is_set(run: Run, synchronised: Path) -> None:
    strict = partial(run, KGSERVICE_MATCHING_ACCEPT="1", KGSERVICE_MATCHING_CANDIDATE="0.99")
    links, _ = matched(strict, synchronised)
    assert (links["persons"]["accepted"], links["persons"]["candidates"]) == (0, 6)
    found = said(strict, "links", "--source", "vertrieb", store=synchronised)["links"]
    assert min(float(one["probability"]) for one in found) >= 0.99
    quality = said(strict, "links", "report", store=synchronised)["quality"]
    assert {(band["from"], band["to"]) for kind in quality for band in kind["bands"]} == {(0.99, 1), (1, 1)}
    done = strict("crm", "match", "--store", synchronised, KGSERVICE_MATCHING_ACCEPT="0.98")
    assert (done.returncode, "KGSERVICE_MATCHING_CANDIDATE" in done.stderr) == (2, True)


@pytest.mark.slow
def test_from_files_to_links_and_back(run: Run, begun: Begun, linked: Path, source: Path) -> None:
    store = linked
    assert [(r["key"], r["reason"]) for r in begun.summary["rejects"]] == [
        ("K-108", "Geändert am cannot be read: morgen")
    ]

    links, persons = begun.done["links"], begun.done["records"]["vertrieb"]["persons"]
    assert (links["persons"]["accepted"], links["persons"]["candidates"]) == (6, 0)
    assert (links["organisations"]["accepted"], links["organisations"]["candidates"]) == (3, 1)
    assert (persons["written"], persons["unlinked"], persons["refused"]) == (6, 1, [])
    found = said(run, "links", "--source", "vertrieb", store=store)["links"]
    assert {one["key"] for one in found if one["kind"] == "persons"} == LINKED

    # Nothing has changed, so nothing is written.
    before = said(run, "query", "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", store=store)
    again = said(run, "crm", "match", store=store)
    links, taken = again["links"], again["records"]["vertrieb"]
    assert all(
        not links[kind][what] for kind in links for what in ("candidates", "accepted", "changed", "withdrawn")
    )
    assert (taken["persons"]["written"], taken["persons"]["unchanged"]) == (0, 6)
    assert [taken[name]["written"] for name in TABLES] == [0, 0, 0]
    assert said(run, "query", "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", store=store) == before

    # What a steward rejects is never offered again; of a row that the CRM holds no more, what was taken from
    # it is restricted.
    firm = next(one for one in found if one["key"] == "F-3")
    said(run, "links", "reject", firm["id"], "--reason", "another company", store=store)
    replace(source / "kontakte.csv", "K-102;Henrike", "K-109;Erna")
    said(run, "crm", "sync", store=store)
    links, persons = matched(run, store)
    assert (links["organisations"]["candidates"], links["organisations"]["unchanged"]) == (0, 0)
    assert said(run, "links", "show", firm["id"], store=store)["state"] == "rejected"
    assert persons["deleted"] == 1
    said(run, "check", store=store)  # it ends with 1 when a view is not what it is to be


def test_a_rule_takes_over_what_differs(run: Run, linked: Path) -> None:
    store = linked
    job = f'ASK {{ <{FRANZISKA}> <https://w3id.org/kgservice/ci#occupation> "Schichtleiterin" }}'
    assert said(run, "query", job, store=store)["boolean"] is True
    differing = said(run, "ask", "crm-differences", store=store)["results"]["bindings"]
    assert {(row["field"]["value"], row["crmValue"]["value"]) for row in differing} >= {
        ("email", "i.hellmoser@kliniktechnik-ostgrund.example"),
        ("full_name", "Paskal Zellman"),
    }
    assert "phone" not in {row["field"]["value"] for row in differing}


@pytest.mark.slow
def test_tickets_deals_and_preferences(run: Run, begun: Begun, linked: Path, source: Path) -> None:
    store, taken = linked, begun.done["records"]["vertrieb"]
    done = {name: (taken[name]["written"], taken[name]["unlinked"]) for name in TABLES}
    assert done == {"tickets": (3, 1), "deals": (4, 0), "preferences": (2, 0)}
    refused = {one["key"]: one["reason"][:3] for name in TABLES for one in taken[name]["refused"]}
    assert refused == {"T-4": "R42", "A-4": "R25", "K-102": "R25"}
    waiting = said(run, "quarantine", store=store)
    assert sorted(one["file"] for one in waiting) == [
        "vertrieb/deals",
        "vertrieb/preferences",
        "vertrieb/tickets",
    ]
    assert len(rows(run, store, "pain-point-candidates")) == 4  # one is the demonstration's own
    # With the deals of the CRM the sawmill bought for 24,000 and the brewery for 11,400, then two for 9,600.
    assert [row[0][-2:] + row[3] for row in rows(run, store, "shared-pain-points", "-p", "largest=3")] == [
        "063", "042", "162", "012",
    ]  # fmt: skip

    # One line changes, one goes: the graph follows.
    tickets = (source / "tickets.csv").read_text("cp1252").splitlines(keepends=True)
    kept = [
        line.replace("zwei Tage lang", "drei Tage lang") for line in tickets if not line.startswith("T-3")
    ]
    (source / "tickets.csv").write_text("".join(kept), "cp1252")
    said(run, "crm", "sync", store=store)
    last = said(run, "crm", "match", store=store)["records"]["vertrieb"]["tickets"]
    assert (last["written"], last["removed"], last["unchanged"]) == (1, 1, 1)
    assert len(rows(run, store, "pain-point-candidates")) == 3
    said(run, "check", store=store)


def rows(run: Run, store: Path, question: str, *more: str) -> list[list[str]]:
    """The rows of a saved question."""
    found = said(run, "ask", question, *more, store=store)
    names = found["head"]["vars"]
    return [[row.get(name, {}).get("value", "") for name in names] for row in found["results"]["bindings"]]


def test_before_anything_was_synchronised(run: Run, store: Path) -> None:
    done = run("crm", "match", "--store", store)
    assert done.returncode == 4
    assert "nothing was synchronised yet" in done.stderr


def test_while_a_source_is_synchronised(run: Run, synchronised: Path) -> None:
    with opened(synchronised.parent / "crm"):
        done = run("crm", "match", "--store", synchronised)
    assert done.returncode == 5
    assert "somebody else works on it" in done.stderr


def test_an_unknown_rule_is_told(run: Run, store: Path, source: Path) -> None:
    (source / "source.toml").write_text(
        (source / "source.toml").read_text().replace('email = "graph"', 'email = "both"')
    )
    done = run("crm", "add", source, "--store", store)
    assert done.returncode == 2
    assert "rules" in done.stderr
    assert "both" in done.stderr


@pytest.mark.slow
def test_an_erased_person_is_in_no_table(run: Run, linked: Path) -> None:
    store = linked
    said_by_her = 'ASK { ?s ?p ?o FILTER(ISLITERAL(?o) && CONTAINS(STR(?o), "Terminbestätigung kommt")) }'
    assert said(run, "query", said_by_her, store=store)["boolean"] is True
    done = run(
        "subject",
        "erase",
        FRANZISKA,
        "--yes",
        "--store",
        store,
        "--other-basis",
        "erase",
    )
    assert done.returncode == 0, done.stderr
    held = b"".join(path.read_bytes() for path in (store.parent / "crm").rglob("*") if path.is_file())
    assert b"Lackner" not in held
    assert "Terminbestätigung kommt".encode() not in held
    assert said(run, "query", said_by_her, store=store)["boolean"] is False
    assert run("compact", "--store", store).returncode == 0
    kept = b"".join(path.read_bytes() for path in store.rglob("*") if path.is_file())
    assert "Terminbestätigung kommt".encode() not in kept
    assert b"Hubstein" in held


@pytest.mark.slow
def test_an_erased_person_does_not_come_back(run: Run, store: Path, source: Path) -> None:
    """Not even where every row that is nobody's becomes a person; the steward is told, and nothing is kept."""
    settings = source / "source.toml"
    text = settings.read_text().replace("[connection]", 'unmatched = "create"\n[connection]')
    settings.write_text(text)
    assert 'unmatched = "create"' in settings.read_text()
    said(run, "crm", "add", source, store=store)
    said(run, "crm", "sync", store=store)
    matched(run, store)
    (link,) = said(run, "links", "--customer", FRANZISKA, store=store)["links"]
    done = run("subject", "erase", FRANZISKA, "--yes", "--store", store, "--other-basis", "erase")
    assert done.returncode == 0, done.stderr
    for changed in (1, 0):
        (summary,) = said(run, "crm", "sync", store=store)
        assert bool(summary["run"]) == bool(changed)
        (told,) = (r for r in summary["rejects"] if (r["key"], r["kind"]) == (link["key"], "persons"))
        lines = (source / "kontakte.csv").read_text(encoding="cp1252").splitlines()
        assert lines[told["line"] - 1].startswith(link["key"])
        assert told["table"] == "kontakte"
        assert told["reason"] == "was erased here, and is still in the CRM"
        counts = summary["tables"]["kontakte"]
        assert counts["read"] == counts["taken"] + counts["repeated"] + counts["rejected"]
        _, persons = matched(run, store)
        assert persons["created"] == 0
    assert run("compact", "--store", store).returncode == 0
    kept = [path for path in store.parent.rglob("*") if path.is_file() and "audit" not in path.name]
    for path in kept:
        data = path.read_bytes()
        assert b"Lackner" not in data, path
        if path.is_relative_to(store.parent / "crm") or path.name == "store.erased.jsonl":
            assert link["key"].encode() not in data, path
    secret = store.with_name("store.secret")
    assert secret.stat().st_mode & 0o077 == 0
    assert len(bytes.fromhex(secret.read_text())) == 32
    # Without the secret nobody can tell who was erased, so that nothing is read.
    secret.unlink()
    assert run("crm", "sync", "--store", store).returncode == 6


@pytest.mark.parametrize(
    ("pyspark", "words"), [(False, "pip install 'kgservice[spark]'"), (True, "needs Java 17 or newer")]
)
def test_without_spark_or_java_it_says_what_is_missing(
    synchronised: Path, pyspark: bool, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        packages, "find_spec", lambda name: pyspark or None if name == "pyspark" else find_spec(name)
    )
    settings = {"KGSERVICE_MATCHING_ENGINE": "spark", "JAVA_HOME": "/nowhere"}
    done = run_here("crm", "match", "--store", synchronised, **settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
