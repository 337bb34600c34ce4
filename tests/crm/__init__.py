"""Bringing in what a CRM holds, and matching it with the graph."""
