"""What a change does: worked out against the store, with what follows of it, before anything is written."""
