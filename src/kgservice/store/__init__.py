"""The store port, its formats, the embedded store, and the index of texts."""

from kgservice.store.base import Choose, Dataset, Kind, Solutions, Store, Term
from kgservice.store.oxigraph import OxigraphStore

__all__ = ["Choose", "Dataset", "Kind", "OxigraphStore", "Solutions", "Store", "Term"]
