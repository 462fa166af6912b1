"""Rows of nobody, drawn here from what a study of `synthesize` released: no hospital is asked again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from huizhen.adapters.own_file import write_table
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.privacy.synthetic.axis import Bins
from huizhen.privacy.synthetic.sample import drawn
from huizhen.privacy.synthetic.tree import Codes, Edge, Forest, fitted, summed


def is_synthetic(outcome: Mapping[str, Any]) -> bool:
    return bool(outcome["request"]["method"] == "synthesize" and outcome["result"])


def draw(values: Mapping[str, Any], rows: int | None = None, seed: int | None = None) -> pa.Table:
    """rows: how many; else about as many as there are people. seed: the same rows again. What they are drawn from has
    its noise already, so that this costs no privacy, however often. Missing values are null."""
    chance = np.random.default_rng(seed)
    codes = drawn(_forest(values), values["n"] if rows is None else rows, chance)
    return pa.table({c["name"]: _column(c, code, chance) for c, code in zip(values["columns"], codes, strict=True)})


def write(values: Mapping[str, Any], out: Path, rows: int | None, seed: int | None) -> pa.Table:
    """To a .csv or .parquet file; answers them. Raises BadInput."""
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise BadInput(
            "bad-synthetic-file",
            Text("Synthetic rows are written as .csv or .parquet.", "合成数据行只能写为 .csv 或 .parquet。"),
            Text("Give --out a name that ends so.", "请为 --out 给出以此结尾的文件名。"),
        )
    table = draw(values, rows, seed)
    part = out.with_name(f".{out.stem}.part{out.suffix}")
    write_table(table, part, ",")
    part.replace(out)
    return table


def _forest(values: Mapping[str, Any]) -> Forest:
    """As it was when it was released, to the hundredths that it was released in."""
    names = [c["name"] for c in values["columns"]]
    single = [np.asarray(c["counts"], np.float64) for c in values["columns"]]
    edges = []
    for pair in values["pairs"]:
        parent, child = names.index(pair["parent"]), names.index(pair["child"])
        groups = np.asarray(pair["parent_groups"]), np.asarray(pair["child_groups"])
        sides = summed(single[parent], groups[0]), summed(single[child], groups[1])
        edges.append(Edge(parent, child, groups, fitted(np.asarray(pair["table"], np.float64), *sides)))
    return Forest(float(single[0].sum()), single, edges, {})


def _column(said: Mapping[str, Any], codes: Codes, chance: np.random.Generator) -> pa.Array:
    if "levels" in said:
        levels = [*said["levels"], None]
        kind = pa.string() if any(isinstance(x, str) for x in levels) else pa.int64()
        held = pa.array([x if x is None or kind == pa.int64() else str(x) for x in levels], kind)
        return held.take(pa.array(codes))
    numbers = Bins(said["kind"], np.asarray(said["edges"], np.float64), said["decimals"]).numbers(codes, chance)
    missing = np.isnan(numbers)
    plain = np.where(missing, 0, numbers)
    if said["kind"] == "date":
        return pa.array(plain.astype("datetime64[D]"), pa.date32(), mask=missing)
    return pa.array(plain.astype(np.int64) if said["decimals"] == 0 else plain, mask=missing)
