"""The long run of the properties says what it compared, and passes on what differs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.property.exactness import compare
from tests.property.test_local_validation import BY_CHANGES

ROOT = Path(__file__).parents[2]


def test_a_short_run_says_what_it_compared() -> None:
    command = [sys.executable, "-m", "tests.property.exactness", "--changes", "10", "--seed", "1"]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}
    )
    compared = re.search(r"compared (\d+) changes .*, (\d+) graphs, (\d+) shapes\.$", done.stdout.strip())
    assert compared is not None
    assert int(compared[1]) >= 10
    assert int(compared[2]) > 10
    assert int(compared[3]) > 0


def test_a_difference_is_passed_on() -> None:
    def differs(*_: object) -> Counter[str]:
        raise AssertionError("other findings")

    with pytest.raises(AssertionError, match="other findings") as raised:
        compare(differs, BY_CHANGES, 5, 1)
    assert "run(" in "".join(raised.value.__notes__)
