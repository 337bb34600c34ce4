"""The CONSTRUCT queries of a mapping at work: each batch within a time, and so many statements for a row."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import pyoxigraph as ox
from pyoxigraph import NamedNode, Quad, Triple

from kgservice.application.imports.mapping import TableMapping
from kgservice.errors import BadQuery, BadTable, DeadlineExceeded, NotAcceptable, TooCostly
from kgservice.store.base import Engine

EACH = 2000  # statements that may be made of a row; of those that there are, most make fewer than 200


class Constructs:
    """What makes statements of rows: `engine`, in a process that is ended when its time is over.

    Where there is none (a command on the own store) this process does it. It then looks at the clock at each
    new statement: a query that makes none for long is stopped by nobody but the user.
    """

    def __init__(self, mapping: TableMapping, base: str, seconds: float, engine: Engine | None) -> None:
        self._mapping = mapping
        self._base = base
        self._seconds = seconds
        self._engine = engine

    def made(self, quads: Sequence[Quad], graphs: Sequence[NamedNode], rows: int) -> list[set[Triple]]:
        """What the mapping makes of each of the graphs, which hold so many rows each.

        Raises `BadTable` when it cannot be run, `DeadlineExceeded` and `TooCostly`.
        """
        title, most = self._mapping.title, rows * EACH
        try:
            if self._engine is None:
                return self._here(quads, graphs, most)
            return self._engine.construct(
                self._mapping.constructs,
                quads,
                graphs,
                base=self._base,
                seconds=self._seconds,
                most=most,
            )
        except (SyntaxError, BadQuery) as error:
            fault = error.detail if isinstance(error, BadQuery) else error
            raise BadTable(
                "the CONSTRUCT of the mapping is malformed: {error}", error=fault, source=title
            ) from None
        except NotAcceptable:
            raise BadTable("the graph of a row is made by CONSTRUCT", source=title) from None
        except DeadlineExceeded:
            raise DeadlineExceeded(
                "the CONSTRUCT of the mapping was stopped after {seconds:g} s",
                seconds=self._seconds,
                source=title,
            ) from None
        except TooCostly as error:
            error.source = title
            raise

    def _here(self, quads: Iterable[Quad], graphs: Sequence[NamedNode], most: int) -> list[set[Triple]]:
        until = time.monotonic() + self._seconds
        store = ox.Store()
        store.bulk_extend(quads)
        found: list[set[Triple]] = []
        for graph in graphs:
            triples: set[Triple] = set()
            for text in self._mapping.constructs:
                answer = store.query(text, base_iri=self._base, default_graph=[graph], named_graphs=[])
                if not isinstance(answer, ox.QueryTriples):
                    raise NotAcceptable("the graph of a row is made by CONSTRUCT")
                for triple in answer:
                    triples.add(triple)
                    if len(triples) > most:
                        raise TooCostly("The CONSTRUCT makes more than {most} statements", most=most)
                    if time.monotonic() > until:
                        raise DeadlineExceeded(
                            "The query was stopped after {seconds:g} s", seconds=self._seconds
                        )
            found.append(triples)
        return found
