"""The command line: what a user can do, from a terminal."""

from kgservice.cli.main import app, main

__all__ = ["app", "main"]
