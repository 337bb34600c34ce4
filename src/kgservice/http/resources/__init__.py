"""What stands at the addresses: a module for each resource."""
