"""Findings kept through random edits of the demonstration are those of everything; at length: `edits`."""

from __future__ import annotations

import pytest

from tests.property.edits import edit_and_compare


@pytest.mark.slow
def test_findings_kept_through_edits_of_the_demonstration_are_those_of_everything() -> None:
    assert list(edit_and_compare(edits=30, every=30, seed=11)) == [30]
