"""The plain pages: what is loaded, the saved questions and their answers, records, chains, a box for SPARQL."""

from __future__ import annotations

LARGEST = 8 * 1024 * 1024
"""Bytes of an answer that the SPARQL page shows; larger ones are for files."""

_FIGURES = ("Touchpoint", "Evidence", "PainPoint", "Solution", "Impact", "Customer", "ConsentRecord")
_FIRST_QUERY = """PREFIX ci: <https://w3id.org/kgservice/ci#>
SELECT ?painPoint ?solution ?impact WHERE {
  ?painPoint a ci:PainPoint .
  OPTIONAL { ?painPoint ci:addressedBy ?solution . OPTIONAL { ?impact ci:impactOf ?solution } }
} LIMIT 100
"""
