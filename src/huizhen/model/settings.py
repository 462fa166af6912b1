"""What the trustee of a region decides once, at `huizhen init`."""

from __future__ import annotations

from pydantic import Field

from huizhen.model.document import Document
from huizhen.model.review import What
from huizhen.model.settlement import Shares


class RegionSettings(Document):
    deed: Shares = Shares()
    """How prices are shared for a dataset that no data-trust deed is about."""
    blacklist: tuple[str, ...] = ()
    """Askers that every gate refuses."""
    jurisdiction: str = Field(default="CN", pattern=r"^[A-Z]{2}$")
    """ISO 3166 code of the country whose law the region is under."""
    epsilon_cap: float = Field(default=3.0, gt=0)
    """Composed privacy loss that one asker may spend on one dataset."""
    delta: float = Field(default=1e-6, ge=0, lt=1)
    """The composed loss is kept with all but this probability. 0: the plain sum of epsilons, which also holds for an
    asker who chooses each epsilon by the answers before; the sharper composition assumes they do not."""
    review: tuple[What, ...] = ()
    """What is released only after two people of different organisations have approved it, beyond what is not a sum,
    which always is unless `huizhen review waive` says so on the ledger (decision 0066). A hospital may ask for more."""
    review_days: int = Field(default=14, ge=1, le=365)
    """A result that has not been approved within so many days is not released any more."""
    rows_kept_days: int = Field(default=30, ge=1, le=3650)
    """So many days after the release, sealed rows that a study gave out are deleted at the hub; the ledger says so. The
    asker has fetched them by then."""
    witnesses_needed: int | None = Field(default=None, ge=0)
    """How many outside witnesses have to co-sign a checkpoint before what it covers counts as witnessed. Not said: more
    than half of those enrolled."""
