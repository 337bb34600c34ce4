"""Tests: ontology."""
