"""The order in which a study may appear in the ledger, as a table. A new kind of entry is one more row here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_STOPPED = frozenset({"study-denied", "study-failed"})

STUDY_ORDER: Mapping[str | None, frozenset[str]] = {
    None: frozenset({"study-proposed"}),
    "study-proposed": frozenset({"study-authorised"}) | _STOPPED,
    "study-authorised": frozenset({"study-opened"}) | _STOPPED,
    "study-opened": frozenset({"round-summed"}) | _STOPPED,
    "round-summed": frozenset({"round-summed", "study-guarded"}) | _STOPPED,
    "study-guarded": frozenset({"study-released", "study-committed"}) | _STOPPED,
    "study-committed": frozenset({"study-released"}) | _STOPPED,
    "study-released": frozenset({"study-settled"}),
    "study-denied": frozenset({"study-settled"}),
    "study-failed": frozenset({"study-settled"}),
    "study-settled": frozenset(),
}
"""By the last kind recorded of a study (None: nothing yet), the kinds that may come next."""

ANY_TIME = frozenset(
    {"node-enrolled", "node-revoked", "dataset-registered", "consent-changed", "node-refused", "node-left-out"}
    | {"party-registered", "act-filed", "witness-enrolled", "witness-removed", "care-opened", "care-reviewed"}
    | {"deed-changed", "contract-changed", "payment-received", "breach-changed", "breach-counted"}
    | {"data-used", "data-deleted", "deletion-confirmed", "rows-dropped", "data-correction"}
    | {"reviewer-enrolled", "reviewer-dismissed", "review-sealed", "review-opened"}
    | {"review-waived", "review-restored", "party-listed", "listing-appealed", "listing-decided"}
    | {"staff-alarmed", "staff-alarm-reviewed"}
    | {"alarm-raised", "alarm-acknowledged", "departure-reported", "audit-reported"}
    | {"study-stopped"}
)
"""Kinds that belong to no study's order, wherever they stand."""

PRIVATE = frozenset(
    {"contract-changed", "payment-received", "breach-changed", "data-used", "review-sealed", "review-opened"}
    | {"alarm-raised", "alarm-acknowledged", "departure-reported"}
)
"""Kinds whose documents are shown to the party they are about alone, and to whoever sees everything; of `data-used`,
to the hospital whose data it was."""


def is_private(kind: str, facts: Mapping[str, object]) -> bool:
    """Whether an entry's documents are shown to the party it is about alone: those of `PRIVATE`, and what is filed of
    one study, whose document the entry names."""
    return kind in PRIVATE or "document" in facts


@dataclass(frozen=True)
class Order:
    """What kinds of entry there are and how they may follow each other; entry 0, and only it, has kind `first`."""

    first: str = "region-created"
    any_time: frozenset[str] = ANY_TIME
    study: Mapping[str | None, frozenset[str]] = field(default_factory=lambda: STUDY_ORDER)

    def known(self, kind: str) -> bool:
        return kind == self.first or kind in self.any_time or kind in self.study

    def of_study(self, kind: str) -> bool:
        return kind in self.study

    def may_follow(self, kind: str, last: str | None) -> bool:
        """Whether a study whose last entry was of kind `last` may have one of `kind` next."""
        return kind in self.study.get(last, frozenset())
