"""Links between records of a CRM and customers of the graph, and what follows from them."""
