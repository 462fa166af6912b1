"""What a node makes of papers: it keeps those of the blacklist, so that no hub can drop one, and asks for the review.

Pure but for what is kept in the node's book. Only the key that signed a listing can lift it: a hub that forgets one, or
lifts another's, is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from huizhen.kit.clock import day_of
from huizhen.kit.errors import HuizhenError, Refused
from huizhen.kit.text import Text
from huizhen.model.grant import Grant
from huizhen.model.listing import KINDS, standing
from huizhen.model.method import Method
from huizhen.model.paper import TRUSTEE, Paper
from huizhen.model.policy import Policy
from huizhen.model.review import Review, replay, reviewers
from huizhen.model.study import Study
from huizhen.path.keeping import stopped
from huizhen.path.papers import TOLD
from huizhen.path.review import check_approved, to_review

_KEEP, _STOP = "paper:", "stop:"


class Book(Protocol):
    """See `adapters.node_book.NodeBook`."""

    def get(self, key: str) -> str | None: ...
    def under(self, prefix: str) -> dict[str, str]: ...
    def put_all(self, values: Mapping[str, str]) -> None: ...


class Hub(NamedTuple):
    """Whose word counts as the trustee's: the name of the region's ledger, and the hub's public key (hexadecimal)."""

    region: str
    key: str


class Known(Protocol):
    """See `node.check.Known`."""

    @property
    def now(self) -> datetime: ...
    @property
    def policy(self) -> Policy: ...
    @property
    def origin(self) -> str: ...
    @property
    def hub(self) -> str: ...
    @property
    def papers(self) -> Sequence[Paper]: ...


def kept(book: Book) -> tuple[Paper, ...]:
    """The papers of the blacklist that this node has seen, listings before what answers them."""
    found = [Paper.model_validate_json(text) for text in book.under(_KEEP).values()]
    return tuple(sorted(found, key=lambda p: p.kind != "party-listed"))


def _key_of(paper: Paper) -> str:
    return f"{_STOP}{paper.subject}" if paper.kind == "study-stopped" else f"{_KEEP}{paper.digest()}"


def keep(book: Book, papers: Iterable[Paper], hub: Hub, policy: Policy) -> list[Paper]:
    """Keep papers of the blacklist, and those that stop a study, that hold; answers those that are new here. What is
    not signed as it should be is passed over: it says nothing about anybody."""
    known = [(_key_of(p), p) for p in papers if p.kind in TOLD]
    new = {key: p for key, p in known if book.get(key) is None and _believed(p, hub, policy)}
    book.put_all({key: paper.model_dump_json() for key, paper in new.items()})
    return list(new.values())


def check_not_stopped(book: Book, study: str) -> None:
    """Raises Refused for a study that was stopped, as far as this node has heard."""
    found = book.get(f"{_STOP}{study}")
    if found is not None:
        raise stopped(Paper.model_validate_json(found))


def _believed(paper: Paper, hub: Hub, policy: Policy) -> bool:
    """A made-up listing can only refuse, which a hub can anyway; so of who is in no policy, any key will do."""
    if paper.region != hub.region or not paper.holds():
        return False
    return paper.key == (hub.key if paper.by == TRUSTEE else policy.party_keys.get(paper.by, paper.key))


def merged(grant: Grant, known: Known) -> tuple[Paper, ...]:
    """The papers in a grant with those that this node keeps; of the blacklist, those it believes."""
    said = () if grant.legal is None else grant.legal.papers
    hub = Hub(known.origin, known.hub)
    believed = [p for p in said if p.kind not in KINDS or _believed(p, hub, known.policy)]
    there = {p.digest() for p in believed}
    own = [p for p in known.papers if p.digest() not in there]
    return tuple(sorted([*own, *believed], key=lambda p: p.kind != "party-listed"))


