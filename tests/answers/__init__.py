"""The answers of the competency questions worked out a second time, in plain Python: no SPARQL, no view."""
