"""A mark in the numbers of a released table that names who got it."""
