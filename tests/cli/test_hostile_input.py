"""What is given wrongly on purpose or by mistake: refused in a sentence, with the exit code of bad input."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from kgservice.cli.exits import Exit
from kgservice.cli.runtime import note_of
from kgservice.errors import BadParameter
from kgservice.settings import Settings
from tests.cli.commands import COMMAND, Run, environment


@pytest.mark.parametrize(
    "args",
    [
        ["load", ""],
        ["validate", ""],
        ["query", "--file", ""],
        ["export", "-o", ""],
        ["docs", "ontology", "-o", ""],
        ["check", "--store", ""],
    ],
)
def test_an_empty_path_is_not_this_directory(run: Run, tmp_path: Path, args: list[str]) -> None:
    (tmp_path / "secret.ttl").write_text("<urn:a> <urn:b> <urn:c> .")
    done = run(*args)
    assert done.returncode == Exit.BAD_INPUT
    assert "the path is empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["secret.ttl"]


@pytest.mark.parametrize("args", [["load", "none.ttl"], ["validate", "none.ttl"], ["query", "-F", "none.rq"]])
def test_a_missing_file_is_named(run: Run, args: list[str]) -> None:
    done = run(*args)
    assert done.returncode == Exit.BAD_INPUT
    assert args[-1] in done.stderr


@pytest.mark.parametrize(
    "url", ["http://[::", "http://127.0.0.1:999999", "ftp://127.0.0.1", "here", "http://"]
)
def test_what_is_no_address_is_refused(run: Run, url: str) -> None:
    done = run("query", "ASK {}", "--url", url)
    assert done.returncode == Exit.BAD_INPUT
    assert "--url" in done.stderr


@pytest.mark.parametrize("url", ["http://[::", "http://192.0.2.1:80", "http://127.0.0.1:99999", "", 7])
def test_a_note_that_no_service_wrote_is_ignored(
    run: Run, demo_store: Path, tmp_path: Path, url: object
) -> None:
    (tmp_path / "s").symlink_to(demo_store)
    note_of(tmp_path / "s").write_text(json.dumps({"url": url, "token": "t", "pid": 1}))
    assert run("query", "ASK {}", "--store", "s").stdout == "yes\n"


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_that_is_none(run: Run, port: str) -> None:
    assert run("serve", "--port", port).returncode == Exit.BAD_INPUT
    done = run("serve", KGSERVICE_PORT=port)
    assert done.returncode == Exit.BAD_INPUT
    assert "KGSERVICE_PORT" in done.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BASE", "no base"),
        ("BASE", "relative/"),
        ("BASE", "https://kg.example"),
        ("BASE", "https://kg.example/#/"),
        ("BASE", "https://[kg/"),
        ("STORE", "."),
        ("STORE", "/"),
        ("PORT", "http"),
        ("PORT", "65536"),
        ("TOKEN", "two words"),
        ("TOKEN", "line\n"),
        ("MAX_BODY", "0"),
        ("MAX_QUERY", "-1"),
        ("LANGUAGE", "fr"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(variable: str, value: str) -> None:
    with pytest.raises(BadParameter) as refused:
        Settings.load({f"KGSERVICE_{variable}": value})
    assert refused.value.source == f"KGSERVICE_{variable}"


def test_an_empty_variable_is_not_set() -> None:
    names = ("BASE", "STORE", "HOST", "PORT", "TOKEN", "MAX_BODY", "MAX_QUERY", "LANGUAGE")
    assert Settings.load({f"KGSERVICE_{name}": "" for name in names}) == Settings()


def test_settings_that_can_be_used() -> None:
    settings = Settings.load({"KGSERVICE_BASE": "urn:example:kg#", "KGSERVICE_PORT": "0"}, token="tökén")
    assert (settings.base, settings.port, settings.token) == ("urn:example:kg#", 0, "tökén")


@pytest.mark.parametrize(
    "args",
    [
        ["query", b"ASK {} # \xff"],
        ["ask", b"\xff"],
        ["ask", "impact-of-solution", "-p", b"solution=\xff"],
        ["trace", b"\xff"],
        ["export", "--graph", b"urn:\xff"],
    ],
)
def test_text_that_is_not_utf8(args: list[str | bytes]) -> None:
    done = subprocess.run(
        [*COMMAND, *args], capture_output=True, env=environment(PYTHONUTF8="1"), timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (Exit.BAD_INPUT, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"the text is not valid UTF-8" in done.stderr


def test_a_query_file_that_is_not_utf8(run: Run, tmp_path: Path) -> None:
    (tmp_path / "latin.rq").write_bytes("ASK {}\n# ä".encode("latin-1"))
    done = run("query", "--file", "latin.rq")
    assert done.returncode == Exit.BAD_INPUT
    assert "latin.rq, line 2: the query is not valid UTF-8" in done.stderr


def test_export_into_a_pipe_leaves_the_pipe(run: Run, demo_store: Path, tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    done = run("export", "-o", "pipe", "--store", demo_store)
    reader.join(30)
    assert done.returncode == 0, done.stderr
    assert pipe.is_fifo()
    assert b"<https://kg.example/graph/ontology>" in read[0]
    assert "Written to pipe" in done.stderr


def test_export_over_a_symbolic_link_writes_its_file(run: Run, demo_store: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link, target = tmp_path / "link.nq", tmp_path / "real" / "target.nq"
    target.write_text("before")
    link.symlink_to(target)
    assert run("export", "-o", "link.nq", "--store", demo_store).returncode == 0
    assert link.is_symlink()
    assert target.stat().st_size > 1000
    assert sorted(path.name for path in target.parent.iterdir()) == ["target.nq"]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    "args",
    [["--help"], ["query", "--help"], ["version"], ["export"], ["query", "SELECT * { ?s ?p ?o }", "--json"]],
)
def test_a_full_disk_is_said_in_one_line(demo_store: Path, args: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:  # only written to, as by a shell's `>`
        done = subprocess.run(
            [*COMMAND, *args],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(KGSERVICE_STORE=str(demo_store)),
            timeout=60,
            check=False,
        )
    assert done.returncode == Exit.STORE
    said = done.stderr.decode()
    if "--json" in args:
        said = json.loads(said)["detail"] + "\n"
    assert said == "The output cannot be written: No space left on device\n"
