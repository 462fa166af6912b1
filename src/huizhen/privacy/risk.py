"""The risk that somebody is found in a released file, from the sizes of its classes alone.

Three people may try (K. El Emam, Guide to the De-Identification of Personal Health Information, 2013, chapter 16;
F. Dankar and K. El Emam, A method for evaluating marketer re-identification risk, EDBT/ICDT Workshops 2010): a
prosecutor knows that one person is in the file; a journalist knows only a population that the file was drawn from, and
wants to find anybody; a marketer wants to find as many as can be, right or wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
Mode = Literal["public", "controlled", "enclave"]
SMALLEST: dict[str, int] = {"public": 20, "controlled": 5, "enclave": 3}
"""Rows that share each combination, at least: the thresholds 1/20, 1/5 and 1/3 of GB/T 42460 [S], by who gets the
file (GB/T 37964)."""


@dataclass(frozen=True)
class Risk:
    """`highest`: of the person most at risk; `average`: over everyone; `above`: the rows whose risk is above each
    threshold, by mode of release."""

    highest: float
    average: float
    above: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        return {"highest": self.highest, "average": self.average, "rows_above": self.above}


@dataclass(frozen=True)
class Risks:
    """The three of them. `bounded`: no population is known, so that the journalist's and the marketer's are what they
    are at most: as if the population were the file."""

    prosecutor: Risk
    journalist: Risk
    marketer: float
    bounded: bool

    @property
    def verdict(self) -> dict[str, bool]:
        """By mode of release: is nobody's risk above its threshold? By the journalist's risk where a population is
        known, since the file is then no secret list; else by the prosecutor's."""
        judged = self.prosecutor if self.bounded else self.journalist
        return {mode: judged.highest <= 1 / least + 1e-12 for mode, least in SMALLEST.items()}

    def as_json(self) -> dict[str, Any]:
        return {
            "prosecutor": self.prosecutor.as_json(),
            "journalist": self.journalist.as_json(),
            "marketer": self.marketer,
            "bounded": self.bounded,
            "verdict": self.verdict,
        }


def risks(size: Whole, people: Whole | None = None) -> Risks:
    """Risks of a file whose classes have `size` (classes,) rows, at least one each, and which `people` (classes,) of
    the population share, at least as many; None: not known.

    Prosecutor: 1/f, on average classes/rows. Journalist: 1/F; on average the larger of classes/people (one class after
    the other) and of the mean over rows of 1/F. Marketer: that mean, the share of rows that are rightly linked.
    Sources: El Emam 2013, tables 16.1 and 16.2.
    """
    rows = int(size.sum())
    around = size if people is None else people
    marketer = float((size / around).sum() / rows)
    average = max(len(size) / int(around.sum()), marketer)
    return Risks(
        Risk(1 / int(size.min()), len(size) / rows, _above(size, size)),
        Risk(1 / int(around.min()), average, _above(around, size)),
        marketer,
        people is None,
    )


def _above(shared: Whole, rows: Whole) -> dict[str, int]:
    return {mode: int(rows[shared < least].sum()) for mode, least in SMALLEST.items()}
