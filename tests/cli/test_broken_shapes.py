"""Shapes that cannot be used: commands and the service say which file and line, and do not go on without them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import kgservice
from kgservice import resources
from tests.cli.commands import COMMAND, environment

FILE = Path("shapes", "core", "completeness.violation.ttl")
CONSTRAINT = "sh:minCount 1 ;"
# What stands in place of the first constraint of the file, and what is said of it.
FAULTS = {
    "a term that SHACL has not": (
        "sh:minCuont 1 ;",
        r"Bad input: {file}, line {line}: sh:minCuont is no term",
    ),
    "a syntax error": ("sh:minCount ;", r"Malformed RDF: {file}, line {line}, column \d+: "),
    "a shape that is nowhere": (
        "sh:node shape:Nowhere ;",
        r"Bad input: {file}, line {line}: there is no shape .*Nowhere",
    ),
    "a value that cannot be": (
        'sh:minCount "eins" ;',
        r"Bad input: {file}, line {line}: sh:minCount must be a whole number",
    ),
    "a class that is misspelt": (
        "sh:class ci:Chanel ;",
        r"Bad input: {file}, line {line}: ci:Chanel is no term of the ontology",
    ),
    "recursion": (
        "sh:node shape:TouchpointComplete ;",
        r"Bad input: {file}, line \d+: shapes must not be recursive: .*TouchpointComplete",
    ),
}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the files that it ships, as in a source tree."""
    root = tmp_path_factory.mktemp("installation")
    shutil.copytree(Path(kgservice.__file__).parent, root / "src" / "kgservice")
    for name in ("ontology", "queries", "shapes"):
        shutil.copytree(resources.folder(name), root / name)
    return root


def run(installation: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """A command of the copy, in a process of its own."""
    return subprocess.run(
        [*COMMAND, *args],
        capture_output=True,
        text=True,
        env=environment(PYTHONPATH=str(installation / "src")),
        cwd=installation,
        timeout=120,
        check=False,
    )


@pytest.fixture
def broken(installation: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """One of the faults in the file; the pattern of what is to be said of it."""
    fault, words = FAULTS[request.param]
    path = installation / FILE
    whole = path.read_text(encoding="utf-8")
    line = whole[: whole.index(CONSTRAINT)].count("\n") + 1
    path.write_text(whole.replace(CONSTRAINT, fault, 1), encoding="utf-8")
    yield words.format(file=re.escape(str(path)), line=line)
    path.write_text(whole, encoding="utf-8")


def check(done: subprocess.CompletedProcess[str], words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert re.search(words, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("broken", FAULTS, indirect=True)
def test_a_command_names_file_and_line(installation: Path, broken: str) -> None:
    (installation / "new.ttl").write_text("<urn:a> a <https://w3id.org/kgservice/ci#Solution> .")
    check(run(installation, "validate", "new.ttl"), broken)


@pytest.mark.slow
@pytest.mark.parametrize("broken", list(FAULTS)[:1], indirect=True)
def test_the_service_ends_and_names_them(installation: Path, empty_store: Path, broken: str) -> None:
    check(run(installation, "serve", "--port", "0", "--store", str(empty_store)), broken)
