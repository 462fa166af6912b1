"""Reviews, alarms, the blacklist, credibility, and the rules in force: what those who watch look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response

from huizhen import rules
from huizhen.client import report
from huizhen.client.block import Block
from huizhen.console import acts
from huizhen.console.render import render
from huizhen.console.visit import Visit, Visiting, no_page
from huizhen.hub.api.at import StudyId
from huizhen.kit.canonical import canonical
from huizhen.kit.text import Text
from huizhen.model import listing
from huizhen.model.party import Party
from huizhen.model.review import WHATS, What
from huizhen.model.rule import Rule

router = APIRouter()
ABOUT: dict[str, Text] = {
    "study": Text("Every use of data", "每次数据使用"),
    "consent": Text("Words of consent", "同意的表示"),
    "care": Text("Records opened in an emergency", "紧急诊疗访问"),
    "breach": Text("Breaches", "数据泄露事件"),
    "right": Text("Rights that people claim", "个人权利请求"),
    "upkeep": Text("What the trustee has to do from time to time", "受托方的定期义务"),
    "deletion": Text("Deletion", "删除"),
}


@dataclass(frozen=True)
class Reviews:
    reviews: list[dict[str, Any]]
    whats: Mapping[What, Text]


@dataclass(frozen=True)
class Review:
    """Where the review stands, and exactly what is reviewed: the guarded figures, as they would be released."""

    review: dict[str, Any]
    answer: tuple[Block, ...]
    content: str
    """All of it, as it is hashed."""
    whats: Mapping[What, Text]
    seal: acts.Act | None
    open: acts.Act | None


@dataclass(frozen=True)
class Watched:
    """Alarms, newest first; who is on the blacklist; what each party's credibility rests on."""

    alarms: list[dict[str, Any]]
    listed: list[dict[str, Any]]
    listing_states: Mapping[listing.State, Text]
    credibility: list[dict[str, Any]]
    answers: dict[str, acts.Act | None]
    """The form to answer each alarm, by its digest; None where it is answered, or not by this person."""
    lifts: list[tuple[dict[str, Any], acts.Act]]
    """Listings that this person decides about."""
    to_list: acts.Act | None
    parties: tuple[Party, ...]
    today: str


@dataclass(frozen=True)
class Rules:
    """The rules by what they are asked about."""

    by_subject: list[tuple[Text, list[Rule[Any]]]]


@router.get("/reviews")
def all_reviews(visit: Visiting) -> Response:
    page = Reviews(visit.desk.papers.reviews(visit.caller)[::-1], WHATS)
    return render(visit.request, "reviews", page, Text("Reviews", "审查"), visit)


@router.get("/reviews/{study}")
def one_review(visit: Visiting, study: StudyId) -> Response:
    review = visit.desk.papers.review(visit.caller, study)
    content = review["content"]
    found = {"result": content["result"], "guard": content["guard"], "grant": None}
    shown = report.answer(report.reading_of(found, visit.language))
    page = Review(review, shown, canonical(content).decode(), WHATS, *_verdict(visit, review))
    return render(visit.request, "review", page, Text(review["title"], review["title"]), visit)


def _verdict(visit: Visit, review: dict[str, Any]) -> tuple[acts.Act | None, acts.Act | None]:
    """The forms by which this person seals a verdict, and opens it; None where that is not their turn."""
    study = review["study"]
    mine = acts.paper(visit, "review-sealed", study, release=review["release"])
    if mine is None:
        return None, None
    if mine.by not in {s["reviewer"] for s in review["sealed_by"]}:
        return (mine if review["state"] in ("waiting", "half-sealed", "split") else None), None
    opened = any(p["kind"] == "review-opened" and p["by"] == mine.by for p in review["papers"])
    ready = review["state"] in ("sealed", "half-open", "split-sealed") and not opened
    return None, acts.paper(visit, "review-opened", study) if ready else None


@router.get("/alarms")
def alarms(visit: Visiting) -> Response:
    """For who sees everything, answered alarms among them."""
    if not visit.caller.sees_all:
        raise no_page()
    desk, who = visit.desk, visit.caller
    alarms, listed = desk.watching.alarms(who, open_only=False)[::-1], desk.papers.blacklist()
    answers = {a["digest"]: None if a["acknowledged_by"]
               else acts.paper(visit, "alarm-acknowledged", a["about"], alarm=a["digest"]) for a in alarms}  # fmt: skip
    lifts = [(x, acts.paper(visit, "listing-decided", x["party"], listing=x["listing"]))
             for x in listed if x["state"] in ("standing", "to come")]  # fmt: skip
    page = Watched(
        alarms,
        listed,
        listing.STATES,
        desk.watching.credibility(who),
        answers,
        [(x, act) for x, act in lifts if act is not None and act.by == x["by"]],
        acts.paper(visit, "party-listed", ""),
        desk.parties(),
        desk.papers.today(),
    )
    return render(visit.request, "alarms", page, Text("Alarms", "警报"), visit)


@router.get("/rules")
def all_rules(visit: Visiting) -> Response:
    by_subject = [(word, [r for r in rules.all_rules() if r.about == about]) for about, word in ABOUT.items()]
    return render(visit.request, "rules", Rules(by_subject), Text("Rules", "规则"), visit)
