"""The versions of the hub's tables, oldest first."""
