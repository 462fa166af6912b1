"""How near the effects that are paid come to leave-one-out and Shapley values computed in the clear.

`python bench/contribution.py [--large]`. In the clear, every coalition of the hospitals is fitted, and valued by the
log-likelihood of rows that were held out of all fits: what data valuation takes for the truth. (Valued by the rows of
the fit itself, a hospital whose outcomes are shuffled comes out as the most valuable one where the model is strong: it
alone explains its own rows.) Beside it: rows alone, which is what is paid without effect; a mean-field estimate that a
hospital could make from its own sums and the totals; and what `market.effect` makes of rows and misfits. The last two
see no sum without a hospital. `--large` adds seeds, and blocks of hospitals whose sums could be opened.
"""

from __future__ import annotations

import argparse
import itertools
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from huizhen.market import effect
from huizhen.market.effect import Worth
from huizhen.statistics import family, misfit, survival

Floats = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Rows:
    x: Floats
    y: Floats
    """The outcome; of a hazard model the time."""
    died: Floats
    kind: str

    def of(self, where: Floats) -> Rows:
        return Rows(self.x[where], self.y[where], self.died[where], self.kind)

    def sums(self, beta: Floats) -> tuple[float, Floats, Floats]:
        """Log-likelihood, score, information."""
        if self.kind == "cox":
            key, place = np.unique(self.y, return_inverse=True)
            sums = survival.tally(place, len(key), self.died > 0, self.x.T, self.x @ beta)
            found = survival.likelihood(sums, np.array([0, len(key)]), self.x.shape[1], "efron")
            return found.loglik, found.score, found.information
        eta, _ = family.bounded(self.kind, self.x @ beta)  # type: ignore[arg-type]
        unit = family.unit(self.kind, self.y, eta)  # type: ignore[arg-type]
        return -unit.deviance.sum() / 2, self.x.T @ unit.residual, (self.x.T * unit.weight) @ self.x

    def null(self) -> Floats:
        beta = np.zeros(self.x.shape[1])
        if self.kind != "cox":
            beta[0] = family.link(self.kind, float(self.y.mean()))  # type: ignore[arg-type]
        return beta


def fit(rows: Rows, beta: Floats) -> Floats | None:
    """Newton with halving; None where there is no answer."""
    value, score, information = rows.sums(beta)
    for _ in range(40):
        try:
            step = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            return None
        size = 1.0
        while size > 1e-4:
            after = rows.sums(beta + size * step)
            if np.isfinite(after[0]) and after[0] >= value - 1e-12 * abs(value):
                break
            size /= 2
        beta, decrement = beta + size * step, float(score @ step)
        value, score, information = after
        if np.abs(beta).max() > 50:
            return None
        if decrement < 1e-12:
            return beta
    return None


def hospitals(which: str, seed: int) -> tuple[Rows, list[Floats]]:
    """Real rows, and which are at which hospital. `+`: at the third one the outcomes are shuffled."""
    dice, name = np.random.default_rng(seed), which.rstrip("+")
    if name == "lung":
        from lifelines.datasets import load_lung

        table = load_lung().dropna(subset=["inst", "age", "sex", "ph.ecog"])
        x, y = table[["age", "sex", "ph.ecog"]].to_numpy(float), table["time"].to_numpy(float)
        died, kind = table["status"].to_numpy(float), "cox"
        of = {inst: k % 6 for k, inst in enumerate(dice.permutation(table["inst"].unique()))}
        place = table["inst"].map(of).to_numpy()
    else:
        if name == "cancer":
            from sklearn.datasets import load_breast_cancer

            x, y = load_breast_cancer(return_X_y=True)
            x, kind = x[:, [1, 4, 8, 9]], "binomial"
        elif name == "diabetes":
            from sklearn.datasets import load_diabetes

            x, y = load_diabetes(return_X_y=True)
            x, y, kind = x[:, [0, 1, 2, 3, 8]], (y - y.mean()) / y.std() * math.sqrt(2), "gaussian"
        else:
            from statsmodels.datasets import randhie

            table = randhie.load_pandas().data.iloc[dice.permutation(20190)[:6000]]
            x, y = table[["lncoins", "idp", "physlm", "disea", "hlthf"]].to_numpy(float), table["mdvis"].to_numpy(float)
            y, kind = (y >= 3).astype(float), "binomial"
        died = np.ones(len(y))
        place = dice.choice(6, len(y), p=dice.dirichlet(np.full(6, 4.0)))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    x = x if kind == "cox" else np.column_stack([np.ones(len(x)), x])
    y, died = y.astype(float).copy(), died.astype(float).copy()
    if which.endswith("+"):
        bad = np.flatnonzero(place == 2)
        mixed = dice.permutation(bad)
        y[bad], died[bad] = y[mixed], died[mixed]
    return Rows(x, y, died, kind), [np.flatnonzero(place == k) for k in range(6)]


