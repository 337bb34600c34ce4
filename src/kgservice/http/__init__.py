"""The HTTP face: routers, negotiation, problem details, authentication."""
