"""A result on its way through the guard: each check takes a draft and gives back another, with a sentence on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from huizhen.kit.text import Text
from huizhen.model.census import Census
from huizhen.model.grant import Limits
from huizhen.model.release import Check, Outcome
from huizhen.model.result import Curve, Exposure, Model, Noised, Path, Statistic, Table
from huizhen.privacy.noise import Noise
from huizhen.privacy.places import dotted, replaced


@dataclass(frozen=True)
class Draft:
    """`values` are the method's own, or copies; nothing here is ever written into."""

    values: dict[str, Any]
    exposures: tuple[Exposure, ...]
    census: Census
    limits: Limits
    noise: Noise
    epsilon_spent: float | None = None

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(e for e in self.exposures if isinstance(e, Table))

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        return tuple(e for e in self.exposures if isinstance(e, Statistic))

    @property
    def models(self) -> tuple[Model, ...]:
        return tuple(e for e in self.exposures if isinstance(e, Model))

    @property
    def noised(self) -> bool:
        """Whether the noise is in every sum already."""
        return any(isinstance(e, Noised) for e in self.exposures)

    @property
    def curves(self) -> tuple[Curve, ...]:
        return tuple(e for e in self.exposures if isinstance(e, Curve))

    def put(self, new: Mapping[Path, Any]) -> Draft:
        """The same draft with other figures at some places."""
        return replace(self, values=replaced(self.values, new)) if new else self


def found(check: str, outcome: Outcome, text: Text, places: Iterable[Path] = ()) -> Check:
    """What a check found, with the places concerned in order."""
    return Check(check=check, outcome=outcome, en=text.en, zh=text.zh, paths=tuple(dotted(p) for p in places))
