"""Backups, moving to another store, and the proof that a store is sound."""
