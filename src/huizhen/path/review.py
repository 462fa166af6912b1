"""The step between guard and release where people look: what has to be reviewed, and whether a release may go.

What is not a sum goes out only once two people of different organisations have approved exactly it (`model.review`).
A later kind of delivery needs one line in `to_review`, and calls `check_approved` where it hands something out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from huizhen.kit.clock import parse
from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.model.grant import Grant
from huizhen.model.method import Method
from huizhen.model.paper import Paper
from huizhen.model.release import Release
from huizhen.model.review import NO_SUM, STATES, WHATS, Review, What, replay, waived
from huizhen.model.study import Request, Study
from huizhen.path.ports import Store


def to_review(
    request: Request,
    method: Method,
    own_figures: Sequence[bool],
    demanded: Collection[What],
    papers: Iterable[Paper] = (),
) -> tuple[What, ...]:
    """What of this study's result has to be reviewed: whatever is not a sum, but for what these papers waive; and what
    else region and participants want (`demanded`), waived or not. `own_figures`: by participant, whether it gives
    figures of its own."""
    there, without = _there(request, method, own_figures), waived(papers)
    return tuple(
        what for what in WHATS if there[what] and (what in demanded or (what in NO_SUM and what not in without))
    )


def unreviewed(
    request: Request, method: Method, own_figures: Sequence[bool], reviews: Collection[What], papers: Iterable[Paper]
) -> tuple[What, ...]:
    """What of this study's result is not a sum, and is not among what is reviewed, since these papers waive it."""
    there, without = _there(request, method, own_figures), waived(papers)
    return tuple(what for what in NO_SUM if there[what] and what not in reviews and what in without)


def _there(request: Request, method: Method, own_figures: Sequence[bool]) -> dict[What, bool]:
    return {
        "extract": method.delivers or request.release == "enclave",
        "own-figures": any(own_figures) and type(method).own is not Method.own,
        "memorising-model": method.yields == "model" and method.memorises,
        "model": method.yields == "model",
    }


def papers_of(store: Store, study: str) -> tuple[Paper, ...]:
    """What was filed about the review of a study, and who was enrolled meanwhile, in order."""
    found = store.papers.of("reviewer-enrolled", "reviewer-dismissed", "review-sealed", "review-opened")
    return tuple(p for p in found if p.kind.startswith("reviewer") or p.subject == study)


def reviewed(store: Store, study: Study) -> dict[str, Any]:
    """What nodes are told of it when the study ends: the papers, for each to check itself."""
    found = papers_of(store, study.id)
    return {"papers": [p.as_json() for p in found]} if any(p.subject == study.id for p in found) else {}


def stands(store: Store, study: Study, journal: Mapping[str, Any]) -> Review:
    """Where the review of a study's guarded result stands."""
    release = Release.read(journal["release"]).digest()
    return replay(study.id, study.request.asker, release, papers_of(store, study.id))


def check_approved(review: Review) -> None:
    """Raises Refused unless two reviewers, or two of three, approved exactly this."""
    if review.state != "approved":
        raise Refused(
            "not-reviewed",
            Text(f"It has not been approved by two reviewers: {STATES[review.state].en}.",
                 f"尚未经两名审查人通过：{STATES[review.state].zh}。"),
            Text("`huizhen review show` says where the review stands.", "可用 `huizhen review show` 查看审查进展。"),
        )  # fmt: skip


def waits_for(store: Store, study: Study, grant: Grant, journal: Mapping[str, Any], now: datetime) -> Text | None:
    """What a guarded result still waits for of its reviewers; None: nothing. Raises Refused where it was rejected, or
    nobody approved it in time."""
    if grant.limits is None or not grant.limits.reviews:
        return None
    review = stands(store, study, journal)
    if review.state == "approved":
        return None
    if review.state == "rejected":
        raise Refused(
            "review-rejected",
            Text("The reviewers rejected the release.", "审查人否决了该结果的发布。"),
            Text("Their reasons are on the ledger: `huizhen review show`. What was held is returned.",
                 "理由见账本（`huizhen review show`）。托管款项已退回。"),
        )  # fmt: skip
    days = store.settings().review_days
    if now > parse(journal["guarded_utc"]) + timedelta(days=days):
        raise Refused(
            "review-late",
            Text(f"It was not approved within {days} days.", f"未在 {days} 天内通过审查。"),
            Text("Run the study again. What was held is returned.", "请重新运行该研究。托管款项已退回。"),
        )
    return Text(f"its two reviewers ({STATES[review.state].en})", f"双人审查（{STATES[review.state].zh}）")
