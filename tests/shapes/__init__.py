"""Tests: shapes."""
