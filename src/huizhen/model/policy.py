"""A node's own policy. It can only narrow what law, consent and grant allow."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from huizhen.model.document import Document


class Policy(Document):
    """nodes/NAME/policy.yaml: written by the hospital, read by its node at every study."""

    allow_plain: bool = False
    """Send sums that are not masked, when a study asks for that."""
    tell_misfit: bool = True
    """Tell how well a joint model suits the rows here, in steps of two, where the deed pays by effect. A hospital that
    does not is paid as the one whose effect is least."""
    min_cell: int = Field(default=3, ge=3)
    """The smallest cell that a grant may set."""
    epsilon_cap: float = Field(default=10.0, gt=0)
    """What one asker may spend on one dataset here, added up (sequential composition, the most cautious there is)."""
    purposes: Literal["all"] | tuple[str, ...] = "all"
    methods: Literal["all"] | tuple[str, ...] = "all"
    approved: dict[str, str] | None = None
    """The code that the hospital has approved: name of a method and the SHA-256 that its refusal shows. Then no other
    method runs, and none of these once an update has changed it. None: what is installed at the node."""
    askers: Literal["all"] | tuple[str, ...] = "all"
    """Who may ask."""
    askers_refused: tuple[str, ...] = ()
    domestic_only: bool = False
    """Refuse whoever the signed facts do not show as registered in this jurisdiction and not under foreign control."""
    askers_foreign: tuple[str, ...] = ()
    """Askers that this hospital itself knows to be foreign: facts that say or leave open otherwise are refused."""
    jurisdiction: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    """Whose law holds here: a grant under another is refused. None: the region's."""
    hours: str | None = Field(default=None, pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")
    """When studies may begin, by the clock of the node's machine, e.g. 20:00-06:00; None: always."""
    studies_per_day: int | None = Field(default=None, ge=0)
    """How many studies one asker may begin here in a day; None: any number."""
    own_figures: bool = False
    """Let an evaluation show how good a model is at this hospital alone (rows, AUC, mean risk, error, drift), to two
    digits, of at least ten times min_cell rows, and only where all hospitals of the study do so, or at least three do
    not."""
    epsilon_per_day: float | None = Field(default=None, ge=0)
    """What one asker may spend here in a day, added up; None: up to epsilon_cap."""
