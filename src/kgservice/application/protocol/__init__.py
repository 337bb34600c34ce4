"""Reading and changing the graph by the standards: SPARQL Update, Graph Store, records, terms, exports."""
