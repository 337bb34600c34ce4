"""The tests; helpers that several of them share are modules beside them."""
