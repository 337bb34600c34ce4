"""Records by forms and by spreadsheets, made from shapes and ontology."""
