"""What answers tell of persons, and which counts of a row tell too much: of so few that one sees who."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

NONE, COLUMNS, SINGLE, COUNTED, FIGURE = "none", "columns", "single", "counted", "figure"
PERSONS = (NONE, COLUMNS, SINGLE)
"""What a question says of persons: nothing; what its columns say; all about single ones."""
OF_PERSONS = (COUNTED, FIGURE, SINGLE)
"""What a column says of persons: how many (or how many records of them); a figure made from such counts;
something of single ones."""
PLACE_OF_PERSONS = "ofPersons"
"""The place that is unbound where a question counts records, and true where it counts the persons of them."""

Count = int | Decimal | None


def hidden(counts: Mapping[str, Count], wholes: Mapping[str, str], smallest: int) -> frozenset[str]:
    """The columns of one row whose counts are not shown.

    `counts`: by column, None for what is no number. `wholes`: what a column counts a part of; parts of the
    same whole may overlap. Hidden is a count below `smallest`, 0 too; a part without which less than that is
    left of its whole; a part of a hidden whole; and where one part alone would be hidden, the smallest other
    one, since the shown ones may be all the rest.

    >>> sorted(hidden({"yes": 40, "all": 43}, {"yes": "all"}, 5))
    ['yes']
    >>> sorted(hidden({"a": 3, "b": 9, "c": 30, "all": 42}, dict.fromkeys("abc", "all"), 5))
    ['a', 'b']
    """
    found = {column for column, count in counts.items() if count is None or count < smallest}
    for part, whole in wholes.items():
        count, of = counts.get(part), counts.get(whole)
        if count is not None and of is not None and of - count < smallest:
            found.add(part)
    siblings: dict[str, list[str]] = {}
    for part, whole in wholes.items():
        siblings.setdefault(whole, []).append(part)
    while True:
        more = {part for part, whole in wholes.items() if whole in found and part in counts} - found
        for whole, parts in siblings.items():
            shown = {part: counts[part] for part in parts if part in counts and part not in found}
            if whole in counts and whole not in found and shown and len(shown) == len(parts) - 1:
                more.add(min(shown, key=lambda part: (shown[part] or 0, part)))
        if not more:
            return frozenset(found)
        found |= more
