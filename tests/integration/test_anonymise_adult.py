"""On the Adult data the lattice's optimum is that of looking at every rule; the search here shares no code with it."""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from huizhen.privacy.anonymise.cost import measure
from huizhen.privacy.anonymise.hierarchy import table
from huizhen.privacy.anonymise.lattice import optimal

ADULT = Path(__file__).resolve().parents[3] / "shared" / "data" / "adult"
COLUMNS = ["sex", "age", "race", "marital-status", "education", "workclass"]
SUPPRESS = (0.0, 0.01, 0.05)
K = (2, 5, 10, 25)

pytestmark = pytest.mark.skipif(not ADULT.exists(), reason="the Adult data is not here")


def written(name: str) -> list[list[str]]:
    with (ADULT / f"adult_hierarchy_{name}.csv").open(newline="", encoding="utf-8") as file:
        return [row for row in csv.reader(file, delimiter=";") if row]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (ADULT / "adult.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter=";"))


@pytest.fixture(scope="module")
def truth(rows: list[dict[str, str]]) -> dict[tuple[int, float], float]:
    """The least loss of any rule, for each k and share suppressed. Loss: for each cell (values that its label stands
    for, of those in the file, less one) / (values in the file, less one), and 1 for a cell left out."""
    counted = Counter(tuple(row[c] for c in COLUMNS) for row in rows)
    weight = np.array(list(counted.values()))
    place: list[list[npt.NDArray[np.int64]]] = []
    loss: list[list[npt.NDArray[np.float64]]] = []
    for j, name in enumerate(COLUMNS):
        there = {combination[j] for combination in counted}
        lines = {line[0]: line for line in written(name) if line[0] in there}
        levels = range(len(next(iter(lines.values()))))
        labels = [[lines[combination[j]][level] for combination in counted] for level in levels]
        stands = [Counter(line[level] for line in lines.values()) for level in levels]
        places = [{label: i for i, label in enumerate(dict.fromkeys(one))} for one in labels]
        place.append([np.array([p[x] for x in one]) for p, one in zip(places, labels, strict=True)])
        loss.append(
            [np.array([(s[x] - 1) / (len(there) - 1) for x in one]) for s, one in zip(stands, labels, strict=True)]
        )
    least = {(k, share): float("inf") for k in K for share in SUPPRESS}
    for rule in itertools.product(*(range(len(p)) for p in place)):
        key = np.zeros(len(weight), np.int64)
        cells = np.zeros(len(weight))
        for p, one, level in zip(place, loss, rule, strict=True):
            key = key * 100 + p[level]
            cells += one[level] / len(COLUMNS)
        if all(weight @ cells / len(rows) >= most for most in least.values()):
            continue  # of a rule, leaving rows out only adds
        _, of = np.unique(key, return_inverse=True)
        size = np.bincount(of, weights=weight)[of]
        for k in K:
            out = size < k
            gone, cost = weight[out].sum(), float((weight * np.where(out, 1.0, cells)).sum() / len(rows))
            for share in SUPPRESS:
                if gone <= len(rows) * share:
                    least[k, share] = min(least[k, share], cost)
    return least


@pytest.mark.parametrize("k", K)
def test_the_lattices_optimum_is_that_of_every_rule(
    k: int, rows: list[dict[str, str]], truth: dict[tuple[int, float], float]
):
    hierarchies, columns = [], []
    for name in COLUMNS:
        values = list(dict.fromkeys(row[name] for row in rows))
        there = set(values)
        hierarchy = table(values, [line for line in written(name) if line[0] in there], name)
        code = dict(zip(values, hierarchy.code.tolist(), strict=True))
        hierarchies.append(hierarchy)
        columns.append(np.array([code[row[name]] for row in rows], np.int32))
    for share in SUPPRESS:
        found = optimal(columns, hierarchies, k, suppress=int(len(rows) * share))
        told = measure(found, hierarchies, COLUMNS)
        assert told["smallest_class"] >= k and told["suppressed"] <= len(rows) * share
        assert told["ncp"] == pytest.approx(truth[k, share], abs=1e-12)
