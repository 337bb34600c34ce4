"""The description of the interface, made from one table of operations."""
