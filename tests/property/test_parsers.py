"""Our own readers of texts fail at none: texts that are nearly right, and wrong in one or several places."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.property.parsers import READERS, read

often = settings(
    max_examples=int(os.environ.get("FUZZ", "60")),
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
FRAGMENTS = [
    *"{}[]()<>\"'\\/.,;:?$@^|*+-!&=#% \t\n\r\0_0aß€😀\ud800\ufeff",
    *(
        "'''",
        '"""',
        "<<(",
        ")>>",
        "[]",
        "_:",
        "\\u",
        "\\U0010FFFF",
        "%zz",
        "1e",
        "SERVICE",
        "FROM",
        "kg:matches",
    ),
    *(
        "@prefix",
        "<!ENTITY",
        "null",
        "[[",
        "{{",
        "''",
        '""',
        "#+",
        "---",
        "1e999",
        "9" * 5000,
        "[" * 300,
        "{" * 300,
    ),
]


@st.composite
def nearly(draw: st.DrawFn, texts: list[str]) -> str:
    """One of the texts with pieces left out, doubled, moved, or with something else put in."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 1, 2, 5, 20, 200])))
        instead = draw(
            st.one_of(
                st.just(""),
                st.sampled_from(FRAGMENTS),
                st.just(text[start:end] * 2),
                st.text(max_size=5),
            )
        )
        text = text[:start] + instead + text[end:]
    return text


@pytest.mark.parametrize("name", READERS)
def test_no_text_makes_a_reader_fail(name: str) -> None:
    @seed(int(os.environ.get("FUZZ_SEED", "1")))
    @often
    @given(nearly(READERS[name][1]))
    def check(text: str) -> None:
        read(name, text)

    check()
