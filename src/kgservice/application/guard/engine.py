"""What validates in this installation, for those who run it."""

from __future__ import annotations

from kgservice.settings import Settings
from kgservice.shacl import accelerator


def engine(settings: Settings) -> str:
    """`accelerated`: pySHACL, and before it the package `shacl`; or `pyshacl` alone."""
    return "accelerated" if settings.accelerated and accelerator.installed() else "pyshacl"
