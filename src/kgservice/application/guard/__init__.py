"""The guard: which findings a change brings and takes away."""
