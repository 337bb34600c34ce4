"""Where the shipped files are: inside the wheel, or in the source tree of an editable install."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
_ROOTS = (_PACKAGE / "_data", _PACKAGE.parent.parent)


def folder(name: str) -> Path:
    """The folder `name` (`ontology`, `shapes`, `queries`, `demo`, `examples`) of the shipped files."""
    for root in _ROOTS:
        if (root / name).is_dir():
            return root / name
    raise FileNotFoundError(f"kgservice is installed without its folder {name!r}")
