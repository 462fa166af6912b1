"""Drift in words: what a population stability index says of a score or an input, by the usual thresholds and chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huizhen.kit.text import Text

LITTLE, MUCH = 0.1, 0.25
"""Of the index: below 0.1 little has moved, from 0.25 on much has (N. Siddiqi, Credit risk scorecards, 2006)."""
WORDS = {
    "hidden": Text("hidden", "已隐藏"),
    "chance": Text("no more than chance", "不超过偶然"),
    "little": Text("little", "很小"),
    "some": Text("some", "有一些"),
    "much": Text("much", "很大"),
}


def grade(part: Mapping[str, Any]) -> str:
    """A key of WORDS. part: psi and psi_chance, as a result gives them.

    `chance` where little has moved and two samples of one distribution differ by as much once in twenty times.
    """
    psi = part["psi"]
    if psi is None:
        return "hidden"
    if psi >= MUCH:
        return "much"
    if psi >= LITTLE:
        return "some"
    return "chance" if part["psi_chance"] is not None and psi <= part["psi_chance"] else "little"


def lines(drift: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Name and figures of the score (under the empty name) and of each input, those that moved most first."""
    inputs = sorted(drift["inputs"].items(), key=lambda pair: -(pair[1]["psi"] or 0.0))
    return [("", drift["score"]), *inputs]