def check_papers(study: Study, grant: Grant, method: Method, known: Known) -> None:
    """Raises Refused where the grant leaves out a listing that this node knows and that stands, rests on a reviewer who
    is none, or has no review where this node asks for one. A grant without facts of law is refused for that (`law`)."""
    legal, limits = grant.legal, grant.limits
    assert limits is not None
    if legal is None:
        return
    there = {p.digest() for p in legal.papers}
    names = [study.request.asker, *(p.name for p in limits.participants)]
    for each in standing(merged(grant, known), day_of(known.now, legal.jurisdiction), names):
        if each.paper.digest() not in there:
            raise _refuse(
                "listing-left-out",
                f"The grant leaves out a listing that this hospital holds. {each.cited().en}",
                f"授权遗漏了本医院所持的黑名单记录。{each.cited().zh}",
            )
    own = [p.own_figures for p in limits.participants]
    missing = set(to_review(study.request, method, own, known.policy.review, legal.papers)) - set(limits.reviews)
    if missing:
        raise _refuse(
            "review-left-out",
            f"The grant leaves out the two-person review of: {', '.join(sorted(missing))}.",
            f"授权遗漏了对以下内容的双人审查：{'、'.join(sorted(missing))}。",
        )
    _check_waivers(legal.papers, known)
    if limits.reviews:
        _check_reviewers(legal.papers, known)


def _check_waivers(papers: Iterable[Paper], known: Known) -> None:
    for paper in papers:
        if paper.kind not in ("review-waived", "review-restored"):
            continue
        if paper.key != known.hub or paper.region != known.origin or not paper.holds():
            raise _refuse(
                "review-not-waived",
                "A waiver of review in the grant was not signed by this region's trustee.",
                "授权中的免审文件并非由本区域受托方签署。",
            )


def _check_reviewers(papers: Iterable[Paper], known: Known) -> None:
    for paper in papers:
        if not paper.kind.startswith("reviewer"):
            continue
        if paper.key != known.hub or paper.region != known.origin or not paper.holds():
            raise _refuse(
                "reviewer-not-enrolled",
                "A reviewer in the grant was not enrolled by this region's trustee.",
                "授权中的审查人并非由本区域受托方登记。",
            )
    pinned = known.policy.reviewers
    if pinned:
        found = {n: r for n, r in reviewers(papers).items() if pinned.get(n) == r.key}
        if len({r.organisation for r in found.values()}) < 2:
            raise _refuse(
                "reviewers-unknown",
                "Fewer than two of the reviewers are among those whom this hospital knows.",
                "本医院所知的审查人不足两家机构。",
            )


def seen(book: Book, study: str, grant: Grant, hub: Hub, policy: Policy) -> None:
    """Keep what a grant that was believed says: the blacklist, and that its result has to be reviewed."""
    keep(book, () if grant.legal is None else grant.legal.papers, hub, policy)
    reviews = () if grant.limits is None else grant.limits.reviews
    book.put_all({f"reviews:{study}": ",".join(reviews)} if reviews else {})


def check_closed(book: Book, study: str, asker: str, told: Sequence[Any], hub: Hub, policy: Policy) -> None:
    """Raises HuizhenError where a result that had to be reviewed was released without."""
    if book.get(f"reviews:{study}"):
        check_reviewed(study, asker, [Paper.read(p) for p in told], hub, policy)


def check_reviewed(study: str, asker: str, papers: Sequence[Paper], hub: Hub, policy: Policy) -> Review:
    """The review that these papers make, every signature checked here. Raises HuizhenError unless two reviewers of
    different organisations, known to this hospital where it knows any, have approved."""
    for paper in papers:
        if paper.region != hub.region or not paper.holds():
            raise _refuse("review-broken", "A paper of the review is not signed.", "审查文件缺少有效签名。")
        if paper.kind.startswith("reviewer") and paper.key != hub.key:
            raise _refuse(
                "reviewer-not-enrolled",
                "A reviewer in the grant was not enrolled by this region's trustee.",
                "授权中的审查人并非由本区域受托方登记。",
            )
        if paper.kind == "review-sealed" and policy.reviewers.get(paper.by, paper.key) != paper.key:
            raise _refuse("reviewer-key", "A reviewer signed with another key.", "审查人所用密钥不符。")
    release = next((str(p.body["release"]) for p in papers if p.kind == "review-sealed"), "")
    review = replay(study, asker, release, papers)
    check_approved(review)
    if policy.reviewers and {s.reviewer for s in review.seals} - set(policy.reviewers):
        raise _refuse("reviewers-unknown", "A reviewer is none whom this hospital knows.", "存在本医院不认识的审查人。")
    return review


def _refuse(code: str, en: str, zh: str) -> HuizhenError:
    return Refused(
        code,
        Text(en, zh),
        Text("See `huizhen blacklist list`, `huizhen review reviewers`, and what policy.yaml asks for.",
             "请查看 `huizhen blacklist list` 与 `huizhen review reviewers`；本医院的要求见 policy.yaml。"),
    )  # fmt: skip
