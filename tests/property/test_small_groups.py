"""Random rows of counts: nothing small is shown, and nothing hidden can be computed from what is shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kgservice.domain.small_groups import hidden

SMALLEST = 5
counts = st.integers(0, 30)


@st.composite
def rows(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, str]]:
    """A row with a whole, its parts, and parts of the first of these: counts and wholes by column."""
    cells: dict[str, int] = {"other": draw(counts)}
    wholes: dict[str, str] = {}
    for whole in ("all", "p0"):
        parts = [
            f"{whole[0]}{part}" if whole == "p0" else f"p{part}" for part in range(draw(st.integers(0, 4)))
        ]
        parts = [f"q{part[1:]}" if whole == "p0" else part for part in parts]
        for part in parts:
            cells[part] = draw(counts)
            wholes[part] = whole
        cells.setdefault(whole, 0)
        cells[whole] = max(
            cells[whole], sum(cells[part] for part in parts) + draw(st.sampled_from([0, 0, 1, 9]))
        )
    if "p0" in wholes:
        cells["all"] = max(cells["all"], sum(n for part, n in cells.items() if wholes.get(part) == "all"))
    return cells, wholes


@given(rows())
def test_nothing_small_is_shown_and_nothing_hidden_can_be_computed(
    row: tuple[dict[str, int], dict[str, str]],
) -> None:
    cells, wholes = row
    gone = hidden(cells, wholes, SMALLEST)
    assert gone <= cells.keys()
    shown = {column: count for column, count in cells.items() if column not in gone}
    assert all(count >= SMALLEST for count in shown.values())
    for whole in set(wholes.values()):
        parts = [part for part in wholes if wholes[part] == whole]
        if whole not in shown:
            assert not shown.keys() & set(parts)
            continue
        assert all(shown[whole] - shown[part] >= SMALLEST for part in parts if part in shown)
        assert len(parts) == 1 or sum(part in gone for part in parts) != 1


@given(rows())
def test_what_is_large_enough_everywhere_is_shown(row: tuple[dict[str, int], dict[str, str]]) -> None:
    cells, wholes = row
    rest = [cells[whole] - cells[part] for part, whole in wholes.items()]
    if all(number >= SMALLEST for number in (*cells.values(), *rest)):
        assert not hidden(cells, wholes, SMALLEST)


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.none() | counts),
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdef")),
)
def test_any_header_comes_to_an_end(cells: dict[str, int | None], wholes: dict[str, str]) -> None:
    gone = hidden(cells, wholes, SMALLEST)
    assert all(count is not None and count >= SMALLEST for c, count in cells.items() if c not in gone)
