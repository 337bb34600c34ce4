"""What leaves the store as a whole: all that cannot be derived, or the view of one purpose."""

from __future__ import annotations

from typing import BinaryIO

from kgservice.application.graph import KnowledgeGraph
from kgservice.application.reader import Reader
from kgservice.store.formats import Format


def export(kg: KnowledgeGraph, reader: Reader, fmt: Format, out: BinaryIO) -> None:
    """Write the dataset, or for the reader of a purpose its view, without the name of a graph.

    Raises `NotAcceptable` for the dataset in a format without named graphs.
    """
    if reader.purpose is None:
        kg.store.dump(out, fmt)
    else:
        reader.current()
        kg.store.dump(out, fmt, graph=reader.view)
