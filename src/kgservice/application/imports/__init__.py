"""Files and tables brought into the graph."""
