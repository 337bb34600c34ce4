"""Validation of graphs by SHACL shapes."""

import logging

# rdflib tells of each literal that is no value of its datatype, with a traceback and what it says, which may
# be about a person. Who has to know it is told by a finding.
logging.getLogger("rdflib.term").setLevel(logging.ERROR)
