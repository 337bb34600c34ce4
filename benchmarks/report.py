"""The figures of a run as a table, with the facts of the machine, printed and written to `results/`."""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: what, the value and its unit, what it is to reach, and how it came about."""

    what: str
    value: float
    unit: str
    target: str
    reached: bool | None
    detail: str


def of(what: str, value: float, unit: str, detail: str, limit: float | None = None) -> Figure:
    """A figure that may be at most `limit`, if there is one."""
    target = "" if limit is None else f"≤ {limit:g}"
    return Figure(what, value, unit, target, None if limit is None else value <= limit, detail)


def machine() -> dict[str, str]:
    """What the figures were taken on."""
    model = (
        next(
            (
                line.split(":")[1].strip()
                for line in Path("/proc/cpuinfo").read_text().splitlines()
                if "model name" in line
            ),
            platform.processor(),
        )
        if Path("/proc/cpuinfo").exists()
        else platform.processor()
    )
    packages = ", ".join(
        f"{name} {version(name)}"
        for name in ("pyoxigraph", "oxigraph", "rdflib", "pyshacl", "rdflib-endpoint", "fastapi", "uvicorn")
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=HERE
    ).stdout.strip()
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": commit or "unknown",
        "cpu": f"{model}, {psutil.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "packages": packages,
    }


def table(figures: list[Figure], facts: dict[str, str]) -> str:
    """The figures as Markdown."""
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    lines += ["", "| what | measured | to reach | reached | detail |", "| --- | --- | --- | --- | --- |"]
    marks = {True: "yes", False: "**no**", None: ""}
    lines += [
        f"| {f.what} | {f.value:.2f} {f.unit} | {f.target} | {marks[f.reached]} | {f.detail} |"
        for f in figures
    ]
    return "\n".join(lines) + "\n"


def report(figures: list[Figure], facts: dict[str, str], customers: int, kind: str = "") -> None:
    """Print the table and write it to `benchmarks/results/`, as Markdown and JSON; `kind` begins the name."""
    text = table(figures, facts)
    print(text)
    name = HERE / "results" / f"{kind}{datetime.now(UTC):%Y-%m-%d}-{customers}"
    name.parent.mkdir(exist_ok=True)
    name.with_suffix(".md").write_text(text, encoding="utf-8")
    content = {"machine": facts, "figures": [asdict(f) for f in figures]}
    name.with_suffix(".json").write_text(
        json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
