"""rdflib-endpoint on rdflib's memory store: `python -m benchmarks.rdflib_server TRIPLES.nt PORT`."""

from __future__ import annotations

import sys

import uvicorn
from rdflib import Graph
from rdflib_endpoint import SparqlEndpoint


def main() -> None:
    """Load the triples, then serve them."""
    graph = Graph()
    graph.parse(sys.argv[1], format="nt")
    uvicorn.run(
        SparqlEndpoint(graph=graph, path="/"), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning"
    )


if __name__ == "__main__":
    main()
