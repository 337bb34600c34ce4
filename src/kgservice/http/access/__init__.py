"""Who asks, for what purpose, how much, and whether they may; what of it is recorded."""
