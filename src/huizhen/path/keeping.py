"""What keeps a guarded result back: its reviewers, what its contract asks, the blacklist, and that it was stopped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from huizhen.kit.clock import day_of
from huizhen.kit.errors import Conflict, HuizhenError, Refused
from huizhen.kit.text import Text
from huizhen.model import listing
from huizhen.model.grant import Grant
from huizhen.model.paper import TRUSTEE, Paper, StudyStopped
from huizhen.model.study import Study
from huizhen.path import clauses, review
from huizhen.path.ports import Store


def waits(study: Study, grant: Grant) -> bool:
    """Whether a guarded result is kept back at all before it is released."""
    return clauses.waits(study, grant) or (grant.limits is not None and bool(grant.limits.reviews))


def why_kept_back(
    store: Store, study: Study, grant: Grant, journal: Mapping[str, Any], now: datetime
) -> HuizhenError | None:
    """What the result of a study still waits for; None: nothing. Raises Refused where it is not released any more."""
    check_not_stopped(store, study)
    check_not_listed(store, study, now)
    people = review.waits_for(store, study, grant, journal, now)
    contract = clauses.why_kept_back(store, study, grant, journal, now)
    if people is None:
        return contract
    what = Text(f"The result is there and waits for {people.en}.", f"结果已就绪，等待{people.zh}。")
    if contract is not None:
        what = Text(f"{what.en} {contract.what.en}", f"{what.zh}{contract.what.zh}")
    return Conflict(
        "kept-back-for-review",
        what,
        Text(f"Reviewers: `huizhen review show {study.id}`. It is then released by itself.",
             f"审查人可用 `huizhen review show {study.id}` 查看。通过后自动发布。"),
    )  # fmt: skip


def check_not_listed(store: Store, study: Study, now: datetime) -> None:
    """Raises Refused where the asker was put on the blacklist after it was granted."""
    papers = store.papers.of(*listing.KINDS, subject=study.request.asker)
    found = listing.standing(papers, day_of(now, store.settings().jurisdiction), [study.request.asker])
    if found:
        raise Refused(
            "listed-meanwhile",
            Text(found[0].cited().en, found[0].cited().zh),
            Text("Nothing is released to a listed party. It may appeal: `huizhen blacklist appeal`.",
                 "不向黑名单所列主体发布任何结果。可用 `huizhen blacklist appeal` 申诉。"),
        )  # fmt: skip


def check_not_stopped(store: Store, study: Study) -> None:
    """Raises Refused where the trustee or an authority has stopped the study."""
    found = store.papers.of("study-stopped", subject=study.id)
    if found:
        raise stopped(found[0])


def stopped(paper: Paper) -> Refused:
    """That a study was stopped: by whom, when and why."""
    by = Text("the trustee", "受托方") if paper.by == TRUSTEE else Text(paper.by, paper.by)
    said = StudyStopped.read(paper.body).text
    return Refused(
        "study-stopped",
        Text(f"It was stopped by {by.en} on {paper.day}: {said}", f"已于 {paper.day} 由{by.zh}叫停：{said}"),
        Text("Nothing of it is released. Ask whoever stopped it.", "不发布任何结果。请向叫停方询问。"),
    )
