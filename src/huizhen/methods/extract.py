"""Anonymised rows: each hospital makes its own so that k people cannot be told apart, and seals them to the asker."""

from __future__ import annotations

from typing import Literal, cast

import numpy as np
from pydantic import Field

from huizhen.kit.naming import check_named
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation, Generalisation, Variety
from huizhen.model.batch import Batch
from huizhen.model.dataset import Schema
from huizhen.model.document import Document
from huizhen.model.method import Done, Method, State
from huizhen.model.partial import Partial
from huizhen.model.result import Result, Table
from huizhen.statistics.gathered import Gathered


class Params(Document):
    """The words of `anonymize.yaml`. What only the holder can say, as which columns nobody outside knows, is in the
    hospital's own policy."""

    quasi_identifiers: dict[str, Generalisation] = Field(min_length=1)
    """Columns that may be known from elsewhere, and how each is made coarser."""
    sensitive: dict[str, Variety] = {}
    """Columns nobody may learn about a person."""
    keep: tuple[str, ...] = ()
    """Columns released as they are."""
    k: int = Field(default=20, ge=3)
    """People who share each combination of quasi-identifiers at each hospital; never fewer than protection.min_cell."""
    suppress: float = Field(default=0, ge=0, le=0.2)
    """The share of rows that may be left out, where keeping them would cost the others more."""
    algorithm: Literal["topdown", "lattice"] = "topdown"
    watermark: dict[str, str] = {}
    """Columns of `keep` in which each hospital marks this recipient's copy, and by how much a number may change
    there, as cost: "1". Never a dose."""


class Extract(Method):
    """Values: n, the rows read; hospitals, of each what its rows are like. The rows go sealed to the asker."""

    name = "extract"
    Params = Params
    yields = "extract"
    delivers = True
    complete_cases = False
    rests_on = (
        "node/extracts.py", "path/delivery.py", "secure/sealing.py",
        "adapters/extracted.py", "adapters/anonymise*.py", "adapters/release_*.py", "adapters/watermarks.py",
        "adapters/own_folder.py",
        "adapters/own_file.py", "adapters/arrow.py", "adapters/on_disk.py", "adapters/identified.py",
        "privacy/anonymise", "privacy/watermark", "privacy/identify", "privacy/masking",
        "privacy/attack*.py", "privacy/risk*.py", "privacy/noise.py",
    )  # fmt: skip
    """The engine that makes, checks, attacks and marks the rows, and what hands them out."""
    summary = Text(
        "Anonymised rows, made at each hospital, attacked there, reviewed by two people, sealed to the asker.",
        "匿名化的数据行：由各医院自行生成并经攻击检验，经双人审查后封装给申请方。",
    )
    reveals = Text(
        "The number of rows of all hospitals together; of each hospital, how many rows and classes it releases, with "
        "their loss, risk and the gains of attacks. No row: these are sealed to the asker.",
        "所有医院合计的行数；以及各医院发布的行数、等价类数、信息损失、风险与攻击收益。不含数据行：其仅封装给申请方。",
    )

    def __init__(self, params: Document, schema: Schema) -> None:
        super().__init__(params, schema)
        self.asked = cast(Params, params)
        _check_columns(self.asked, schema)

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.asked.quasi_identifiers, *self.asked.sensitive, *self.asked.keep)

    @property
    def by_person(self) -> bool:
        return True

    def anonymisation(self, k: int, unknown: frozenset[str] = frozenset()) -> Anonymisation:
        """What each hospital does with its rows: with no fewer than `k`, and `unknown` columns by its own word."""
        asked = self.asked
        said = {"run": True, "unknown": tuple(n for n in asked.keep if n in unknown)}
        rest = asked.model_dump(mode="json", exclude={"watermark", "k"})
        return Anonymisation.read({**rest, "k": max(k, asked.k), "attacks": said})

    def partial(self, batch: Batch, state: State) -> Partial:  # noqa: ARG002
        told = [*(batch[name] for name in self.columns), batch.person]
        return Gathered({"rows": np.column_stack([column.astype(np.float64) for column in told])})

    def close(self, total: Partial, state: State) -> Partial:  # noqa: ARG002
        return Partial({"n": np.asarray(len(total["rows"]))})

    def combine(self, total: Partial, state: State) -> Done:  # noqa: ARG002
        return Done(Result({"n": int(total["n"])}, (Table(("n",)),)))


_NO_FILE = Text("has a hierarchy from a file, and no file travels with a study", "引用层级文件，而研究不携带文件")


def _check_columns(asked: Params, schema: Schema) -> None:
    """Raises BadInput for a column that is not there, identifies, is said twice, or cannot bear what is asked of it."""
    names = [*asked.quasi_identifiers, *asked.sensitive, *asked.keep]
    there = {c.name for c in schema.columns if not c.identifier and c.type != "text"}
    drawn = [n for n, how in asked.quasi_identifiers.items() if how.by == "file"]
    drawn += [n for n, v in asked.sensitive.items() if v.hierarchy is not None and v.hierarchy.by == "file"]
    check_named(
        names,
        sorted(there),
        "extract-columns",
        Text(f"Name each column once. There are: {', '.join(sorted(there))}.",
             f"每一列恰好出现一次。可用的列：{'、'.join(sorted(there))}。"),
        absent=Text("is not a column to be used", "不是可用的列"),
        more=[
            *((n, _NO_FILE) for n in drawn),
            *((n, Text("is marked, but not under keep", "加水印，却不在 keep 中"))
              for n in asked.watermark if n not in asked.keep),
        ],
    )  # fmt: skip


METHOD = Extract
