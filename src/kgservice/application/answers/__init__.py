"""What people ask: saved questions, chains, journeys, walls, and what the first page tells."""
