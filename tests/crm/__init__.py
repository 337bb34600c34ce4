"""Bringing in what a CRM holds."""
