"""The tutorial with Tryton is true: each of its commands is run, in its order, and says what stands there."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kgservice import resources
from tests.crm.tryton import ACTIVATED, database_made_once, tutorial

ROOT = Path(__file__).parents[2]
PORTS = ("8069", "8070")
# What is there already, or would be done with keys.
INSTALLED = "pip install"
PTY = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:], stdin_read=lambda _: b'a') >> 8)"
KEYS = {"kgservice crm review": f'python -c "{PTY}" kgservice crm review'}
WAIT = "for i in $(seq 300); do (exec 3<>/dev/tcp/127.0.0.1/{}) 2>/dev/null && break; sleep 0.2; done"


def free_port() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def script(commands: list[tuple[str, list[str]]], ports: list[str]) -> str:
    """All of it for bash, with a mark before what each command says."""
    lines = ["set -e", "trap 'kill $(jobs -p); wait' EXIT"]
    waiting = iter(ports)
    for number, (command, _) in enumerate(commands):
        lines.append(f"echo '=== {number}'")
        for plain, keys in KEYS.items():
            command = command.replace(plain, keys)  # noqa: PLW2901
        lines.append(command)
        if command.endswith("&"):
            lines.append(WAIT.format(next(waiting)))
    return "\n".join(lines)


@pytest.mark.slow
def test_the_tutorial(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    commands = [one for one in tutorial() if not one[0].startswith(INSTALLED)]
    assert len(commands) >= 15
    # This command has been run, as it stands there, for all tests with Tryton: it takes most of a minute.
    made = f"cp {database_made_once(tmp_path_factory) / 'crm.sqlite'} tryton/"
    (activating,) = (number for number, (command, _) in enumerate(commands) if ACTIVATED in command)
    commands[activating] = made, []
    folder = tmp_path / "examples" / "crm" / "tryton"
    shutil.copytree(resources.folder("examples") / "crm" / "tryton", folder)
    ports = [free_port() for _ in PORTS]
    settings = folder / "tutorial" / "source.toml"
    for old, new in zip(PORTS, ports, strict=True):
        assert any(old in command for command, _ in commands)
        commands = [(command.replace(old, new), told) for command, told in commands]
        settings.write_text(settings.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "COLUMNS": "100",
    }
    done = subprocess.run(
        ["bash", "-c", script(commands, ports)],
        cwd=tmp_path, env=environment, text=True, capture_output=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for number, (command, expected) in enumerate(commands):
        told = done.stdout.partition(f"=== {number}\n")[2].partition("\n=== ")[0].splitlines()
        assert set(expected) <= set(told), (command, told)
