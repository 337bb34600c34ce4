"""`kgservice validate --resume` goes on where a validation was killed, and finds what an undisturbed one finds."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import Run, environment

ROOT = Path(__file__).parents[2]
INVALID = ROOT / "shapes/core/examples/R04-unit.invalid.ttl"
# The command in a process that dies when it has kept the findings of so many parts.
DIES = """
import os, signal
from kgservice.application.guard.journal import Journal
from kgservice.cli import main

add = Journal.add

def kept(journal, part):
    add(journal, part)
    if len(journal.parts) == 2:
        os.kill(os.getpid(), signal.{})

Journal.add = kept
main()
"""


@pytest.fixture(scope="module")
def store(demo_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration graph with a violation: two chunks of nodes."""
    from kgservice.application.graph.graph import KnowledgeGraph
    from kgservice.application.imports.load import load_rdf
    from kgservice.domain.change import Origin
    from kgservice.settings import Settings
    from kgservice.store import OxigraphStore

    path = tmp_path_factory.mktemp("resume") / "store"
    shutil.copytree(demo_store, path)
    kg = KnowledgeGraph.open(Settings(store=path), OxigraphStore(path), guarded=False)
    load_rdf(kg, [INVALID], Origin())
    kg.close()
    return path


@pytest.mark.slow
def test_a_validation_that_was_killed_goes_on(run: Run, store: Path) -> None:
    undisturbed = run("validate", "--store", store, "--json")
    assert '"R04"' in undisturbed.stdout
    assert (undisturbed.returncode, undisturbed.stderr) == (1, "")
    journal = store.with_name("store.validation")
    for name, code in (("SIGKILL", -signal.SIGKILL), ("SIGINT", 130)):
        died = subprocess.run(
            [sys.executable, "-W", "error", "-c", DIES.format(name), "validate", "--store", str(store)],
            capture_output=True,
            text=True,
            env=environment(),
            timeout=900,
            check=False,
        )
        assert (died.returncode, died.stdout) == (code, ""), died.stderr
        assert journal.exists()
        size = journal.stat().st_size
        gone_on = run("validate", "--resume", "--store", store, "--json")
        assert "Going on with the validation that began at 2" in gone_on.stderr
        assert (gone_on.stdout, gone_on.returncode) == (undisturbed.stdout, 1)
        assert size > 10_000  # most of the findings were there already
        # The journal is gone, and so is the copy of the store that the killed process left behind.
        logs = ("store.audit", "store.erased")
        left = [path.name for path in store.parent.iterdir() if not path.name.startswith(logs)]
        assert left == ["store"]


def test_only_a_store_without_service_goes_on(run: Run, demo_store: Path) -> None:
    (demo_store.parent / "x.ttl").write_text("")
    files = run("validate", demo_store.parent / "x.ttl", "--resume")
    assert (files.returncode, "in one go" in files.stderr) == (2, True)
    service = run("validate", "--url", "http://127.0.0.1:9/", "--resume")
    assert (service.returncode, "from the start" in service.stderr) == (2, True)
