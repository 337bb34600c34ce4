"""kgservice: a knowledge graph and semantic query service for customer integration."""

__version__ = "0.1.0"
