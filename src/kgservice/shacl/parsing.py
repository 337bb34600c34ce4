"""SPARQL texts parsed by rdflib, one at a time: its parser can fail when two threads begin to use it."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from rdflib.plugins.sparql import prepareQuery
from rdflib.plugins.sparql.sparql import Query

_PARSER = threading.Lock()


def parsed(text: str, prefixes: Mapping[str, str] | None = None) -> Query:
    """The query, as rdflib can evaluate it. Raises what rdflib does for a text that is none."""
    with _PARSER:
        return prepareQuery(text, initNs=dict(prefixes or {}))
