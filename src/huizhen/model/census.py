"""What the first round of every study counts, as a secure sum like any other, before any method runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Census:
    """Sums over the nodes. People are distinct within a node."""

    consented: int
    """People whose consent permits this purpose on this dataset."""
    people: int
    """People included: consented, in the cohort, with at least one row used."""
    people_squared: int
    """Sum over nodes of the square of `people` at the node: shows whether one hospital dominates."""
    rows: int
    """Rows used."""
    missing: int
    """Rows of consenting people in the cohort, left out for a missing value in a column that the method uses."""
    contributors: int
    """Nodes with at least one included person."""
    repeated: int
    """People with more than one row used."""
    differences: Mapping[str, int]
    """By earlier study of the same asker on the same dataset: people whom one of the two cohorts holds and the other
    does not. Those whose own consent has changed in between are not counted: the asker did not choose them."""

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "differences": dict(self.differences)}

    def __add__(self, other: Census) -> Census:
        """That of both groups of nodes; each has the same earlier studies."""
        more = {e: n + other.differences[e] for e, n in self.differences.items()}
        return Census(**{k: v + vars(other)[k] for k, v in vars(self).items() if k != "differences"}, differences=more)
