"""`kgservice crm lookup` on a store and through a service: one record by options, several from a file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.clock import Clock
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.cli.commands import Run, environment
from tests.serving import running
from tests.unit.links import AMBROS, SAWMILL, TILMAN

MAIL = "TILMAN.KANTWERK@fensterbau-lichtkant.example"
ONE = (
    "--field",
    "full_name=Kantwerk, Tilman",
    "--field",
    f"email={MAIL}",
    "--field",
    "email=t@other.example",
)
STRANGER = ("--field", "full_name=Xaver Niemandsfreund")
TABLE = (
    "Key;Given name;Family name;E-Mail;Birth date;Opted out\n"
    f'K-1;Tilman;Kantwerk;"t@other.example;{MAIL}";;false\n'
    "K-2;Xaver;Niemandsfreund;;1990-05-21;\n"
    "K-3;Ambros;Mostinger;ambros.mostinger@obstkelterei-apfelrain.example;;\n"
)


@pytest.fixture
def store(demo_store: Path, tmp_path: Path) -> Path:
    """A copy of the demonstration."""
    return Path(shutil.copytree(demo_store, tmp_path / "copy"))


def customers(text: str) -> list[list[str]]:
    """The customers of each record of an answer."""
    return [[one["customer"] for one in record["candidates"]] for record in json.loads(text)["records"]]


@pytest.mark.slow
def test_one_record_by_options(run: Run, store: Path) -> None:
    here = ("--store", store, "--language", "en")
    found = run("crm", "lookup", "persons", *ONE, "--json", *here)
    assert (found.returncode, found.stderr) == (0, "")
    assert customers(found.stdout) == [[TILMAN]]
    shown = run("crm", "lookup", "persons", *ONE, *here, COLUMNS="300")
    assert "Tilman Kantwerk" in shown.stdout
    assert TILMAN in shown.stdout
    assert "email +" in shown.stdout
    nobody = run("crm", "lookup", "persons", *STRANGER, *here)
    assert (nobody.returncode, nobody.stdout) == (0, "")
    assert "It may be nobody in the graph: 1" in nobody.stderr
    firm = run("crm", "lookup", "organisations", "--field", "name=Saegewerk Tannhof", "--json", *here)
    assert SAWMILL in customers(firm.stdout)[0]
    log = run("audit", "export", "--store", store)
    assert '"kgservice crm lookup"' in log.stdout
    assert "Kantwerk" not in log.stdout


@pytest.mark.slow
def test_records_from_files(run: Run, store: Path, tmp_path: Path) -> None:
    table, listed = tmp_path / "new.csv", tmp_path / "new.json"
    table.write_text(TABLE, encoding="utf-8")
    found = run("crm", "lookup", "persons", "--file", table, "--json", "--store", store)
    assert (found.returncode, found.stderr) == (0, "")
    assert customers(found.stdout) == [[TILMAN], [], [AMBROS]]
    assert [record["key"] for record in json.loads(found.stdout)["records"]] == ["K-1", "K-2", "K-3"]
    said = [{"full_name": "Tilman Kantwerk", "email": MAIL}]
    for text in (said, {"records": said}):
        listed.write_text(json.dumps(text), encoding="utf-8")
        one = run("crm", "lookup", "persons", "--file", listed, "--json", "--store", store)
        assert customers(one.stdout) == [[TILMAN]], one.stderr
    head, first, *_ = TABLE.splitlines(keepends=True)
    table.write_text(head + "".join(first.replace("K-1", f"K-{n}") for n in range(1001)), encoding="utf-8")
    many = run("crm", "lookup", "persons", "--file", table, "--json", "--store", store)
    assert customers(many.stdout) == [[TILMAN]] * 1001


@pytest.mark.slow
def test_through_a_service(run: Run, store: Path, tmp_path: Path, clock: Clock) -> None:
    table = tmp_path / "new.csv"
    table.write_text(TABLE, encoding="utf-8")
    here = run("crm", "lookup", "persons", "--file", table, "--json", "--store", store)
    kg = KnowledgeGraph.open(Settings(store=store), OxigraphStore(store), clock)
    with running(kg) as server:
        there = ("--url", server.url, "--token", server.token)
        asked = run("crm", "lookup", "persons", "--file", table, "--json", *there)
        shown = run("crm", "lookup", "persons", *ONE, *there, COLUMNS="300")
        refused = run("crm", "lookup", "persons", *ONE, "--url", server.url, "--token", "x")
    kg.close()
    assert json.loads(asked.stdout) == json.loads(here.stdout)
    assert "Tilman Kantwerk" in shown.stdout
    assert refused.returncode == 3


BAD = [
    ("Key,Shoe size\n1,43\n", "'Shoe size' is none of the columns"),
    ("Key,key\n1,2\n", "stands there twice"),
    ("Key,Birth date\n1,31.02.1990\n", "new.csv, line 2.birth_date"),
    ('Key,City\n1,"Ulm\n', "new.csv, line 2: cannot be read: a quote is not closed"),
    ("Key,City\n", "there is no record in it"),
    ("", "is empty"),
]


@pytest.mark.parametrize(("text", "said"), BAD, ids=[said for _, said in BAD])
def test_what_is_wrong_in_a_file_is_told_with_its_place(
    run: Run, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "new.csv").write_text(text, encoding="utf-8")
    done = run("crm", "lookup", "persons", "--file", tmp_path / "new.csv", "--store", tmp_path / "store")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_other_bad_input(run: Run, tmp_path: Path) -> None:
    listed, here = tmp_path / "new.json", ("--store", tmp_path / "store")
    for text, said in (
        ("[1", "new.json, line 1, column 3: it is no JSON"),
        ("[" * 100_000, "it is no JSON that can be read"),
        ("{}", "there is no record in it"),
        ('["Anna"]', "must be a JSON object"),
        ('[{"family_name": 7}]', "new.json: records[0].family_name"),
    ):
        listed.write_text(text, encoding="utf-8")
        done = run("crm", "lookup", "persons", "--file", listed, *here)
        assert (done.returncode, said in done.stderr) == (2, True), (said, done.stderr)
    for wrong in (
        (),
        ("--field", "email"),
        ("--field", "vat_id=DE1"),
        ("--field", "city=Ulm", "--field", "city=Ulm"),
        ("--field", "birth_date=gestern"),
        (*ONE, "--file", listed),
        ("--file", tmp_path / "none.csv"),
    ):
        assert run("crm", "lookup", "persons", *wrong, *here).returncode == 2, wrong
    assert run("crm", "lookup", "cats", *ONE, *here).returncode == 2
    assert run("crm", "lookup", "persons", *ONE, *here).returncode == 4  # there is no store


def test_without_the_packages_it_says_what_to_install(store: Path) -> None:
    code = (
        "import importlib.util as u\n"
        "u.find_spec = lambda n, p=None, f=u.find_spec: None if n == 'splink' else f(n, p)\n"
        "from kgservice.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, "crm", "lookup", "persons", *ONE, "--store", str(store)],
        capture_output=True, text=True, env=environment(), timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "matching needs packages that are not there (splink): pip install 'kgservice[crm]'" in done.stderr
