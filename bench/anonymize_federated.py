"""What 18 hospitals lose when each anonymises alone, when they agree on one rule, and if all rows lay in one place.

`python bench/anonymize_federated.py [--large]`. The table is that of `bench/anonymize.py`, dealt so that a hospital's
patients are mostly of one part of the country. Loss is the normalised certainty penalty of all cells, by the same
hierarchies. Alone and pooled are cut by the compiled engine; the rule by sums, of which a hospital sends `MB sent` as
numbers of eight bytes (as many bytes under masks), and is told `MB told`. Seconds are those of the processor: at all
hospitals together, and at the hub.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from anonymize import QUASI, K, generate
from huizhen import methods
from huizhen.kit import wire
from huizhen.model.agreed_rule import AgreedRule
from huizhen.model.batch import Batch
from huizhen.model.dataset import Column, Schema
from huizhen.model.method import Done, Method
from huizhen.privacy.anonymise.agreed import apply
from huizhen.privacy.anonymise.cost import measure
from huizhen.privacy.anonymise.partition import partition
from huizhen.privacy.anonymise.promise import Diversity, Sensitive

HOSPITALS = 18
HOW: dict[str, Any] = {
    "age": {"by": "interval", "widths": [5, 10, 20], "range": [0, 100]},
    "sex": {"by": "flat"},
    "region": {"by": "division"},
    "occupation": {"by": "prefix", "lengths": [1, 2]},
    "education": {"by": "flat"},
    "marital": {"by": "flat"},
    "ethnic": {"by": "flat"},
    "admitted": {"by": "date", "range": [2024, 2025]},
}
RUNS: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("k", {}, 1),
    ("k, 0 or 3 a hospital", {}, 3),
    ("k, l, t", {"distinct": 2, "t": 0.3}, 1),
)


def people(rows: int) -> tuple[Schema, dict[str, np.ndarray[Any, Any]]]:
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder, "in.csv"), rows)
        frame = pd.read_csv(Path(folder, "in.csv"), dtype=str)
    columns, arrays = [], {}
    for name in (*QUASI, "icd10"):
        if name == "age":
            columns.append(Column(name=name, type="integer"))
            arrays[name] = frame[name].to_numpy(np.float64)
        elif name == "admitted":
            columns.append(Column(name=name, type="date"))
            arrays[name] = frame[name].to_numpy("datetime64[D]").astype(np.int64).astype(np.float64)
        else:
            levels = sorted(set(frame[name]))
            columns.append(Column(name=name, type="category", levels=tuple(levels)))
            arrays[name] = pd.Categorical(frame[name], categories=levels).codes.astype(np.int32)
    return Schema(columns=tuple(columns)), arrays


def dealt(rows: int, region: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """The rows of each hospital: from some 10 to 55 parts of all."""
    chance = np.random.default_rng(2)
    order = np.argsort(region + chance.normal(0, region.max() / 5, rows), kind="stable")
    ends = np.cumsum(np.linspace(10, 55, HOSPITALS))
    return np.split(order, (ends / ends[-1] * rows).astype(int)[:-1])


def by_sums(method: Method, nodes: list[Batch]) -> tuple[dict[str, Any], dict[str, float]]:
    """The released values, and what it took."""
    state, took = method.start(), {"rounds": 0, "nodes": 0.0, "hub": 0.0, "sent": 0.0, "told": 0.0}
    while True:
        told = wire.encode(method.told(state))
        began = time.process_time()
        here = wire.decode(told)
        sums = [method.close(method.partial(batch, here), here) for batch in nodes]
        between = time.process_time()
        step = method.combine(sum(sums[1:], start=sums[0]), state)
        took["nodes"], took["hub"] = took["nodes"] + between - began, took["hub"] + time.process_time() - between
        took["rounds"] += 1
        took["sent"] += sum(a.nbytes for a in sums[0].fields.values()) / 1e6
        took["told"] += len(told) / 1e6
        if isinstance(step, Done):
            return step.result.values, took
        state = wire.decode(wire.encode(step.state))


def run(rows: int) -> None:
    schema, arrays = people(rows)
    parts = dealt(rows, arrays["region"])
    nodes = [Batch(len(p), {n: v[p] for n, v in arrays.items()}) for p in parts]
    print(f"{rows:,} rows at {HOSPITALS} hospitals of {min(map(len, parts)):,} to {max(map(len, parts)):,}, k = {K}")
    heads = (
        "alone",
        "by one rule",
        "pooled",
        "s",
        "classes",
        "left out",
        "rounds",
        "nodes s",
        "hub s",
        "MB sent",
        "MB told",
    )
    print(f"{'':<22}" + "".join(f"{head:>{max(len(head) + 2, 8)}}" for head in heads))
    for title, asked, least in RUNS:
        kind = methods.find("generalise")
        params = {"quasi_identifiers": HOW, "k": K, "per_hospital_min": least, "sensitive": {"icd10": asked}}
        method = kind(kind.read_params(params), schema)
        alone = np.average([by_engine(batch, method, asked)[0] for batch in nodes], weights=list(map(len, parts)))
        pooled, seconds = by_engine(Batch(rows, arrays), method, asked)
        values, took = by_sums(method, nodes)
        check(values, nodes, least)
        if least == 1 and abs(values["ncp"] / pooled - 1) > 0.02:
            raise SystemExit(f"loss by one rule {values['ncp']:.4f}, pooled {pooled:.4f}")
        cells = (
            f"{alone:.3f}", f"{values['ncp']:.3f}", f"{pooled:.3f}", f"{seconds:.2f}", f"{values['classes']:,}",
            f"{values['sizes'][-1] / rows:.2%}", f"{took['rounds']:.0f}", f"{took['nodes']:.2f}", f"{took['hub']:.2f}",
            f"{took['sent']:.1f}", f"{took['told']:.1f}",
        )  # fmt: skip
        print(f"{title:<22}" + "".join(f"{c:>{max(len(h) + 2, 8)}}" for c, h in zip(cells, heads, strict=True)))


def by_engine(batch: Batch, method: Method, asked: dict[str, Any]) -> tuple[float, float]:
    """The loss where these rows lie in one place, and the seconds it took."""
    began = time.process_time()
    domains = method.fixed  # type: ignore[attr-defined]
    trees = [d.hierarchy for d in domains]
    codes = [d.codes(batch[n]) for d, n in zip(domains, QUASI, strict=True)]
    values = len(method.schema.column("icd10").levels or ())
    found = partition(codes, trees, K, [Sensitive(batch["icd10"], values, Diversity(**asked))])
    return float(measure(found, trees, QUASI)["ncp"]), time.process_time() - began


def check(values: dict[str, Any], nodes: list[Batch], least: int) -> None:
    """What is released, of all together, has K rows or more in each class, and at each hospital none or `least`."""
    rule = AgreedRule.read(values["rule"])
    shares = np.array([apply(rule, batch.columns).share for batch in nodes])
    assert shares.sum(axis=0).min() >= K
    assert shares.sum(axis=0).tolist() == values["sizes"][:-1]
    assert not ((shares > 0) & (shares < least)).any()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="585,000 rows: hospitals of 10,000 to 55,000")
    size.add_argument("--tiny", action="store_true", help="a few thousand, to see that it runs")
    given = parser.parse_args()
    run(585_000 if given.large else 4_000 if given.tiny else 58_500)


if __name__ == "__main__":
    main()
