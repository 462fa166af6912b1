"""Money is integer fen. Nothing here is a float."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def largest_remainder(total_fen: int, weights: Sequence[int | Fraction]) -> list[int]:
    """Split `total_fen` in proportion to `weights` so that the parts sum to it exactly.

    Each part is its exact share rounded down; the fen left over go to the largest remainders, earlier ones first
    among equals (Hamilton's method). Raises ValueError when the total or a weight is negative, or when all weights
    are zero and the total is not.
    """
    if total_fen < 0 or any(w < 0 for w in weights):
        raise ValueError("a total and its weights cannot be negative")
    whole = sum((Fraction(w) for w in weights), Fraction(0))
    if whole == 0:
        if total_fen:
            raise ValueError("nobody to give the money to: all weights are zero")
        return [0] * len(weights)
    shares = [Fraction(w) * total_fen / whole for w in weights]
    parts = [s.numerator // s.denominator for s in shares]
    left = total_fen - sum(parts)
    order = sorted(range(len(parts)), key=lambda i: (parts[i] - shares[i], i))
    for i in order[:left]:
        parts[i] += 1
    return parts


def yuan(fen: int) -> str:
    """12345 -> '123.45'."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"
