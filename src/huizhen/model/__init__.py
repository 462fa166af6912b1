"""The central types: what the road carries from step to step. Frozen; known by the hash of their canonical bytes."""
