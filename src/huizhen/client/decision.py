"""What would be decided of a question, in Python: the verdict, every reason, the price, the privacy budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from huizhen.kit.money import yuan

if TYPE_CHECKING:
    import pandas as pd

MARK = {"allow": "+", "deny": "-", "needs": "?"}


class Decision:
    """`verdict` is allow, deny or needs; true where the study would be allowed."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        """As the API says it."""
        self.verdict: str = asked["grant"]["verdict"]
        self.price_fen: int = asked["price_fen"]

    def __bool__(self) -> bool:
        return self.verdict == "allow"

    @property
    def reasons(self) -> pd.DataFrame:
        """One row for each rule that was asked: rule, verdict, source (article), en, zh."""
        import pandas as pd

        return pd.DataFrame(self.asked["grant"]["reasons"], columns=["rule", "verdict", "source", "en", "zh"])

    def __str__(self) -> str:
        budget = self.asked["budget"]
        spent = (
            "none is spent"
            if budget is None
            else f"epsilon {budget['before']:.4g} spent, {budget['after']:.4g} of {budget['cap']:g} with this study"
        )
        return "\n".join(
            [f"Verdict: {self.verdict}"]
            + [f"  {MARK[r['verdict']]} {r['rule']} {r['en']} [{r['source']}]" for r in self.asked["grant"]["reasons"]]
            + [f"Price: {yuan(self.price_fen)} yuan. Privacy budget: {spent}."]
        )

    __repr__ = __str__
