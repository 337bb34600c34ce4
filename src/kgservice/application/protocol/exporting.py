"""What leaves the store as a whole: all that cannot be derived from the rest, or the view of one purpose."""

from __future__ import annotations

import tempfile
from typing import IO, BinaryIO, cast

import pyoxigraph

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.views.reader import Reader
from kgservice.errors import NotAcceptable
from kgservice.namespaces import Addresses
from kgservice.store.formats import N_QUADS, Format, prefixes_for


def export(kg: KnowledgeGraph, reader: Reader, fmt: Format, out: BinaryIO, *, views: bool = False) -> None:
    """Write the dataset as it is at one moment, or for the reader of a purpose its view, as a plain graph.

    The dataset comes without the views and what is noted about them: they follow from the rest, whoever loads
    it makes them anew, and they are several times as large. `views`: with them. Raises `NotAcceptable` for
    the dataset in a format without named graphs.
    """
    if reader.purpose is not None:
        reader.current()
        kg.store.dump(out, fmt, graph=reader.view)
    elif views:
        kg.catch_up()
        kg.store.dump(out, fmt)
    elif not fmt.quads or fmt.rdf is None:
        raise NotAcceptable("{fmt} cannot carry more than one graph", fmt=fmt.name)
    elif fmt is N_QUADS:
        kg.store.dump(cast(BinaryIO, _Underived(out, kg.addresses)), fmt)
    else:
        with tempfile.TemporaryFile() as spool:
            kg.store.dump(cast(BinaryIO, _Underived(spool, kg.addresses)), N_QUADS)
            spool.seek(0)
            quads = pyoxigraph.parse(spool, N_QUADS.rdf)
            pyoxigraph.serialize(quads, out, fmt.rdf, prefixes=prefixes_for(fmt))


class _Underived:
    """A file that takes N-Quads and leaves out those of views, and of what the service notes about them.

    It works on the text of the lines, which end with the graph: one dump is as of one moment, and the store
    writes it much faster than quads come out of it one by one.
    """

    def __init__(self, file: IO[bytes], addresses: Addresses) -> None:
        self._file = file
        self._begun = b""
        self._views = f"<{addresses.views}".encode()
        self._state = f"<{addresses.state}>".encode()
        self.flush = file.flush

    def write(self, data: bytes) -> int:
        lines, end, self._begun = (self._begun + data).rpartition(b"\n")
        if end:
            self._file.write(b"".join(line + end for line in lines.split(end) if self._stays(line)))
        return len(data)

    def _stays(self, line: bytes) -> bool:
        graph = line.rsplit(b" ", 2)[-2]
        return graph != self._state and not graph.startswith(self._views)
