"""How good a released model is on other rows, whatever it is a model of: what an evaluation asks of each kind.

One judge for models that foretell an outcome, one for those of survival, one for those of the shape of data. Sums first
measure what the last pass has to know (`sums`, `refine`), while scores and inputs are cut into bins; the last pass
counts, and figures follow from its totals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.method import State
from huizhen.model.result import Exposure

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Arrays = dict[str, npt.NDArray[Any]]
Outputs = Mapping[str, Floats]
CONSTANT = 1e-12


class Rows(NamedTuple):
    """Rows that have all that is needed: score (rows,), and by name the inputs, and what the judge read and worked out
    for itself; `left`: how many more there were."""

    score: Floats
    inputs: Arrays
    own: Arrays
    left: int


@dataclass(frozen=True)
class Whole:
    """The sums of the last pass, over all hospitals or over one. `judge`: what the judge had measured before."""

    n: int
    left: int
    sums: Mapping[str, npt.NDArray[Any]]
    edges: Sequence[Floats]
    judge: State


Told = tuple[dict[str, Any], tuple[Exposure, ...]]


class Judge(Protocol):
    """Of one study. A state holds `ready` once the last pass can follow."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What it reads of a row besides the inputs of the model."""

    def read(self, batch: Batch) -> tuple[Bools, Arrays]:
        """(rows,) where there is all that it needs, and that by name."""

    def score(self, outputs: Outputs, model: Batch, own: Arrays) -> tuple[Floats, Arrays]:
        """The score that is cut into bins, not finite where a row has none, and `own` with what the outputs add."""

    def start(self) -> State: ...

    def sums(self, rows: Rows, state: State) -> Arrays:
        """Additive over rows, while the state is not ready."""

    def close(self, sums: Arrays, state: State) -> Arrays:
        """Once per hospital, in either pass. `state`: its own in the first, that of the last pass in the last."""

    def refine(self, n: int, sums: Arrays, state: State) -> State: ...

    def count(self, rows: Rows, place: Counts, size: int, state: State) -> Arrays:
        """Of the last pass, additive over rows. place: (rows,) the bin of the score, below `size`."""

    def rarer(self, whole: Whole) -> tuple[Counts, Counts] | None:
        """By bin of the score, rows of either outcome, so that bins are put together until none is rare; or None."""

    def figures(self, whole: Whole) -> tuple[dict[str, Any], int]:
        """Every figure of quality, and how many people the least of them rests on."""

    def told(self, whole: Whole, groups: Sequence[Sequence[int]]) -> Told:
        """What the result says beside profile and drift. groups: the bins of the score that are told together."""


def not_filled_in() -> BadInput:
    return BadInput(
        "model-not-filled-in",
        Text("The model is named by its id and nothing else.", "模型仅以编号给出，缺少内容。"),
        Text("Submit the study at a hub: it puts the model in.", "请在中心提交研究：由中心填入模型。"),
    )


def check_named(method: str, named: Mapping[str, Any], wanted: Sequence[str], optional: Sequence[str] = ()) -> None:
    """Raises BadInput('not-for-this-model') for a parameter that says nothing of such a model, or one that is missing.

    named: the parameters that only some kinds of models have, None where not given."""
    given = {name for name, value in named.items() if value is not None}
    wrong = sorted((given - {*wanted, *optional}) | ({*wanted} - given))
    if wrong:
        told = ", ".join(f"params.{name}" for name in wrong)
        needs = ", ".join(wanted) or "none of them"
        raise BadInput(
            "not-for-this-model",
            Text(
                f"{told}: not given, or not for a model of {method}.",
                f"{told}：未给出，或不适用于 {method} 模型。",
            ),
            Text(
                f"A model of {method} needs: {needs}.",
                f"{method} 模型需要：{'、'.join(wanted) or '均不需要'}。",
            ),
        )
