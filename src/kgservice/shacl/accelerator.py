"""Whether the accelerator of validation, the package `shacl`, is there in the version that is known."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

VERSION = "0.3.4"  # what it gets wrong is known of this version only


def installed() -> bool:
    """Whether it can be used; it is no need."""
    try:
        return version("shacl") == VERSION
    except PackageNotFoundError:
        return False
