"""Consents and decisions, the rights of the person, keys, and the audit log."""
