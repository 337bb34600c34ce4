"""The picture of what `benchmarks.scale` has measured: `python -m benchmarks.scale_plot FILE.svg`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

RESULTS = Path(__file__).parent / "results"
SINGLE = ("01-trace", "04-journey", "06-sequence-path", "07-closure-path")


def sizes() -> list[dict[str, Any]]:
    """What was measured, the smallest graph first."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in RESULTS.glob("scale-*.json")]
    return sorted(found, key=lambda size: size["customers"])


def draw(found: list[dict[str, Any]]) -> Figure:
    """Three pictures beside each other, all axes logarithmic; read from disk."""
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    single, many, whole = figure.subplots(1, 3)
    customers = [size["customers"] for size in found]
    disk = [size["from_disk"] for size in found]
    for name in disk[0]["questions"]:
        axes = single if name in SINGLE else many
        axes.plot(customers, [size["questions"][name] for size in disk], marker="o", label=name[3:])
    for name, label in (("commit_p50_ms", "commit, p50"), ("commit_p99_ms", "commit, p99")):
        single.plot(customers, [size[name] for size in disk], marker="s", linestyle="--", label=label)
    for name, label in (
        ("load_seconds", "loading, s"),
        ("disk_mib", "disk, MiB"),
        ("load_memory_mib", "memory while loading, MiB"),
        ("open_seconds", "opening, s"),
    ):
        whole.plot(customers, [size[name] for size in found], marker="o", label=label)
    _named(single, "about one thing; guarded commits", "ms")
    _named(many, "about all things", "ms")
    _named(whole, "the whole", "")
    return figure


def _named(axes: Axes, title: str, unit: str) -> None:
    axes.set(title=title, xlabel="customers", ylabel=unit, xscale="log", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="x-small")


def write(file: Path) -> None:
    """Write the picture; the same measurements give the same file."""
    with mpl.rc_context({"svg.hashsalt": "kgservice", "svg.fonttype": "none"}):
        draw(sizes()).savefig(file, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    write(Path(sys.argv[1]))
