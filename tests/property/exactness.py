"""The properties of `test_local_validation` at length: many more changes than in a run of the tests.

    python -m tests.property.exactness --changes 100000

Goes on with new random cases until so many changes have been compared. Ends with exit code 1 at the first
difference, with the smallest case that shows it. The same `--seed` makes the same cases.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.property.test_local_validation import (
    BY_CHANGES,
    BY_CHUNKS,
    keep_and_compare,
    validate_by_chunks_and_compare,
)

ROUND = 1_000  # cases; then it tells how far it is


def compare(
    what: Callable[..., Counter[str]], given_by: tuple[st.SearchStrategy[Any], ...], cases: int, number: int
) -> Counter[str]:
    """Run a property on so many random cases; what it compared. Raises what a case that fails raises."""
    compared: Counter[str] = Counter()

    @seed(number)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(*given_by))
    def run(case: tuple[Any, ...]) -> None:
        compared.update(what(*case))

    run()
    return compared


def told(compared: Counter[str]) -> str:
    """The numbers for people."""
    return (
        f"{compared['changes']:,} changes ({compared['changes of findings']:,} with other findings), "
        f"{compared['graphs']:,} graphs, {compared['shapes']:,} shapes"
    )


def main() -> None:
    """Compare, tell how far it is, and at the end what was compared."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--changes", type=int, default=100_000, help="how many changes to compare")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the random cases")
    asked = parser.parse_args()
    print(f"Seed {asked.seed}", flush=True)
    began = time.monotonic()
    compared: Counter[str] = Counter()
    number = asked.seed * 10_000
    while compared["changes"] < asked.changes:
        cases = min(ROUND, 1 + asked.changes - compared["changes"])
        compared += compare(keep_and_compare, BY_CHANGES, cases, number)
        compared += compare(validate_by_chunks_and_compare, BY_CHUNKS, cases // 2, number)
        number += 1
        print(f"{time.monotonic() - began:7,.0f} s: {told(compared)}", flush=True)
    print(f"No difference from plain pySHACL: compared {told(compared)}.")


if __name__ == "__main__":
    main()
