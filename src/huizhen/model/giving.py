"""What the rules of consent decide by: who says what for whom, and what is known of both; and of opening a record."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from huizhen.model.consent import ANY, By, ConsentAct, Delegation, Terms
from huizhen.model.deletion import Cause
from huizhen.model.wording import Edition


@dataclass(frozen=True)
class Giving:
    """One word that is about to be said. None: not known."""

    act: ConsentAct
    by: By
    purpose: str
    today: str
    """The day at the hospital."""
    consent_age: int = 14
    """From this age a person consents alone."""
    born: str | None = None
    died: str | None = None
    incapable: str | None = None
    """The decision by which somebody else speaks for the person."""
    ground: str | None = None
    """Why the guardian or kin may speak."""
    reference: str | None = None
    witness: str | None = None
    speaker: str | None = None
    delegation: Delegation | None = None
    """The last one that the person gave to this speaker."""
    own_word_since: bool = False
    """Whether the person has spoken on this purpose and these data after giving the delegation."""
    refused_days: int | None = None
    """Days since the last no on this purpose and these data, if that was the last word; None: it was not."""
    ask_again_days: int = 180
    unasked: bool | None = None
    """Whether the person came of their own accord."""
    wording: Edition | None = None
    """What was shown."""
    wording_newest: int | None = None
    """The version that is shown today; None: none is, or no wording was used."""
    wording_named: bool = False
    """Whether the word is said to rest on a wording."""
    terms: Terms = ANY

    @property
    def age(self) -> int | None:
        """In whole years, today."""
        if self.born is None:
            return None
        born, today = date.fromisoformat(self.born), date.fromisoformat(self.today)
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))

    @property
    def child(self) -> bool | None:
        return None if self.age is None else self.age < self.consent_age

    @property
    def terms_within(self) -> bool:
        """Whether the word is no wider than what was shown."""
        return self.wording is not None and self.terms.within(self.wording.terms)


def comes_of_age(born: str, consent_age: int) -> str:
    """The day on which a person born then may consent alone; of 29 February the first of March."""
    day = date.fromisoformat(born)
    try:
        return day.replace(year=day.year + consent_age).isoformat()
    except ValueError:
        return date(day.year + consent_age, 3, 1).isoformat()


@dataclass(frozen=True)
class Leaving:
    """A person's data in one dataset, after a withdrawal or where the person asks for deletion. None: not known."""

    cause: Cause
    jurisdiction: str | None
    """Whose law holds at the hospital."""
    standing: bool = False
    """Whether a yes to any use of the dataset still stands."""
    retained: str | None = None
    """By what law the hospital has to keep the dataset, in its own words."""
    research: str | None = None
    """Why deleting would make research impossible or impair it, as the hospital has written down."""

    @property
    def research_blank(self) -> bool:
        """Whether research is named, and no reason."""
        return self.research is not None and not self.research.strip()


@dataclass(frozen=True)
class Opening:
    """Hospital staff who open a person's record in an emergency, or who review that it was opened."""

    staff: str
    role: str
    roles: frozenset[str] = field(default=frozenset())
    """Who may, by the hospital's policy."""
    reason: str | None = None
    minutes: int = 0
    most_minutes: int = 0
    reviews: tuple[str, str] | None = None
    """(staff, role) of the opening under review; None where a record is opened."""
