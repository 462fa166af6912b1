"""What the trustee has to do from time to time, whatever is asked: the facts that rules about it read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from huizhen.model.party import Act


@dataclass(frozen=True)
class Upkeep:
    """The region on one day."""

    today: str
    jurisdiction: str
    nodes: tuple[str, ...]
    acts: tuple[Act, ...] = ()
    """All on file, in the order in which they were recorded."""

    def last(self, kind: str, party: str | None = None) -> Act | None:
        """The last act of that kind, for that party where one is named."""
        found = [a for a in self.acts if a.kind == kind and (party is None or a.party == party)]
        return found[-1] if found else None

    def holds(self, act: Act | None, days: int | None = None) -> bool:
        """Whether an act is there, was not refused, holds today, and began within so many days."""
        if act is None or act.outcome == "refused" or not act.holds(self.today):
            return False
        return days is None or (date.fromisoformat(self.today) - date.fromisoformat(act.from_day)).days <= days
