"""Run a command again and again, each time killed (SIGKILL) just before a later one of its writes.

    python -m tests.server.killed FOLDER EVERY ARGUMENTS

Round n works in `FOLDER/n`, a copy of `FOLDER/start`, and ends before write n × EVERY (from 1): a change of a store,
or a file that is opened to be written, renamed or removed, a directory made or removed. The last round comes to
its end. Rounds are forks of this process, which has imported everything and opened no store.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyoxigraph

from kgservice.application.care import migrating, restoring
from kgservice.application.law import erasing
from kgservice.cli import app, local, recording
from kgservice.store.oxigraph import OxigraphStore
from tests.cli.commands import environment

WARM = (migrating, restoring, erasing, local, recording)
FILES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree"}


def killed(folder: Path, every: int, *arguments: str) -> list[Path]:
    """The folders that the rounds of a command have left, the last of which it has finished."""
    command = [sys.executable, "-m", "tests.server.killed", str(folder), str(every), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stdout + done.stderr
    rounds = sorted((path for path in folder.iterdir() if path.name.isdecimal()), key=lambda p: int(p.name))
    assert len(rounds) > 2
    return rounds


def _count(end: int) -> None:
    """Have this process killed before it writes for the time `end`."""
    here, changing = Path.cwd(), OxigraphStore._changing
    done = 0

    def write() -> None:
        nonlocal done
        done += 1
        if done == end:
            os.kill(os.getpid(), signal.SIGKILL)

    def hear(event: str, told: tuple[Any, ...]) -> None:
        writes = event in FILES or (event == "open" and told[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if (
            writes
            and isinstance(told[0], str | os.PathLike)
            and Path(told[0]).absolute().is_relative_to(here)
        ):
            write()

    @contextmanager
    def counted(store: OxigraphStore) -> Iterator[pyoxigraph.Store]:
        write()
        with changing(store) as there:
            yield there

    OxigraphStore._changing = counted  # type: ignore[assignment, method-assign]
    sys.addaudithook(hear)


def main() -> None:
    """Do all rounds."""
    folder, every, arguments = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    number, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        number += 1
        copy = shutil.copytree(folder / "start", folder / str(number))
        process = os.fork()
        if not process:
            os.chdir(copy)
            _count(number * every)
            app(arguments)  # exits
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    raise SystemExit(code)


if __name__ == "__main__":
    main()
