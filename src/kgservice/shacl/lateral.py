"""SPARQL texts for Oxigraph, their patterns taken one after the other as they are written.

Within EXISTS, Oxigraph's optimiser does not know what is bound outside, and works out whole paths and groups
for all nodes of the graph before it joins them. `LATERAL` (SPARQL 1.2 proposal 6) makes it take one solution
after the other, which finds the same: `?a ex:p/ex:q* ?b` becomes
`LATERAL { ?a ex:p ?path1 } LATERAL { ?path1 ex:q* ?b }`. Constraints are written from `$this` outwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

_KEPT = re.compile(r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|<[^<>\s]*>|#[^\n]*)""")
_TERM = r"(?:[?$]\w+|(?!_:)[\w-]*:[\w-]+)"
_LINK = rf"(?:[?$]\w+|[\w:|/^()*+?!-]+)[ \t]+{_TERM}"
# A subject with what is said of it, between the marks that end statements.
_STATEMENT = re.compile(
    rf"(^|[{{}}.])(\s*)([?$]\w+)[ \t]+({_LINK}(?:\s*;\s*{_LINK})*)(?=\s*(?:\}}|\.(?:\s|$)))", re.MULTILINE
)


def one_after_the_other(text: str) -> str:
    """The same query, walked in its own order; what is not surely understood stays as it is."""
    if any(marks in text for marks in ('"""', "'''")) or not re.search(r"\bEXISTS\b", text, re.IGNORECASE):
        return text
    numbers = count(1)

    def walked(found: re.Match[str]) -> str:
        before, space, subject, said = found.groups()
        links = (link.split() for link in said.split(";"))
        steps = [step for path, value in links for step in _walk(subject, path, value, numbers)]
        return f"{before}{space}{' '.join(steps)}"

    parts = _KEPT.split(text)  # strings, IRIs and comments stay
    parts[::2] = (_STATEMENT.sub(walked, part) for part in parts[::2])
    return "".join(parts)


def _walk(start: str, path: str, end: str, numbers: Iterator[int]) -> Iterator[str]:
    """Groups that together are one pattern along the path."""
    path = _bare(path)
    sides, steps = _split(path, "|"), _split(path, "/")
    if len(sides) > 1 and any(mark in path for mark in "/*+?"):
        each = (" ".join(_walk(start, side, end, numbers)) for side in sides)
        yield f"LATERAL {{ {' UNION '.join(f'{{ {side} }}' for side in each)} }}"
    elif len(sides) == 1 and len(steps) > 1:
        for step in steps[:-1]:
            target = f"?path{next(numbers)}"
            yield from _walk(start, step, target, numbers)
            start = target
        yield from _walk(start, steps[-1], end, numbers)
    else:
        yield f"LATERAL {{ {start} {path} {end} }}"


def _bare(path: str) -> str:
    """The path without parentheses around the whole of it."""
    while path.startswith("(") and path.endswith(")") and _closes(path) == len(path) - 1:
        path = path[1:-1]
    return path


def _closes(path: str) -> int:
    """Where the first parenthesis is closed."""
    depth = 0
    for place, sign in enumerate(path):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0:
            return place
    return -1


def _split(path: str, mark: str) -> list[str]:
    """The parts of the path between marks that stand in no parentheses."""
    parts, depth = [""], 0
    for sign in path:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == mark and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts
