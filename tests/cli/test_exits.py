"""Exit codes and messages: one line on the error stream, never a traceback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from rich.console import Console

from kgservice import errors
from kgservice.cli import exits
from kgservice.cli.exits import Exit, code
from kgservice.cli.main import _told as told
from tests.cli.commands import COMMAND, Run, environment


@pytest.mark.parametrize(
    ("args", "exit_code", "words"),
    [
        (["query", "SELECT * WHERE {"], 2, "line 1"),
        (["query", "SELECT * WHERE { SERVICE <http://example.com/> { ?s ?p ?o } }"], 3, "SERVICE"),
        (["query"], 2, "query"),
        (["query", "ASK {}", "--format", "klingon"], 2, "klingon"),
        (["query", "CONSTRUCT WHERE { ?s ?p ?o }", "--format", "csv"], 2, "turtle"),
        (["ask", "no-such-question"], 4, "no-such-question"),
        (["ask", "impact-of-solution", "-p", "solution"], 2, "NAME=VALUE"),
        (["ask", "impact-of-solution", "-p", "nonsense=1"], 2, "nonsense"),
        (["trace", "00000000-0000-4000-8000-000000000000"], 4, "00000000-0000-4000-8000-000000000000"),
        (["export", "--graph", "https://kg.example/graph/none"], 4, "graph/none"),
        (["export", "--graph", "not an iri"], 2, "not an iri"),
        (["serve", "--host", "192.0.2.1"], 3, "keys create"),
        (["trace", "x", "--url", "http://127.0.0.1:9"], 6, "does not answer"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_expected_errors(run: Run, demo_store: Path, args: list[str], exit_code: int, words: str) -> None:
    done = run(*args, KGSERVICE_STORE=str(demo_store))
    assert done.returncode == exit_code, done.stderr
    assert words in done.stderr
    assert done.stdout == ""


def test_an_expected_error_in_a_real_process_is_one_line() -> None:
    done = subprocess.run(
        [*COMMAND, "query", "ASK {}", "--format", "klingon"],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (Exit.BAD_INPUT, "", 1)


def test_the_command_starts_without_the_client_of_services() -> None:
    program = "import sys, kgservice.cli; sys.exit('httpx' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], env=environment(), timeout=60, check=False).returncode
        == 0
    )


def test_broken_files_are_named_with_line_and_column(run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.ttl").write_text("<urn:a> <urn:b> <urn:c> .\n<urn:a> <urn:b> .\n")
    done = run("load", "broken.ttl", "--store", "s/store")
    assert done.returncode == 2
    assert "broken.ttl, line 2" in done.stderr


def test_a_statement_in_the_wrong_graph_is_a_conflict(run: Run, tmp_path: Path) -> None:
    (tmp_path / "wrong.nq").write_text(
        "<https://kg.example/id/1> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> "
        "<https://w3id.org/kgservice/ci#PainPoint> <https://kg.example/graph/subject/9> .\n"
    )
    done = run("load", "wrong.nq", "--store", "s/store")
    assert done.returncode == 5, done.stderr


def test_a_reader_that_goes_away_is_no_error(demo_store: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "export", "--store", str(demo_store)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(60) == Exit.BROKEN_PIPE
    assert said == b""


@pytest.mark.parametrize("unbuffered", ["1", ""])
def test_a_reader_of_a_large_table_that_goes_away_is_told(demo_store: Path, unbuffered: str) -> None:
    with subprocess.Popen(
        [*COMMAND, "query", "SELECT * { ?s ?p ?o } LIMIT 3000", "--store", str(demo_store)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(PYTHONUNBUFFERED=unbuffered),
    ) as process:
        assert process.stdout is not None
        os.read(process.stdout.fileno(), 1)
        process.stdout.close()
        assert process.wait(60) == Exit.BROKEN_PIPE


def test_nor_is_one_that_a_table_was_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exits, "silence_output", lambda: None)

    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    def shown(console: Console) -> None:
        with told(as_json=False):
            console.print("a table")

    console = Console(file=Gone())
    with pytest.MonkeyPatch.context() as patch, pytest.raises(typer.Exit) as ended:
        patch.setattr("os.dup2", lambda *_: None)  # what rich does to the output of the process
        shown(console)
    assert ended.value.exit_code == Exit.BROKEN_PIPE
    with pytest.raises(SystemExit), told(as_json=False):
        raise SystemExit(1)


def test_every_kind_of_error_has_an_exit_code() -> None:
    def kinds(kind: type[errors.KgError]) -> list[type[errors.KgError]]:
        return [kind, *(below for sub in kind.__subclasses__() for below in kinds(sub))]

    documented = {2, 3, 4, 5, 6, 1}
    assert {int(code(kind("x"))) for kind in kinds(errors.KgError)} == documented


@pytest.mark.parametrize(
    ("args", "exit_code", "problem"),
    [
        (["query", "ASK {\nnonsense", "--json"], 2, {"type": "/problems/malformed-sparql", "line": 2}),
        (["ask", "no-such-question", "--json"], 4, {"type": "/problems/not-found", "title": "Not found"}),
        (["load", "no-such-file", "--json"], 2, {"type": "/problems/bad-parameter"}),
        (["export", "--json", "-o", "no/such/folder"], 2, {"source": "/no/such/folder.part"}),
    ],
)
def test_with_json_an_error_is_json_too(
    run: Run, demo_store: Path, args: list[str], exit_code: int, problem: dict[str, object]
) -> None:
    done = run(*args, KGSERVICE_STORE=str(demo_store))
    assert (done.returncode, done.stdout) == (exit_code, "")
    said = json.loads(done.stderr)
    assert {"type", "title", "detail"} <= said.keys()
    assert "status" not in said
    for key, value in problem.items():
        assert str(said[key]).endswith(str(value))


@pytest.mark.parametrize(
    ("locale", "line"),
    [
        ({"LC_ALL": "de_DE.UTF-8", "LANG": "en_GB.UTF-8"}, "Nicht gefunden: Es gibt keine Frage 'xyzzy'\n"),
        ({"LC_ALL": "", "LANG": "de"}, "Nicht gefunden: Es gibt keine Frage 'xyzzy'\n"),
        ({"LC_ALL": "fr_FR.UTF-8", "LANG": "de"}, "Not found: there is no question 'xyzzy'\n"),
    ],
)
def test_errors_are_told_in_the_language_of_the_terminal(
    run: Run, demo_store: Path, locale: dict[str, str], line: str
) -> None:
    done = run("ask", "xyzzy", KGSERVICE_STORE=str(demo_store), **locale)
    assert (done.returncode, done.stderr) == (4, line)
