"""One rule from several frames, and the rows that each releases by it, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from drive import Trace, trace
from huizhen.adapters.anonymise_by_rule import Agreed, release
from huizhen.model.agreed_rule import AgreedRule
from huizhen.model.dataset import Schema


def agreed(params: Mapping[str, Any], schema: Schema, frames: Sequence[pd.DataFrame]) -> tuple[Trace, Agreed]:
    seen = trace("generalise", params, schema, list(frames))
    values = seen.result.values
    rule = AgreedRule.read(values["rule"])
    return seen, Agreed(rule, "st-0", len(frames), tuple(values["sizes"][:-1]))


def released(
    rule: Agreed, frames: Sequence[pd.DataFrame], folder: Path, **columns: Sequence[str]
) -> tuple[list[dict[str, Any]], list[pd.DataFrame]]:
    """By hospital, the figures and the rows it releases, read back as text; those with no rows are left out."""
    told, tables = [], []
    for i, frame in enumerate(frames):
        if len(frame):
            source, out = folder / f"h{i}.csv", folder / f"h{i}-out.csv"
            frame.to_csv(source, index=False)
            told.append(release(source, out, rule, **columns))
            tables.append(pd.read_csv(out, dtype=str, keep_default_na=False))
    return told, tables