def in_the_clear(rows: Rows, parts: list[Floats], tests: Rows, tested: list[Floats]) -> Floats:
    """(2^n,) the value of every coalition by held-out log-likelihood above that of the model that knows no column, as a
    share of what all reach; below 0 counts as 0. `tested`: rows of `tests` that are nobody's shuffled ones."""
    n, clean = len(parts), tests.of(np.concatenate(tested))
    null = rows.of(np.concatenate(parts)).null()
    least, values = clean.sums(null)[0], np.zeros(1 << n)
    for s in range(1, 1 << n):
        beta = fit(rows.of(np.concatenate([parts[i] for i in range(n) if s >> i & 1])), null)
        if beta is not None:
            values[s] = max(0.0, clean.sums(beta)[0] - least)
    return values / max(values[-1], 1e-9)


def shapley(values: Floats, n: int) -> Floats:
    found = np.zeros(n)
    for s, i in itertools.product(range(1 << n), range(n)):
        if not s >> i & 1:
            found[i] += (values[s | 1 << i] - values[s]) / (n * math.comb(n - 1, s.bit_count()))
    return found


def mean_field(rows: Rows, parts: list[Floats], beta: Floats, gain: float) -> Floats:
    """What each hospital finds from its own sums and the totals, taking k of the others for k / (n - 1) of them all."""
    whole, n = rows.sums(beta)[2], len(parts)
    found = np.zeros(n)
    for i, part in enumerate(parts):
        _, score, own = rows.of(part).sums(beta)
        for share in np.arange(n) / (n - 1):
            rest, together = share * (whole - own), share * (whole - own) + own
            before = np.linalg.pinv(rest) @ (-share * score)
            after = np.linalg.pinv(together) @ ((1 - share) * score)
            worth = max(0.0, 1 - before @ whole @ before / gain) if share else 0.0
            found[i] += (max(0.0, 1 - after @ whole @ after / gain) - worth) / n
    return found


@dataclass
class Found:
    rows: Floats
    told: Floats
    exact: dict[str, Floats]
    estimates: dict[str, Floats]
    values: Floats


def measure(which: str, seed: int) -> Found:
    rows, parts = hospitals(which, seed)
    dice = np.random.default_rng(seed + 1000)
    held = dice.random(len(rows.y)) < 0.3
    train = [p[~held[p]] for p in parts]
    tested = [p[held[p]] for k, p in enumerate(parts) if not (which.endswith("+") and k == 2)]
    values, n = in_the_clear(rows, train, rows, tested), len(parts)
    joint = rows.of(np.concatenate(train))
    beta = fit(joint, joint.null())
    if beta is None:
        raise SystemExit(f"{which}: the joint model has no answer")
    gain = 2 * (joint.sums(beta)[0] - joint.sums(joint.null())[0])
    of = [rows.of(p).sums(beta) for p in train]
    told = np.array([misfit.level(score, information) for _, score, information in of], dtype=float)
    straying = [misfit.statistic(score, information) for _, score, information in of]
    finer = np.array([max(1.0, chi2 / freedom) for chi2, freedom in straying])
    size, worth = np.array([len(p) for p in train], dtype=float), Worth(len(beta), gain)
    full = (1 << n) - 1
    return Found(
        size,
        told,
        {"shapley": shapley(values, n), "leave-one-out": values[full] - values[[full ^ 1 << i for i in range(n)]]},
        {
            "rows": size / size.sum(),
            "mean-field": mean_field(rows, train, beta, gain),
            "ours, not rounded": effect.shapley(size, finer, worth, 0),
            "ours, shapley": effect.shapley(size, told, worth, 0),
            "ours, leave-one-out": effect.leave_one_out(size, told, worth),
        },
        values,
    )


def isolated(opened: Sequence[Sequence[int]], n: int) -> int:
    """The fewest hospitals that a combination of the opened sums comes down to. opened: indicator vectors (n,).

    Support s is reached exactly where the vectors, at the other places, have a smaller rank than altogether.
    """
    matrix = np.array(opened, dtype=float)
    rank = np.linalg.matrix_rank(matrix)
    for k in range(1, n + 1):
        for left in itertools.combinations(range(n), k):
            if np.linalg.matrix_rank(np.delete(matrix, left, axis=1)) < rank:
                return k
    return n


