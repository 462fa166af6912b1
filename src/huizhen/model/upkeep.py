"""What the trustee has to do from time to time, whatever is asked: the facts that rules about it read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from huizhen.model.party import Act

LOGS = ("log-retention", "protection-level")
"""Acts that there has to be one of for each node."""


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

    @property
    def important(self) -> bool:
        """Whether it was notified, and holds today, that some data here are important."""
        found = [a for a in self.acts if a.kind == "important-data" and a.outcome == "granted"]
        return any(a.holds(self.today) for a in found)

    @property
    def unlogged(self) -> tuple[str, ...]:
        """Nodes of which an act about logs or the level of protection is missing or has ended."""
        return tuple(n for n in self.nodes if not all(self.holds(self.last(k, n)) for k in LOGS))

    @property
    def logs_failed(self) -> tuple[str, ...]:
        """Nodes of which the last such act says that they did not pass."""
        last = {n: [self.last(k, n) for k in LOGS] for n in self.nodes}
        return tuple(n for n, acts in last.items() if any(a is not None and a.outcome == "refused" for a in acts))

    def holds(self, act: Act | None, days: int | None = None) -> bool:
        """Whether an act is there, was not refused, holds today, and began within so many days."""
        if act is None or act.outcome == "refused" or not act.holds(self.today):
            return False
        return days is None or (date.fromisoformat(self.today) - date.fromisoformat(act.from_day)).days <= days
