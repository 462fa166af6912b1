"""What the node's runner asks of the rows of one dataset, wherever they are: the port that each engine implements.

The engines are DuckDB on the node's own file (`rows`), PostgreSQL (`rows_postgresql`) and Spark (`rows_spark`). One
contract suite holds them to the same answers: `tests/contract/test_rows.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from pyroaring import BitMap

from huizhen import methods
from huizhen.kit import wire
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.batch import PERSON, Batch, empty_batch
from huizhen.model.dataset import Schema
from huizhen.model.method import Method, Privacy, State
from huizhen.model.partial import Partial
from huizhen.statistics.columns import check_inside, levels


@dataclass(frozen=True)
class Selection:
    """Which rows a study reads: those of `allowed` people, in the cohort, complete in `complete`."""

    dataset: str
    schema: Schema
    """The one that all holders agreed on: what was inferred more narrowly here is read as wide as there."""
    cohort_sql: str | None
    """As `intake.cohort` renders it, for DuckDB; other engines get it translated, tree by tree."""
    columns: tuple[str, ...]
    complete: bool
    by_person: bool = False
    """Whether batches say which rows are of the same person."""

    @property
    def read(self) -> tuple[str, ...]:
        """The columns of a batch."""
        return (*self.columns, PERSON) if self.by_person else self.columns


@dataclass(frozen=True)
class Counted:
    """Who is in a cohort, and what there is to use of them."""

    cohort: BitMap
    """Those with any row in it."""
    included: BitMap
    """Those with a row that is used."""
    rows: int
    """Rows used."""
    missing: int
    """Rows left out for a missing value."""
    repeated: int
    """How many people have more than one row that is used."""


@runtime_checkable
class Streams(Protocol):
    """A table whose engine gives out rows to this process; a Spark does not."""

    def batches(self, selection: Selection, allowed: BitMap) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class Work:
    """One round of one method: what is done with every batch of rows, in this process or in another."""

    method: Method
    state: State

    def __call__(self, batch: Batch) -> Partial:
        """Raises BadInput 'value-too-large', 'value-outside-levels' for rows that the method has no use for."""
        check_values(batch, self.method)
        return self.method.partial(batch, self.state)

    def zero(self) -> Partial:
        """The Partial of no rows."""
        return self(empty_batch(self.method.schema, self.method.columns))

    def as_bytes(self) -> bytes:
        """The question in words and numbers; no code travels, the other process has its own."""
        method = self.method
        return wire.encode(
            {
                "method": method.name,
                "params": method.params.model_dump(mode="json", exclude_unset=True),
                "schema": method.schema.as_json(),
                "privacy": None if method.privacy is None else vars(method.privacy),
                "state": self.state,
            }
        )

    @staticmethod
    def read(data: bytes) -> Work:
        """What `as_bytes` wrote."""
        told = wire.decode(data)
        kind, privacy = methods.find(told["method"]), told["privacy"]
        more = () if privacy is None else (Privacy(**privacy),)
        return Work(kind(kind.read_params(told["params"]), Schema.read(told["schema"]), *more), told["state"])


def check_values(batch: Batch, method: Method) -> None:
    """Raises BadInput where a column holds a value that the method or the agreed schema does not have, naming the
    column."""
    for name, values in batch.columns.items():
        if not len(values) or name not in method.columns:
            continue
        column = method.schema.column(name)
        if column.type == "category":
            check_inside(int((values >= len(levels(column))).sum()), [name])
        elif np.fmax.reduce(values) > method.largest or np.fmin.reduce(values) < -method.largest:
            raise BadInput(
                "value-too-large",
                Text(
                    f"Column '{name}' holds a value that is infinite, or above {method.largest:.3g} in size.",
                    f"列“{name}”含有无穷大，或绝对值大于 {method.largest:.3g} 的取值。",
                ),
                Text(
                    "Correct it at the hospital, or leave such rows out with the cohort.",
                    "请在该医院更正，或用队列条件排除这些行。",
                ),
            )


class Summed(NamedTuple):
    """The sum of the Partials of all rows selected, and how many rows these were."""

    partial: Partial
    rows: int


class Table(Protocol):
    """The rows of one dataset. `allowed` are indices of people in the node's book: of nobody else is any row read.

    Memory may grow with the people, never with the rows. Not for several threads at once; reading may use several.
    Raises HuizhenError; never with a value or an identifier in it.
    """

    def count(self, selection: Selection, allowed: BitMap, complete: bool) -> int:
        """Rows selected; with `complete` those only that have a value in every column used."""
        ...

    def census(self, selection: Selection, allowed: BitMap) -> Counted:
        """Who is selected, and how many rows."""
        ...

    def total(self, selection: Selection, allowed: BitMap, work: Work) -> Summed:
        """The work of every batch of the rows selected, added up. `selection.columns` are those of the method."""
        ...

    def close(self) -> None:
        """Let go of the engine; it is opened again when it is next asked."""
        ...
