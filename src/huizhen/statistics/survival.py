"""Cox's partial likelihood from sums over patients by time: those who leave at a time, and those who die then.

Sources: D. R. Cox, JRSS B 34 (1972); B. Efron, JASA 72 (1977) and N. Breslow, Biometrics 30 (1974) for tied deaths.
Covariates come in as (p, rows), on a scale on which exp(eta) is of moderate size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import BadInput, Unable
from huizhen.kit.text import Text

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Ties = Literal["efron", "breslow"]
Fields = Mapping[str, npt.NDArray[Any]]

LARGEST_ETA = 40.0
"""A risk exp(40) times that of the mean patient is an estimate on its way to infinity."""


class Likelihood(NamedTuple):
    """At one beta, over one or more strata. `null` is the log-likelihood at beta = 0."""

    loglik: float
    null: float
    score: Floats
    information: Floats
    mean: Floats
    """(times, p) of x over those at risk, by their risk; 0 where nobody is."""
    hazard: Floats
    """(times,) the jump of the baseline cumulative hazard (Breslow's, or with Efron's correction for ties)."""
    at_risk: Counts
    """(times,)"""


def width(p: int) -> int:
    """How many numbers `tally` gives per time for p covariates."""
    return 2 * (2 + p + p * (p + 1) // 2)


def tally(place: Counts, places: int, died: npt.NDArray[np.bool_], x: Floats, eta: Floats) -> dict[str, Any]:
    """Sums by time, additive over rows: (places, ...) each.

    place: (rows,) the position of the last event time not after the row's own, in its stratum. left, deaths: how many
    rows, how many deaths. risk, dead: per time 1 + p + p(p+1)/2 sums of exp(eta) times 1, x, and products of x, over
    all rows and over deaths. fallen: per time 1 + p sums of eta and x over deaths.
    """
    weight = np.exp(np.minimum(eta, LARGEST_ETA))
    dead = np.flatnonzero(died)
    return {
        "left": np.bincount(place, minlength=places),
        "deaths": np.bincount(place[dead], minlength=places),
        "risk": _moments(place, places, x, weight),
        "dead": _moments(place[dead], places, x[:, dead], weight[dead]),
        "fallen": by_place(place[dead], places, [eta[dead], *x[:, dead]]),
    }


def eta_sums(eta: Floats) -> Floats:
    """(3,) sum and sum of squares of eta, and how many are beyond LARGEST_ETA either way."""
    return np.array([eta.sum(), eta @ eta, (np.abs(eta) > LARGEST_ETA).sum()])


def eta_spread(sums: Floats, rows: int) -> list[float]:
    """Mean and standard deviation (n below) of eta, from `eta_sums` over all rows."""
    mean = float(sums[0]) / rows
    return [mean, float(np.sqrt(max(float(sums[1]) / rows - mean**2, 0.0)))]


def likelihood(sums: Fields, first: Counts, p: int, ties: Ties) -> Likelihood:
    """The partial likelihood from `tally` summed over all rows. first: (strata + 1,) where each stratum's times start;
    times ascend within a stratum. 'fallen' may have been summed over times already."""
    deaths = np.asarray(sums["deaths"], dtype=np.int64)
    risk, dead, at_risk = _later(sums["risk"], first), sums["dead"], _later(sums["left"], first)
    fallen = sums["fallen"].reshape(-1, 1 + p).sum(axis=0)
    who = np.repeat(np.arange(len(deaths)), deaths)
    share = (np.arange(len(who)) - (np.cumsum(deaths) - deaths)[who]) / deaths[who]
    if ties == "breslow":
        share = np.zeros_like(share)
    mass = risk[who, 0] - share * dead[who, 0]

    def over(values: Floats) -> Floats:
        return np.bincount(who, values, minlength=len(deaths)).astype(np.float64)

    hazard, tied = over(1 / mass), over(share / mass)
    one, mixed, both = over(1 / mass**2), over(share / mass**2), over(share**2 / mass**2)
    r, d = risk[:, 1 : 1 + p], dead[:, 1 : 1 + p]
    cross = (r * mixed[:, None]).T @ d
    means = (r * one[:, None]).T @ r - cross - cross.T + (d * both[:, None]).T @ d
    return Likelihood(
        loglik=float(fallen[0] - np.log(mass).sum()),
        null=float(-np.log(at_risk[who] - share * deaths[who]).sum()),
        score=fallen[1:] - (hazard @ r - tied @ d),
        information=_square(hazard @ risk[:, 1 + p :] - tied @ dead[:, 1 + p :], p) - means,
        mean=r / np.where(risk[:, :1] > 0, risk[:, :1], 1.0),
        hazard=hazard,
        at_risk=at_risk,
    )


def opened(sums: Fields) -> Likelihood:
    """The likelihood that hospitals with baselines of their own have worked out, each for itself, and added up."""
    loglik, null = sums["loglik"].tolist()
    none = np.empty(0)
    return Likelihood(loglik, null, sums["score"], sums["information"], none, none, none.astype(np.int64))


def hazard_ratios(estimate: float, low: float, high: float) -> dict[str, float | None]:
    """exp of a coefficient and its limits; None where that is too large for a number."""
    named = {"hazard_ratio": estimate, "hazard_ratio_low": low, "hazard_ratio_high": high}
    return {name: float(np.exp(b)) if b < 700 else None for name, b in named.items()}


def places(stratum: Counts, time: Floats, times: Floats, first: Counts) -> Counts:
    """(rows,) the position in `times` of the last event time of the row's stratum that is not after its own time; -1
    where there is none."""
    place = np.full(len(time), -1, dtype=np.int64)
    for s in np.unique(stratum):
        here = stratum == s
        found = np.searchsorted(times[first[s] : first[s + 1]], time[here], side="right") - 1
        place[here] = np.where(found < 0, -1, first[s] + found)
    return place


def strata(first: Counts) -> Iterator[slice]:
    """Where each stratum's times stand."""
    return (slice(int(a), int(b)) for a, b in pairwise(first))


