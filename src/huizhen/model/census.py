"""What the first round of every study counts, as a secure sum like any other, before any method runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
