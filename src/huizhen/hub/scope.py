"""What a token opens beyond its role: areas of the interface, each as a whole or for reading alone. A scope only takes
away; a token without one opens whatever its role does."""

from __future__ import annotations

from collections.abc import Sequence

from huizhen.kit.errors import BadInput, Refused
from huizhen.kit.text import Text

AREAS = (
    "studies", "datasets", "ledger", "money", "parties", "acts", "assessments", "exported", "upkeep", "instruments",
    "papers", "reviews", "blacklist", "watch", "breaches", "nodes", "metrics",
)  # fmt: skip
"""What stands after /v1/ in the paths of the interface."""
READ = "read"
_ALWAYS = ("who",)
"""Who one is may always be asked."""


def check_scope(scope: Sequence[str]) -> None:
    """Raises BadInput for a word that is no scope."""
    known = {READ, *AREAS, *(f"{area}:{READ}" for area in AREAS)}
    wrong = [word for word in scope if word not in known]
    if wrong:
        raise BadInput(
            "unknown-scope",
            Text(f"'{wrong[0][:40]}' is not a scope.", f"“{wrong[0][:40]}”不是有效的范围。"),
            Text(f"A scope is read, an area, or an area:read. Areas: {', '.join(AREAS)}.",
                 f"范围为 read、某一区域，或 区域:read。区域：{'、'.join(AREAS)}。"),
        )  # fmt: skip


def check_within(scope: Sequence[str], verb: str, path: str) -> None:
    """Raises Refused where a request leaves the scope. `path`: below /v1, as asked for."""
    area = path.strip("/").partition("/")[0]
    if not scope or area in _ALWAYS or area in scope:
        return
    if verb in ("GET", "HEAD") and (READ in scope or f"{area}:{READ}" in scope):
        return
    raise Refused(
        "out-of-scope",
        Text("This token does not open that: it was given for something else.", "该令牌的授权范围不包括此操作。"),
        Text("Ask the trustee for one with that scope.", "请向受托方索取相应范围的令牌。"),
    )
