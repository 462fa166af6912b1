"""An impact assessment of one study: purpose, necessity, data, risks with the measures in force, and the rules applied.

PIPL Art 56 asks whether purpose and method are lawful and necessary, what the person's rights and safety may suffer,
and whether the measures are lawful, effective and proportionate to the risk [V]; it is kept for three years. GDPR Art
35(7) asks the same of a data-protection impact assessment [M]. Levels of risk: harm by likelihood, four each, as in the
guide GB/T 39335 [M].
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from huizhen.kit.text import Text
from huizhen.model.document import Document
from huizhen.model.grant import Reason
from huizhen.model.party import Assessed, Party
from huizhen.model.study import Request
from huizhen.model.words import Words

KIND = "impact-assessment"
"""Of the act that it is filed as."""
KEPT_YEARS = 3
Degree = Literal[1, 2, 3, 4]
DEGREES: dict[int, Text] = {
    1: Text("low", "低"),
    2: Text("middle", "中"),
    3: Text("high", "高"),
    4: Text("severe", "严重"),
}


def level(harm: int, chance: int) -> Degree:
    """Of a risk, from the degrees of harm and likelihood."""
    product = harm * chance
    if product >= 12:
        return 4
    if product >= 8:
        return 3
    return 2 if product >= 4 else 1


class Read(Document):
    """A column that the study reads."""

    name: str
    label: str | None
    grade: int
    sensitive: bool


class Measure(Document):
    key: str
    in_force: bool
    what: Words


class Risk(Document):
    key: str
    what: Words
    harm: Degree
    chance: Degree
    """How likely without any measure."""
    measures: tuple[str, ...]
    """Those in force against it."""
    missing: tuple[str, ...]
    """Those that would help and are not in force."""
    left: Degree
    """How likely with the measures in force."""

    @property
    def before(self) -> Degree:
        return level(self.harm, self.chance)

    @property
    def after(self) -> Degree:
        return level(self.harm, self.left)


class Opinion(Document):
    """What the officer in charge concludes. The system writes the facts; a person answers for the conclusion."""

    by: str = Field(min_length=1, max_length=100)
    outcome: Literal["granted", "refused"]
    note: str = Field(min_length=1, max_length=2000)
    until_day: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    """The last day on which it holds; None: as long as what was assessed stays the same."""


class Concluded(Document):
    """A study with what the officer concludes of it."""

    request: Request
    opinion: Opinion


class Assessment(Document):
    """All of it: what is written from the facts, and the conclusion, once there is one."""

    region: str
    made_utc: str
    day: str
    keep_until: str
    """It is kept until this day at least."""
    jurisdiction: str
    request: Request
    party: Party | None
    category: str
    columns: tuple[Read, ...]
    holders: tuple[str, ...]
    rows: int
    subjects: int
    """Persons at all holders, each hospital's counted apart, before any consent or cohort."""
    triggers: tuple[Words, ...]
    """Why the law asks for it."""
    necessity: tuple[Words, ...]
    measures: tuple[Measure, ...]
    risks: tuple[Risk, ...]
    reasons: tuple[Reason, ...]
    """What every rule answers, without this assessment."""
    opinion: Opinion | None = None

    @property
    def residual(self) -> Degree:
        """The highest level that is left."""
        return max((risk.after for risk in self.risks), default=1)

    def scope(self) -> Assessed:
        return Assessed(
            document=self.digest(),
            purpose=self.request.purpose,
            method=self.request.method,
            release=self.request.release,
            columns=tuple(c.name for c in self.columns),
            protection=self.request.protection,
        )


def keep_until(day: str) -> str:
    """Three years later; of 29 February the first of March."""
    made = date.fromisoformat(day)
    try:
        return made.replace(year=made.year + KEPT_YEARS).isoformat()
    except ValueError:
        return date(made.year + KEPT_YEARS, 3, 1).isoformat()
