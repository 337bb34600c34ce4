"""Requests and answers: bodies, forms, negotiation, streams, problem details, and the headers of all."""
