"""Tests with SPARQL servers: Apache Jena Fuseki, Virtuoso and Oxigraph, each started on loopback."""
