"""Validation of graphs by SHACL shapes."""
