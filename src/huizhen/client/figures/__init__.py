"""Figures as pure functions: numbers in, an SVG drawing out. No script, no font, no picture from elsewhere."""