def blocks(n: int, fewest: int) -> list[int]:
    """As many coalitions as can be opened, taken in turn, so that no combination isolates fewer than `fewest`."""
    opened, chosen = [[1] * n], []
    for s in range(1, (1 << n) - 1):
        row = [s >> i & 1 for i in range(n)]
        if fewest <= sum(row) <= n - fewest and isolated([*opened, row], n) >= fewest:
            opened.append(row)
            chosen.append(s)
    return chosen


def with_blocks(found: Found, chosen: list[int]) -> Floats:
    """Our values, corrected as little as makes each opened coalition worth, in sum over its members, as much more or
    less as it turned out to be (ridge 1, the total kept)."""
    n, ours = len(found.rows), found.estimates["ours, shapley"]
    if not chosen:
        return ours
    member = np.array([[s >> i & 1 for i in range(n)] for s in chosen], dtype=float)
    centred = member - member.mean(axis=1, keepdims=True)
    off = found.values[chosen] - found.values[[(1 << n) - 1 ^ s for s in chosen]]
    expected = (member - (1 - member)) @ ours
    return ours + centred.T @ np.linalg.solve(centred @ centred.T + np.eye(len(chosen)), (off - expected) / 2)


def scaled(values: Floats) -> Floats:
    """Shares as they are paid: bounded by rows, summing to 1."""
    whole = np.maximum(values, 0).sum()
    return values / whole if whole > 0 else np.full(len(values), 1 / len(values))


def paid(found: Found, values: Floats) -> Floats:
    share = found.rows / found.rows.sum()
    weight = share * np.clip(scaled(values) / share, effect.LEAST, effect.MOST)
    return np.asarray(weight / weight.sum())


def report(which: str, seeds: int, large: bool) -> None:
    runs = [measure(which, seed) for seed in range(seeds)]
    if large:
        chosen = blocks(6, 3)
        for run in runs:
            run.estimates["ours, and blocks"] = with_blocks(run, chosen)
    exact = {rule: np.array([paid(r, r.exact[rule]) for r in runs]) for rule in ("shapley", "leave-one-out")}
    print(f"\n{which}: 6 hospitals, {sum(len(r.rows) for r in runs) // 6} draws; misfits told {counts(runs)}")
    both = correlation(exact["shapley"], exact["leave-one-out"])
    print(f"  in the clear, Shapley and leave-one-out agree: rank correlation {both:.2f}")
    for name in runs[0].estimates:
        rule = "leave-one-out" if name.endswith("out") else "shapley"
        mine = np.array([paid(r, r.estimates[name]) for r in runs])
        line = f"  {name:20s} beside {rule} in the clear: rank correlation {correlation(mine, exact[rule]):5.2f}"
        line += f", mean error of a share {np.abs(mine - exact[rule]).mean():.4f}"
        third = mine[:, 2].mean() / np.mean([r.rows[2] / r.rows.sum() for r in runs])
        print(line + (f"; the shuffled hospital is paid {third:.2f} of its rows" if which.endswith("+") else ""))
    if which.endswith("+"):
        third = exact["shapley"][:, 2].mean() / np.mean([r.rows[2] / r.rows.sum() for r in runs])
        print(f"  Shapley in the clear pays the shuffled hospital {third:.2f} of its rows")


def counts(runs: list[Found]) -> str:
    level, n = np.unique(np.concatenate([r.told for r in runs]), return_counts=True)
    return ", ".join(f"{int(k)}: {v}" for k, v in zip(level, n, strict=True))


def correlation(mine: Floats, theirs: Floats) -> float:
    """Spearman's, mean over draws; 0 where one side has no order."""
    found = [
        0.0 if np.ptp(a) < 1e-12 or np.ptp(b) < 1e-12 else stats.spearmanr(a, b)[0]
        for a, b in zip(mine, theirs, strict=True)
    ]
    return float(np.mean(found))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--large", action="store_true", help="ten draws of each, and blocks")
    asked.add_argument("--tiny", action="store_true", help="one draw of two, to see that it runs")
    size = asked.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)
    seeds = 10 if size.large else 1 if size.tiny else 3
    for which in ("diabetes", "diabetes+") if size.tiny else (
        "lung", "lung+", "cancer", "cancer+", "diabetes", "diabetes+", "randhie", "randhie+",
    ):  # fmt: skip
        report(which, seeds, size.large)


if __name__ == "__main__":
    main()
