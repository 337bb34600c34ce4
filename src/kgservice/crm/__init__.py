"""What lies between a CRM and the graph: extracting, cleaning and matching, on DuckDB.

Nothing here writes to the graph, or knows it: `application` decides what becomes of a row and of a pair.
"""
