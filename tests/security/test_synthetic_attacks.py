"""Whether a synthetic table gives people away: a game on neighbouring tables, and a synthesiser that copies rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import beta

from huizhen.adapters import synthetic_table
from huizhen.adapters.synthesised import synthetic
from huizhen.kit.errors import Refused
from huizhen.model.synthesis import Synthesis
from huizhen.privacy.accounting import cost_within
from huizhen.privacy.synthetic.axis import Values, found
from huizhen.privacy.synthetic.source import Ints, OpenDpSource, deviation
from huizhen.privacy.synthetic.tree import grown

EPSILON, DELTA, GAMES = 1.0, 1e-8, 600


class Overheard(OpenDpSource):
    """Noise of `part` of its size; all that comes out of it is kept, as the attacker sees it."""

    def __init__(self, part: float = 1.0) -> None:
        self.part = part
        self.seen: list[tuple[Ints, float]] = []

    def noisy(self, counts: Ints, cost: float) -> Ints:
        answer = super().noisy(counts, cost / self.part**2)
        self.seen.append((answer, deviation(cost)))
        return answer


class Spender(OpenDpSource):
    spent = 0.0

    def noisy(self, counts: Ints, cost: float) -> Ints:
        self.spent += cost
        return super().noisy(counts, cost)

    def best(self, scores: Sequence[int], cost: float) -> int:
        self.spent += cost
        return super().best(scores, cost)


def _score(columns: Sequence[Any], part: float) -> float:
    """How much the noisy figures speak for the person who has the last value in every column (log-likelihood)."""
    source = Overheard(part)
    grown(columns, [3] * len(columns), cost_within(EPSILON, DELTA), source)
    return sum(float(noisy.ravel()[-1]) / sd**2 for noisy, sd in source.seen)


def _epsilon(part: float) -> float:
    """The epsilon that a game shows at least, with 99.9 % confidence: is this person there? (B. Jayaraman and D. Evans,
    USENIX Security 2019; ends by Clopper and Pearson.) The cut is chosen on one half of the games."""
    chance = np.random.default_rng(3)
    others = [chance.integers(0, 2, 4000).astype(np.int32)] * 2
    with_them = [np.append(c, 2).astype(np.int32) for c in others]
    outs, ins = (np.array([_score(t, part) for _ in range(GAMES)]) for t in (others, with_them))
    half = GAMES // 2

    def shown(cut: float, of: slice) -> float:
        right, wrong = int((ins[of] > cut).sum()), int((outs[of] > cut).sum())
        low = beta.ppf(0.001, right, half - right + 1) if right else 0.0
        high = beta.ppf(0.999, wrong + 1, half - wrong) if wrong < half else 1.0
        return float(np.log(max(low - DELTA, 1e-12) / high))

    cuts = np.quantile(np.concatenate([outs, ins]), np.linspace(0.05, 0.95, 19))
    return shown(max(cuts, key=lambda c: shown(c, slice(0, half))), slice(half, None))


def test_a_game_on_neighbouring_tables_shows_no_more_than_epsilon() -> None:
    assert _epsilon(1.0) <= EPSILON


def test_the_same_game_catches_noise_that_is_too_small() -> None:
    assert _epsilon(0.05) > EPSILON


def test_noise_has_the_size_that_its_cost_needs_and_costs_add_up_to_the_promise() -> None:
    noise = OpenDpSource().noisy(np.zeros(20_000, np.int64), 0.02)
    assert abs(float(noise.std()) / deviation(0.02) - 1) < 0.04
    source = Spender()
    table = pa.table({"x": ["a", "b"] * 500, "y": [str(i / 7) for i in range(1000)], "z": ["1", "2"] * 500})
    asked = Synthesis(epsilon=EPSILON, delta=DELTA)
    synthetic_table.learned(table, synthetic_table.raws(table, asked), asked, source)
    assert 0.5 < source.spent / cost_within(EPSILON, DELTA / 2) <= 1 + 1e-9


def test_a_value_that_one_person_alone_has_is_never_seen() -> None:
    code = np.repeat(np.arange(3), [400, 400, 1])
    table = pa.table({"x": np.array(["a", "b", "only one"])[code]})
    raw = synthetic_table.raw(table["x"])
    for _ in range(50):
        axis = found(raw, 0.5, 1e-6, OpenDpSource())
        assert isinstance(axis, Values) and axis.values == ("a", "b")


def test_a_seed_does_not_repeat_the_noise() -> None:
    table = pa.table({"x": ["a", "b"] * 500})
    asked = Synthesis(epsilon=0.2)
    estimates = {synthetic(table, asked, lambda _s, _n: None, 7, judged=False).table.num_rows for _ in range(4)}
    assert len(estimates) > 1


def _people(rows: int) -> pa.Table:
    chance = np.random.default_rng(5)
    return pa.table({f"c{i}": chance.integers(0, 12, rows) for i in range(4)})


def test_one_row_or_none_is_no_trouble() -> None:
    for _ in range(20):
        made = synthetic(pa.table({"x": ["a"], "y": [1.5]}), Synthesis(epsilon=0.5), lambda _s, _n: None)
        assert made.table.num_rows >= 1


def test_a_synthesiser_that_copies_people_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    table = _people(2500)

    def copied(self: Any, rows: Any, chance: Any) -> Any:
        return table, kept

    kept: list[Any] = []
    learned = synthetic_table.learned

    def spied(table: Any, columns: Any, *more: Any) -> Any:
        answer = learned(table, columns, *more)
        kept[:] = [answer.axes[n].coded(one) for n, one in columns.items()]
        return answer

    asked = Synthesis.read({"columns": {n: {"values": list(range(12))} for n in table.column_names}})
    monkeypatch.setattr("huizhen.adapters.synthesised.learned", spied)
    assert "attacks" in synthetic(table, asked, lambda _s, _n: None, 1).figures
    monkeypatch.setattr(synthetic_table.Learned, "draw", copied)
    with pytest.raises(Refused, match=r"membership|linkage|attribute|singling-out"):
        synthetic(table, asked, lambda _s, _n: None, 1)
