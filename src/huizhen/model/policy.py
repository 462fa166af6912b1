"""A node's own policy. It can only narrow what law, consent and grant allow."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from huizhen.model.document import Document
from huizhen.model.party import PartyKind
from huizhen.model.review import What


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
    delta_cap: float = Field(default=1e-5, ge=0, lt=1)
    """The most that delta may be in one study with noise in its sums."""
    purposes: Literal["all"] | tuple[str, ...] = "all"
    methods: Literal["all"] | tuple[str, ...] = "all"
    approved: dict[str, str] | None = None
    """The code that the hospital has approved: name of a method and the SHA-256 that its refusal shows. Then no other
    method runs, and none of these once an update has changed it. None: what is installed at the node."""
    askers: Literal["all"] | tuple[str, ...] = "all"
    """Who may ask."""
    askers_refused: tuple[str, ...] = ()
    approve_each: bool = False
    """Look at each question before it may begin here: it waits for somebody's yes at the hospital's console."""
    deed: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the data-trust deed that this hospital is party to: a grant that does not rest on it is refused."""
    party_keys: dict[str, str] = {}
    """Public keys (Ed25519, hexadecimal) of parties to deeds and contracts, as the hospital knows them: a signature
    with another key counts for nothing. Of who is not listed, the first key seen is kept, and no other is believed."""
    review: tuple[What, ...] = ()
    """What two people of different organisations have to approve before it is released (extract, own-figures,
    memorising-model, model), whatever the region asks for or waives: a grant that does not say so is refused."""
    reviewers: dict[str, str] = {}
    """Public keys (Ed25519, hexadecimal) of reviewers this hospital knows: where any is listed, no other counts."""
    unknown: dict[str, tuple[str, ...]] = {}
    """By dataset, columns whose value for a person nobody outside can know: the hospital's word, on which rows that are
    given out with these columns as they are (`keep`) are attacked. All others count as known."""
    domestic_only: bool = False
    """Refuse whoever the signed facts do not show as registered in this jurisdiction and not under foreign control."""
    askers_foreign: tuple[str, ...] = ()
    """Askers that this hospital itself knows to be foreign: facts that say or leave open otherwise are refused."""
    askers_known: dict[str, PartyKind] = Field(default_factory=dict)
    """What kind of party this hospital itself knows an asker to be: facts that say otherwise are refused."""
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
    consent_age: int = Field(default=14, ge=0, le=21)
    """From this age a person consents alone (PIPL 31: 14; GDPR 8: 13 to 16); before it, the guardian does."""
    ask_again_days: int = Field(default=180, ge=0)
    """So long after a no the person is not asked again for the same purpose and data."""
    retained: dict[str, str] = Field(default_factory=dict)
    """Datasets that the hospital has to keep by law, each with the law and the term: after a withdrawal a person's rows
    in them are stored and protected, and used no more."""
    erasure_impairs_research: str | None = Field(default=None, min_length=1)
    """Where GDPR 17(3)(d) is relied on: the document in which the hospital has written down why."""
    correction_days: int = Field(default=30, ge=1)
    """So many days after a correction was asked for it has been decided and made, or `doctor` says that it has not
    (PIPL 46: in time; GDPR 12(3): one month)."""
    care_roles: tuple[str, ...] = ("physician", "nurse", "pharmacist")
    """Who may open a record for care in an emergency."""
    care_review_roles: tuple[str, ...] = ("privacy-officer", "medical-affairs")
    """Who may review that it was opened."""
    care_minutes: int = Field(default=240, ge=1, le=7 * 24 * 60)
    """The longest that a record stays open so."""
    care_review_days: int = Field(default=7, ge=1)
    """So many days after it was opened it has been reviewed, or `doctor` says that it has not."""
