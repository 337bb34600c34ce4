"""A disk that is really full: a small file system of its own, which users may mount in a namespace."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from kgservice.namespaces import CI
from kgservice.store import OxigraphStore
from tests.cli.commands import COMMAND, environment
from tests.serving import faults

NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount", "--kill-child"]
SERVE = 'mount -t tmpfs -o size=96m,mode=700 tmpfs "$1" && cp -r "$2" "$1/store" && shift 2 && exec "$@"'


def can_mount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    mount = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", str(folder)]
    return subprocess.run(mount, check=False, capture_output=True).returncode == 0


@pytest.mark.slow
def test_changes_are_refused_while_the_disk_is_full_and_made_when_there_is_room(
    model_only: OxigraphStore, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if not can_mount(small):
        pytest.skip("nothing can be mounted here")
    model_only.backup(tmp_path / "model")
    service = [*COMMAND, "serve", "--store", str(small / "store"), "--port", "0"]
    with subprocess.Popen(
        [*NAMESPACE, "sh", "-c", SERVE, "sh", str(small), str(tmp_path / "model"), *service],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(KGSERVICE_RESERVE="16", KGSERVICE_MEMORY="0"),
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1].partition("/?ticket=")[0]
            token = process.stdout.readline().split()[-1]
            with httpx.Client(
                base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=120
            ) as client:
                fill_and_free(client, lambda: Path(f"/proc/{child_of(process.pid)}/root{small}"))
        finally:
            process.kill()


def fill_and_free(client: httpx.Client, inside: Callable[[], Path]) -> None:
    def write(words: str) -> httpx.Response:
        update = f'INSERT DATA {{ <urn:test:x> a <{CI}Persona> ; <{CI}title> "{words}"@en }}'
        return client.post("/update", content=update, headers={"Content-Type": "application/sparql-update"})

    assert write("before").status_code == 204
    disk = inside()
    there = os.statvfs(disk)
    with (disk / "filler").open("wb") as filler:
        filler.write(b"\0" * (there.f_bavail * there.f_frsize - 8 * 2**20))
    refused = write("refused")
    assert (refused.status_code, refused.json()["type"]) == (507, "/problems/store-full")
    assert client.get("/health/ready").json()["writes"] is False
    asked = client.get("/sparql", params={"query": f"SELECT ?t {{ ?x a <{CI}Persona> ; <{CI}title> ?t }}"})
    assert [row["t"]["value"] for row in asked.json()["results"]["bindings"]] == ["before"]
    (disk / "filler").unlink()
    assert write("after").status_code == 204
    assert client.get("/health").json()["commit"] == 2
    assert faults(client) == []


def child_of(process: int) -> int:
    """The process that `unshare` has started."""
    return int(Path(f"/proc/{process}/task/{process}/children").read_text().split()[0])
