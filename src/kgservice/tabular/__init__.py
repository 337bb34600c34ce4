"""Tables, whatever they are about: reading records, and a database in which SQL of others may run."""
