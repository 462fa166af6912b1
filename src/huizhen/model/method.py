"""The contract of a method: write `partial`, additive over rows, and `combine`; all else follows from additivity."""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import ValidationError

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.consent import MethodKind
from huizhen.model.dataset import Schema
from huizhen.model.document import Document
from huizhen.model.partial import Partial
from huizhen.model.result import Result
from huizhen.model.tally import Own

State = dict[str, Any]
"""What the nodes need for the next round: numbers, strings, lists, mappings and numpy arrays; it travels on the wire
and is kept in the journal, so it holds nothing that a Partial's sum did not."""

FINITE = sys.float_info.max
"""The largest double: a method that takes every number takes up to this."""


OWN_MODEL = "model"
"""What a method keeps at a node under this key is the hospital's own model: the node holds on to it when the study is
released, and lets it go when it is not."""


@dataclass(frozen=True)
class Next:
    """Another round is needed, from this state. `note` says how far it has come."""

    state: State
    note: Text | None = None


@dataclass(frozen=True)
class Done:
    result: Result


@dataclass(frozen=True)
class Privacy:
    """Differential privacy with this loss: of all sums together, with any one person in them or not, nothing is more
    than exp(epsilon) times as likely, but with probability delta."""

    epsilon: float
    delta: float


@dataclass(frozen=True)
class Blur:
    """The noise that the sum of one round is to have: each node adds its part before anything leaves it.

    `step`: the place of the round among those that privacy was accounted for; a node answers each once.
    `sd`: by field, whole numbers all of them, the standard deviation that the sum over the nodes must have.
    """

    step: int
    sd: Mapping[str, float]


class Method(ABC):
    """One method bound to the parameters of one study and the schema of its dataset.

    Hub and nodes each build their own from the same signed study, so both know the same layout without being told.
    All four steps are pure. `start -> (partial -> [sum over rows] -> close -> [sum over nodes] -> combine)*`.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    Params: ClassVar[type[Document]]
    summary: ClassVar[Text]
    reveals: ClassVar[Text]
    """What the hub sees in the clear: the sums over all hospitals, in words."""
    complete_cases: ClassVar[bool] = True
    """Rows with a missing value in any of `columns` are left out by the reader and counted."""
    max_rounds: ClassVar[int] = 60
    largest: ClassVar[float] = math.inf
    """No value of a column that it reads may be larger in size; a hospital that has one says so and takes no part. A
    bound of the values themselves, not of what a formula makes of them: an asker must not choose what it tells."""
    rests_on: ClassVar[tuple[str, ...]] = ()
    """Folders and files (globs, ending in .py) of the package, beside `statistics`, whose code it is made of."""
    yields: ClassVar[MethodKind] = "model"
    """What comes out, as consents name it. Who says nothing counts as the further-reaching of the two."""
    memorises: ClassVar[bool] = True
    """Whether a model that comes out has room to keep rows, as trees and networks do; not one of a few coefficients,
    each made of all rows. Two people look at one that has (decision 0066); who says nothing counts as one."""
    delivers: ClassVar[bool] = False
    """Whether, beside the sum, each hospital makes something of its rows that goes to the asker sealed, once reviewed
    (`node.extracts`)."""
    private: ClassVar[Literal["tables", "sums"] | None] = None
    """Where differentially private noise is proven: in its tables, by the guard (every released figure is in, or from,
    a Table), or in every sum, by the nodes (`blur`). None: nowhere."""

    def __init__(self, params: Document, schema: Schema, privacy: Privacy | None = None) -> None:
        """`privacy` is given only where it is asked of a method that is private in its sums. Raises BadInput with what,
        where and what to do, for anything wrong that can be known before computing."""
        self.params = params
        self.schema = schema
        self.privacy = privacy

    @classmethod
    def read_params(cls, raw: Mapping[str, Any]) -> Document:
        """The parameters as this method's own type. Raises BadInput that names each key and what is allowed."""
        try:
            return cls.Params.read(dict(raw))
        except ValidationError as error:
            found = "; ".join(
                f"params.{'.'.join(map(str, e['loc']))}: {e['msg'].lower()}" for e in error.errors(include_input=False)
            )
            allowed = ", ".join(cls.Params.model_fields) or "none"
            raise BadInput(
                "bad-params",
                Text(f"Method {cls.name}: {found}.", f"方法 {cls.name} 的参数有误：{found}。"),
                Text(f"Its parameters are: {allowed}.", f"可用参数：{allowed}。"),
            ) from None

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns it reads, and no others."""

    @property
    def by_person(self) -> bool:
        """Whether batches must say which rows are of the same person (`Batch.person`)."""
        return self.privacy is not None

    def check_people(self, people: int) -> None:  # noqa: B027 - most have nothing to say
        """Raises Unable where so many people, as counted in the census, are too few for any answer."""

    def check_releasable(self) -> None:  # noqa: B027 - most have nothing to say
        """Raises BadInput where the guard would refuse the result whatever the rows are: said before anything runs."""

    def start(self) -> State:
        return {}

    def told(self, state: State) -> State:
        """What of the state nodes need: it is all that they are sent, and that `partial` and `finish` get."""
        return state

    def blur(self, state: State) -> Blur | None:
        """The noise in the sums of this round, of a method with `privacy`. Every round of it must have some."""
        return None

    @abstractmethod
    def partial(self, batch: Batch, state: State) -> Partial:
        """The Partial of these rows. partial(a + b) = partial(a) + partial(b) for any split of rows."""

    def close(self, total: Partial, state: State) -> Partial:
        """Applied once per node to the sum over its rows, before it is masked. For strata that are nodes."""
        return total

    def finish(self, total: Partial, state: State, kept: State) -> tuple[Partial, State]:
        """`close` for a method that keeps something at the node from round to round: answers that too.

        `kept` is what the round before left, {} at first and after the node was started anew: an answer may be worse
        for the loss of it, never wrong. It stays in the node's memory, and the same round asked again gets the same.
        """
        return self.close(total, state), {}

    def own(self, total: Partial, state: State) -> Own | None:
        """Figures of one hospital alone, from the sum over its rows in this round; None where there are none. They stay
        at the node, unless the hospital's policy gives them away."""
        return None

    @abstractmethod
    def combine(self, total: Partial, state: State) -> Next | Done:
        """From the sum over all nodes: the next state, or the result. Raises Unable where there is no answer."""

    # Where hospitals are paid by effect, for models fitted by likelihood: how one hospital's rows suit the joint model.

    @classmethod
    def is_fitted(cls) -> bool:
        """Whether it has a `misfit`."""
        return cls.misfit is not Method.misfit

    def alone(self, state: State) -> State:
        """From the state of the last round: that in which `close` of the `partial` of one hospital's rows is what
        `misfit` takes."""
        return {**state, "phase": "fit"}

    def misfit(self, total: Partial, state: State) -> int:
        """How far one hospital's rows stray from the joint model: `statistics.misfit.level`."""
        raise NotImplementedError
