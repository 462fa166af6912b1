"""Anonymisation of a table: hierarchies, a top-down partition of its rows, and what a partition cost."""
