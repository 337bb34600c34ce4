"""Findings and what leads to them as bytes: for processes of our own, and for files."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import pyoxigraph
import rdflib
from rdflib.term import URIRef

from kgservice.domain.finding import Finding, Rule
from kgservice.errors import BadInput


def packed(what: object) -> bytes:
    """Anything as bytes; `pickle.loads` unpacks what comes from a process of our own."""
    out = io.BytesIO()
    _Pickler(out, pickle.HIGHEST_PROTOCOL).dump(what)
    return out.getvalue()


def unpacked_findings(data: bytes, source: Path) -> list[Finding]:
    """The findings that were packed into a file. Raises `BadInput` for anything else."""
    found = _Unpickler(io.BytesIO(data), source).load()
    assert isinstance(found, list)
    return found


class _Pickler(pickle.Pickler):
    """Keeps literals as they are written: rdflib writes the value anew when one is unpacked."""

    def reducer_override(self, obj: Any) -> Any:
        """How an object is made again."""
        if type(obj) is rdflib.Literal:
            return _literal, (str(obj), obj.language, obj.datatype)
        return NotImplemented


def _literal(text: str, language: str | None, datatype: URIRef | None) -> rdflib.Literal:
    return rdflib.Literal(text, lang=language, datatype=datatype, normalize=False)


class _Unpickler(pickle.Unpickler):
    """Makes what findings are made of, and calls nothing else: somebody may have changed the file."""

    _parts = (
        *(Finding, Rule, _literal, rdflib.URIRef, rdflib.BNode),
        *(pyoxigraph.NamedNode, pyoxigraph.BlankNode, pyoxigraph.Literal),
    )
    _known: ClassVar = {(part.__module__, part.__name__): part for part in _parts}

    def __init__(self, file: BinaryIO, source: Path) -> None:
        super().__init__(file)
        self._source = source

    def find_class(self, module: str, name: str) -> Any:
        """What a finding is made of, by its name."""
        if (module, name) not in self._known:
            raise BadInput("no validation has written this file", source=str(self._source))
        return self._known[module, name]
