"""One part of the desk, wherever it is: of a region here with its owner asking, or of a hub elsewhere."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from huizhen.cli.place import Place


class _Owned:
    """A part of the desk whose first question, who asks, is answered: the owner."""

    def __init__(self, part: Any) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        from huizhen.hub.caller import OWNER

        return partial(getattr(self._part, name), OWNER)


def part(at: Place, name: str) -> Any:
    """`desk.NAME` as whoever acts at this place may use it; a hub elsewhere has the same questions under one roof."""
    from huizhen.cli.place import Here, There

    if isinstance(at, There):
        return at.remote
    assert isinstance(at, Here)
    return _Owned(getattr(at.region.desk, name))
