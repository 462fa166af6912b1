"""A release: the guarded result with the guard's report."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from huizhen.model.document import Document, GrownDocument

Outcome = Literal["passed", "changed", "hidden", "refused", "off"]


class Check(Document):
    """What one check of the guard found. `off`: it was not asked for, and says so."""

    check: str
    outcome: Outcome
    en: str
    zh: str
    paths: tuple[str, ...] = ()
    """Where in the result something was changed or hidden, as dotted paths."""


class Release(GrownDocument):
    LATER: ClassVar[frozenset[str]] = frozenset({"own"})
    study: str
    grant: str
    status: Literal["released", "denied"]
    result: dict[str, Any] | None
    guard: tuple[Check, ...]
    epsilon_spent: float | None = None
    own: dict[str, dict[str, float]] | None = None
    """Figures of single hospitals, by hospital, as their tallies give them: what reviewers see and approve is all that
    goes out."""
