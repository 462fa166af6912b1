"""How a result is shown, by its shape and not by the name of its method; what has no known shape becomes a table."""
