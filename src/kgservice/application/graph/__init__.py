"""The knowledge graph itself: opened, committed to, and what all others look up in it."""
