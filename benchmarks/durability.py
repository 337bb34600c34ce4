"""What it costs that a commit is on the disk before it is answered.

    python -m benchmarks.durability

Writes 300 changes of 60 statements each to a store without and with the setting `durability` at `power-loss`.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from pyoxigraph import Literal, NamedNode, Quad

from kgservice.store import OxigraphStore
from kgservice.store.disk import Disk

CHANGES, STATEMENTS = 300, 60


def measured(folder: Path, *, synced: bool) -> list[float]:
    """The milliseconds of each change."""
    store = OxigraphStore(folder, Disk(folder, synced=synced))
    graph, predicate = NamedNode("urn:g"), NamedNode("urn:p")
    times = []
    for change in range(CHANGES):
        subject = NamedNode(f"urn:s:{change}")
        quads = [Quad(subject, predicate, Literal(f"{change} {n}"), graph) for n in range(STATEMENTS)]
        began = time.perf_counter()
        store.apply(add=quads)
        times.append((time.perf_counter() - began) * 1000)
    store.close()
    return times


def main() -> None:
    """Print the medians."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for synced in (False, True):
            times = sorted(measured(Path(folder) / str(synced), synced=synced))
            name = "power-loss" if synced else "process"
            print(f"{name}: {median(times):.2f} ms, 95 % within {times[CHANGES * 95 // 100]:.2f} ms")


if __name__ == "__main__":
    main()
