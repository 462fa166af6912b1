"""What an attack on a released file gained, beside people who are not in it, and whether that is more than was
promised.

In the manner of M. Giomi, F. Boenisch, C. Wehmeyer and B. Tasnadi, A unified framework for quantifying privacy risk in
synthetic data (anonymeter), PoPETs 2023(2): an attack is made on people of the file and on control people who are not
in it; only what succeeds more often for the former is owed to the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Name = Literal["linkage", "attribute", "membership", "singling-out"]
Z = 1.959963984540054
"""Of a two-sided interval of 95 %."""


@dataclass(frozen=True)
class Rate:
    """A share, and the ends of its interval of 95 %."""

    share: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        return {"share": self.share, "low": self.low, "high": self.high}


def wilson(successes: float, tries: int) -> Rate:
    """The share of successes with Wilson's interval; (0, 0, 1) of no tries. Half a success is one at the toss of a
    coin.

    Source: E. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927.
    """
    if tries == 0:
        return Rate(0.0, 0.0, 1.0)
    share, square = successes / tries, Z * Z / tries
    middle = (share + square / 2) / (1 + square)
    wide = Z / (1 + square) * float(np.sqrt(share * (1 - share) / tries + square / (4 * tries)))
    return Rate(share, max(middle - wide, 0.0) if successes else 0.0, min(middle + wide, 1.0))


def beyond(attack: Rate, control: Rate) -> Rate:
    """(attack - control) / (1 - control): of what control people leave to be gained, the part that the file gives away.
    Errors are propagated as in Giomi et al. 2023, equation 3; below 0 counts as 0."""
    left = max(1 - control.share, 1e-12)
    share = (attack.share - control.share) / left
    down = np.hypot((attack.share - attack.low) / left, (1 - attack.share) / left**2 * (control.high - control.share))
    up = np.hypot((attack.high - attack.share) / left, (1 - attack.share) / left**2 * (control.share - control.low))
    return _within(share, share - float(down), share + float(up))


def advantage(attack: Rate, control: Rate) -> Rate:
    """attack - control, as for membership (Yeom et al., CSF 2018); ends by R. Newcombe, Interval estimation for the
    difference between independent proportions, Statistics in Medicine 17, 1998, method 10. Below 0 counts as 0."""
    share = attack.share - control.share
    down = np.hypot(attack.share - attack.low, control.high - control.share)
    up = np.hypot(attack.high - attack.share, control.share - control.low)
    return _within(share, share - float(down), share + float(up))


def _within(share: float, low: float, high: float) -> Rate:
    return Rate(*(min(max(x, 0.0), 1.0) for x in (share, low, high)))


@dataclass(frozen=True)
class Attack:
    """One attack. `success` among `targets` people of the file; `control` among `controls` people who are not in it;
    `baseline`: of guessing without the file; `gain`: what is owed to the file, which may be `limit` at most. `column`:
    what was to be learned, where that is a column."""

    name: Name
    column: str
    targets: int
    controls: int
    success: Rate
    control: Rate
    baseline: float
    gain: Rate
    limit: float

    @property
    def held(self) -> bool:
        """Broken where even the lower end of the gain is beyond the promise: chance alone then seldom does that."""
        return self.gain.low <= self.limit + 1e-12

    def as_json(self) -> dict[str, Any]:
        return {
            "attack": self.name,
            "column": self.column,
            "targets": self.targets,
            "controls": self.controls,
            "success": self.success.as_json(),
            "control": self.control.as_json(),
            "baseline": self.baseline,
            "gain": self.gain.as_json(),
            "limit": self.limit,
            "held": self.held,
        }
