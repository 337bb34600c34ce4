"""The built parts of the pages: the same as their sources build to, complete, and small where they must be."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kgservice.web.render import STATIC

WEB = Path(__file__).parents[2] / "web"
BUILT = STATIC / "built"
TEMPLATES = STATIC.parent / "templates"
HEAVY = {"workbench", "trace"}
"""Pages with an editor or a picture that can be moved; the scripts of all others have a limit."""
MOST = 100 * 1024  # bytes, compressed

_LOADED = re.compile(r'src="/static/built/([a-z-]+)\.js"')
_IMPORTED = re.compile(r'from"\./([^"]+\.js)"')


def weight(script: str) -> int:
    """The compressed bytes of a script with all that it imports."""
    waiting, seen = [f"{script}.js"], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += _IMPORTED.findall((BUILT / name).read_text(encoding="utf-8"))
    return sum(len(gzip.compress((BUILT / name).read_bytes())) for name in seen)


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.slow
def test_the_committed_parts_are_what_the_sources_build_to(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no Node on this machine: the parts of the pages were not built again")
    web, built = tmp_path / "web", tmp_path / "built"
    shutil.copytree(WEB, web, ignore=shutil.ignore_patterns("node_modules"))
    environment = os.environ | {"BUILT": str(built)}
    for command in (["ci", "--ignore-scripts", "--no-audit", "--no-fund"], ["run", "build"]):
        done = subprocess.run(
            [npm, *command], cwd=web, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    made, there = contents(built), contents(BUILT)
    assert made.keys() == there.keys(), "make components builds them anew"
    differing = [name for name in made if made[name] != there[name]]
    assert not differing, f"{differing} are not what web/ builds to; make components builds them anew"


def test_scripts_of_pages_are_small() -> None:
    loaded = {
        name
        for path in TEMPLATES.glob("*.html")
        for name in _LOADED.findall(path.read_text(encoding="utf-8"))
    }
    assert loaded >= HEAVY
    assert loaded <= {path.stem for path in (WEB / "src/pages").glob("*.ts")}
    heavy = {name: size for name in loaded - HEAVY if (size := weight(name)) > MOST}
    assert not heavy
    assert weight("workbench") > MOST  # what is imported is counted


def test_all_that_is_bundled_has_its_licence_beside_it() -> None:
    said = (BUILT / "licences.txt").read_text(encoding="utf-8")
    wanted = json.loads((WEB / "package.json").read_text(encoding="utf-8"))["dependencies"]
    bundled = {
        name for name in wanted if name in {"@zazuko/yasgui", "cytoscape", "cytoscape-dagre", "@picocss/pico"}
    }
    for name in (*sorted(bundled), "@dagrejs/dagre", "codemirror", "jquery"):
        assert f"\n{name}\n" in said, name