def steps(time: Floats, hazard: Floats, at_risk: Counts, deaths: Counts) -> list[dict[str, Any]]:
    """The steps of one stratum's baseline as a result tells them, from jumps of the hazard; (times,) each."""
    rows = zip(time.tolist(), np.cumsum(hazard).tolist(), at_risk.tolist(), deaths.tolist(), strict=True)
    return [{"time": t, "hazard": h, "at_risk": r, "events": d} for t, h, r, d in rows if d > 0]


def _moments(place: Counts, places: int, x: Floats, weight: Floats) -> Floats:
    weighted = x * weight
    products = (weighted[a] * x[b] for a, b in zip(*np.triu_indices(len(x)), strict=True))
    return by_place(place, places, [weight, *weighted, *products])


def by_place(place: Counts, places: int, columns: Iterable[Floats]) -> Floats:
    """(places, columns) the sums of each column over the rows of each place."""
    return np.stack([np.bincount(place, column, minlength=places) for column in columns], axis=1, dtype=np.float64)


def _later(values: npt.NDArray[Any], first: Counts) -> npt.NDArray[Any]:
    """Sums over this and all later times of the stratum."""
    whole = np.empty_like(values)
    for s in strata(first):
        whole[s] = np.cumsum(values[s][::-1], axis=0)[::-1]
    return whole


def _square(triangle: Floats, p: int) -> Floats:
    square = np.zeros((p, p))
    square[np.triu_indices(p)] = triangle
    return square + np.triu(square, 1).T


def outcome_in_formula(name: str) -> BadInput:
    return BadInput(
        "outcome-in-formula",
        Text(f"Column '{name}' is the outcome, and stands in the formula too.", f"列“{name}”既是结局又出现在公式中。"),
        Text("Leave it out of the formula.", "请将其从公式中去掉。"),
    )


def no_events() -> Unable:
    return Unable(
        "no-events",
        Text("No event happened in any row.", "没有任何一行发生事件。"),
        Text("Widen the cohort, or choose another event column.", "请放宽队列条件，或更换事件列。"),
    )


def not_a_duration(name: str) -> BadInput:
    return BadInput(
        "not-a-duration",
        Text(f"Some values of '{name}' are negative or infinite.", f"“{name}”的部分取值为负数或无穷大。"),
        Text(f"Leave these rows out with the cohort: '{name} >= 0'.", f"请用队列条件“{name} >= 0”排除这些行。"),
    )


def too_many_times(limit: int) -> Unable:
    """The error when there are more distinct times of events than one round can carry sums for."""
    return Unable(
        "too-many-distinct-times",
        Text(
            f"There are more than {limit} distinct times of events, too many for this number of columns.",
            f"事件发生的不同时间点超过 {limit} 个，对于这么多列而言过多。",
        ),
        Text(
            "Record the duration in a coarser unit (days, months), use fewer columns, or stratify by hospital "
            "(strata: node), which sends no sums by time.",
            "请使用较粗的时间单位（天、月）、减少自变量，或按医院分层（strata: node，不发送按时间的和）。",
        ),
    )


def closed(sums: Fields, first: Counts, p: int, ties: Ties) -> dict[str, npt.NDArray[Any]]:
    """What is left of the sums of one hospital's own strata once it has worked out its part of the likelihood."""
    found = likelihood(sums, first, p, ties)
    return {
        "rows": sums["left"].sum(),
        "deaths": sums["deaths"].sum(),
        "eta": sums["eta"].sum(axis=0),
        "loglik": np.array([found.loglik, found.null]),
        "score": found.score,
        "information": found.information,
    }
