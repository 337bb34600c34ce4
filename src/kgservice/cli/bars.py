"""How far a long command is, as bars on the error stream."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from kgservice.cli.answers import say

_MANY = 1000  # parts of what takes long


class Bars:
    """One progress bar for each thing that is gone through, on the error stream if that is a terminal.

    If it is none, things that take long are named there, when they are `named`.
    """

    def __init__(self, *, named: bool = False) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._named = named and not console.is_terminal
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, name: str, done: int, total: int) -> None:
        """Show that `done` of `total` is done of the thing called `name`."""
        if name not in self._tasks:
            if self._named and total >= _MANY:
                say(f"{name} …")
            self._tasks[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._tasks[name], completed=done, total=total)
