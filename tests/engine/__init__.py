"""Tests of the engine that answers queries in processes of their own."""
