"""What packages export: the names exist, and nothing else is promised."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import version

import kgservice
import kgservice.cli
import kgservice.store

PACKAGES = [m.name for m in pkgutil.walk_packages(kgservice.__path__, "kgservice.") if m.ispkg]


def test_the_version_is_that_of_the_distribution() -> None:
    assert kgservice.__version__ == version("kgservice")


def test_what_is_exported_exists() -> None:
    for name in PACKAGES:
        package = importlib.import_module(name)
        for exported in getattr(package, "__all__", ()):
            assert hasattr(package, exported), f"{name}.{exported}"


def test_the_public_faces() -> None:
    assert kgservice.cli.__all__ == ["app", "main"]
    assert {"Dataset", "Kind", "OxigraphStore", "Solutions", "Store", "Term"} <= set(kgservice.store.__all__)
