"""Whose word a paper is, and whether it may stand where it stands: asked before it is filed, and by who verifies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

from huizhen.kit.errors import HuizhenError, Refused
from huizhen.kit.text import Text
from huizhen.model import alarm, listing, review
from huizhen.model.alarm import alarm_id
from huizhen.model.paper import TRUSTEE, Kind, Paper
from huizhen.model.review import reviewers

Who = Literal["trustee", "authority", "auditor", "party", "subject", "reviewer"]
MAY_SAY: Mapping[Kind, tuple[Who, ...]] = {
    "reviewer-enrolled": ("trustee",),
    "reviewer-dismissed": ("trustee",),
    "review-sealed": ("reviewer",),
    "review-opened": ("reviewer",),
    "review-waived": ("trustee",),
    "review-restored": ("trustee",),
    "party-listed": ("trustee", "authority"),
    "listing-appealed": ("trustee", "subject"),
    "listing-decided": ("trustee", "authority"),
    "alarm-raised": ("trustee",),
    "alarm-acknowledged": ("trustee", "authority"),
    "departure-reported": ("trustee", "party"),
    "audit-reported": ("auditor", "authority"),
    "study-stopped": ("trustee", "authority"),
}
"""Who may sign which paper. `authority`, `auditor`: a party of that kind; `subject`: whom it is about; `party`: any."""


class Signer(NamedTuple):
    """A party as the register has it: its kind, and its key in hexadecimal."""

    kind: str
    key: str | None


class Known(NamedTuple):
    """What one needs to know to tell whose word a paper is."""

    region: str
    hub: str
    """The hub's public key, in hexadecimal."""
    parties: Mapping[str, Signer]


def check_paper(paper: Paper, before: Sequence[Paper], known: Known) -> None:
    """Raises HuizhenError where a paper is not signed by who may say it, or may not follow those before it. Whether a
    review may go so is asked of `model.review`, which needs the study."""
    if paper.region != known.region:
        raise _refuse("paper-elsewhere", "The paper was signed for another region.", "该文件为另一区域所签。")
    if not paper.holds() or paper.key not in _keys(paper, before, known):
        raise _refuse(
            "paper-not-signed",
            "The paper is not signed with the key of somebody who may say that.",
            "该文件未由有权者的密钥签署。",
        )
    if paper.kind == "audit-reported" and paper.by == paper.subject:
        raise _refuse("own-audit", "Nobody reports on themselves as auditor.", "不得以审计方身份审计自身。")
    listing.check_follows(paper, before)
    review.check_follows(paper, before)
    alarm.check_follows(paper, before)


def _keys(paper: Paper, before: Sequence[Paper], known: Known) -> set[str]:
    """The keys by which it may be signed."""
    may, signer, found = MAY_SAY[paper.kind], known.parties.get(paper.by), set[str | None]()
    if "trustee" in may and paper.by == TRUSTEE:
        found.add(known.hub)
    if "reviewer" in may and (who := reviewers(before).get(paper.by)) is not None:
        found.add(who.key)
    if "reviewer" in may and paper.kind == "review-opened":  # whoever was dismissed since may open what is sealed
        found |= {p.key for p in before if p.kind == "review-sealed" and p.by == paper.by}
    if signer is not None and paper.by != TRUSTEE:
        if "party" in may or (signer.kind in ("authority", "auditor") and signer.kind in may):
            found.add(signer.key)
        if "subject" in may and paper.by == paper.subject:
            found.add(signer.key)
    return {key for key in found if key}


_SHOWN: Mapping[Kind, Mapping[str, str]] = {
    "party-listed": {"from": "from_day", "until": "until_day"},
    "listing-decided": {"outcome": "outcome"},
    "audit-reported": {"opinion": "opinion"},
}
"""What of a paper's body its entry shows to everyone."""


def entry_of(paper: Paper) -> tuple[str, dict[str, str | int]]:
    """(subject, public facts) of its entry in the ledger, which anyone may read: an alarm names nobody there."""
    hidden = {
        "alarm-raised": alarm_id(paper),
        "alarm-acknowledged": f"al-{str(paper.body.get('alarm'))[:16]}",
        "departure-reported": f"dp-{paper.digest()[:16]}",
    }
    return hidden.get(paper.kind, paper.subject), {k: paper.body[v] for k, v in _SHOWN.get(paper.kind, {}).items()}


TOLD: tuple[Kind, ...] = (*listing.KINDS, "study-stopped")
"""The kinds that nodes are told of."""
_STOPS_TOLD = timedelta(days=31)
"""So long nodes are told that a study was stopped; by then its deadline is over."""


def to_tell(papers: Sequence[Paper], day: str) -> list[dict[str, Any]]:
    """What nodes are told: of the blacklist whatever has not ended by itself, and which studies were stopped."""
    found = [x for x in listing.listings(papers) if x.body.until_day >= day]
    since = (date.fromisoformat(day) - _STOPS_TOLD).isoformat()
    stops = [p.as_json() for p in papers if p.kind == "study-stopped" and p.day >= since]
    return [p.as_json() for x in found for p in (x.paper, *x.appeals, *x.decided)] + stops


def _refuse(code: str, en: str, zh: str) -> HuizhenError:
    return Refused(
        code,
        Text(en, zh),
        Text("Sign it for this region, with your own registered key.", "请用您已登记的密钥为本区域签署。"),
    )
