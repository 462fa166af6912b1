"""Huizhen: many hospitals, one answer, and no patient record leaves home."""

__version__ = "0.1.0"
