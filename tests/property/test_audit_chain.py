"""Whatever is done to the entries of an audit log, verification sees it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from kgservice.domain.audit import START, Action, Draft, Head, Line, digest_of, sealed, verify

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
texts = st.text(max_size=20)
drafts = st.builds(
    Draft,
    st.integers(0, 10**6).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    st.sampled_from(Action),
    texts,
    texts,
    st.lists(texts, max_size=2).map(tuple),
    view=st.none() | texts,
    query=st.none() | texts,
    outcome=st.none() | st.integers(100, 599),
)


def chained(wanted: list[Draft], start: Head = START) -> list[Line]:
    """The entries for these drafts."""
    lines: list[Line] = []
    for draft in wanted:
        lines.append(sealed(draft, lines[-1].head if lines else start))
    return lines


logs = st.lists(drafts, min_size=1, max_size=8).map(chained)


@given(logs)
def test_what_was_written_is_valid_also_after_an_export(lines: list[Line]) -> None:
    found = verify(lines, START, lines[-1].head)
    assert (found.faults, found.entries, found.end) == ((), len(lines), lines[-1].head)
    assert verify([Line.of_json(line.to_json()) for line in lines]) == verify(lines)
    for line in lines:
        assert not verify(lines, START, line.head).faults


@given(logs, st.data())
def test_a_change_of_one_character_is_seen(lines: list[Line], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(lines) - 1))
    line = lines[at]
    place = data.draw(st.integers(0, len(line.body) - 1))
    letter = data.draw(st.characters(codec="utf-8"))
    assume(letter != line.body[place])
    body = line.body[:place] + letter + line.body[place + 1 :]
    found = verify([*lines[:at], Line(line.number, body, line.digest), *lines[at + 1 :]])
    assert found.faults[0].number == line.number
    # The hash was made anew, too: then the next one does not follow, or the head is another.
    forged = verify(
        [*lines[:at], Line(line.number, body, digest_of(body)), *lines[at + 1 :]], START, lines[-1].head
    )
    assert forged.faults
    assert forged.faults[0].number in {line.number, line.number + 1}


@given(logs, st.data())
def test_an_entry_that_was_taken_out_is_seen(lines: list[Line], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(lines) - 1))
    found = verify(lines[:at] + lines[at + 1 :], START, lines[-1].head)
    assert found.faults


@given(logs, st.data())
def test_the_end_cut_off_is_seen_with_a_head(lines: list[Line], data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(lines) - 1))
    assert not verify(lines[:kept]).faults
    (fault,) = verify(lines[:kept], START, lines[-1].head).faults
    assert fault.reason == f"it was noted, and the log ends at {kept}"


@given(logs, st.data())
def test_another_order_is_seen(lines: list[Line], data: st.DataObject) -> None:
    other = data.draw(st.permutations(lines))
    assume(other != lines)
    assert verify(other).faults


@given(logs, drafts, st.data())
def test_an_entry_that_was_put_in_is_seen(lines: list[Line], draft: Draft, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(lines) - 1))
    false = sealed(draft, lines[at - 1].head if at else START)
    assert verify([*lines[:at], false, *lines[at:]]).faults
    assume(false != lines[at])
    assert verify([*lines[:at], false, *lines[at + 1 :]], START, lines[-1].head).faults


@given(logs, drafts)
def test_a_log_that_was_written_anew_is_seen_with_a_head(lines: list[Line], draft: Draft) -> None:
    anew = chained([draft] * len(lines))
    assume(anew[0] != lines[0])
    assert not verify(anew).faults
    assert verify(anew, START, lines[-1].head).faults


@given(logs, st.data())
def test_a_beginning_that_was_taken_out_needs_an_entry_that_says_so(
    lines: list[Line], data: st.DataObject
) -> None:
    kept = data.draw(st.integers(1, len(lines)))
    anchor = lines[kept - 1].head
    (fault,) = verify(lines[kept:], anchor).faults
    assert fault.reason == "no entry says that those before it were archived"
    told = sealed(Draft(NOON, Action.ARCHIVE, "local", "archive", anchor=str(anchor)), lines[-1].head)
    found = verify([*lines[kept:], told], anchor, anchor)
    assert (found.faults, found.start, found.end) == ((), anchor, told.head)
