"""A trace as a tree for the terminal."""

from __future__ import annotations

from typing import Any

from rich.tree import Tree


def tree(trace: dict[str, Any], language: str) -> Tree:
    """The chain as a tree: pain points, their solutions, their impacts, each with its evidence."""
    return Tree(f"{trace} {language}")
