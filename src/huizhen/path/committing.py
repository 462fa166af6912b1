"""Noise that is paid for before it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from huizhen.path.ports import Store
from huizhen.privacy.noise import Noise


@dataclass(frozen=True)
class CommittingNoise:
    """Draws noise once the budget for it is spent, durably: what was drawn is never refunded."""

    noise: Noise
    store: Store
    study: str

    def add(self, counts: Sequence[int], sensitivity: int, epsilon: float) -> list[int]:
        with self.store.record() as r:
            r.commit_budget(self.study)
        return self.noise.add(counts, sensitivity, epsilon)
