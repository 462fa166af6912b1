"""Synthetic tables from noisy marginals, with differential privacy."""
