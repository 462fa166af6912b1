"""What the road is connected to: databases, the federation engine, key stores. Nothing below knows of them."""
