"""Tests of what brings CRM data in and matches it."""
