"""What a user can do with the graph; knows the domain and the ports, no adapter."""
