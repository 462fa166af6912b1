"""Two-person review: two reviewers of different organisations, neither of whom sees the other's verdict first.

One table of moves, and what it makes of the papers about one release. Each seals a verdict; once both are sealed, both
are opened; where they differ, a third of yet another organisation decides. Pure: hub, nodes and whoever verifies the
ledger replay the same papers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from huizhen.kit.errors import HuizhenError, Refused
from huizhen.kit.text import Text
from huizhen.model.paper import Paper, ReviewerEnrolled, ReviewOpened, ReviewSealed, Verdict, sealed

What = Literal["extract", "own-figures", "memorising-model", "model"]
"""Records, figures of one hospital, a model that is able to keep rows, and any fitted model (decision 0066)."""
NO_SUM: tuple[What, ...] = ("extract", "own-figures", "memorising-model")
"""What is not a sum over hospitals: reviewed unless it was waived, which records never are."""
WAIVABLE: tuple[What, ...] = ("own-figures", "memorising-model")
WHATS: dict[What, Text] = {
    "extract": Text("records, or a protected room with records in it", "记录级数据或受保护环境中的记录"),
    "own-figures": Text("figures of one hospital alone", "单家医院的数值"),
    "memorising-model": Text(
        "a model that is able to keep rows (trees, a network)", "能够记住数据行的模型（树、神经网络）"
    ),
    "model": Text("a fitted model", "拟合的模型"),
}
State = Literal["waiting", "half-sealed", "sealed", "half-open", "split", "split-sealed", "approved", "rejected"]
Step = Literal["seal", "open", "agree", "oppose", "differ"]

STATES: dict[State, Text] = {
    "waiting": Text("two reviewers have to seal a verdict", "待两名审查人封存意见"),
    "half-sealed": Text("one verdict is sealed, another is waited for", "已封存一份意见，待另一份"),
    "sealed": Text("both verdicts are sealed and have to be opened", "两份意见均已封存，待开封"),
    "half-open": Text("one verdict is open, the other has to be opened", "已开封一份意见，待另一份"),
    "split": Text("they differ; a third reviewer has to seal a verdict", "两份意见不一致，待第三名审查人封存意见"),
    "split-sealed": Text("the third verdict is sealed and has to be opened", "第三份意见已封存，待开封"),
    "approved": Text("approved", "通过"),
    "rejected": Text("rejected", "否决"),
}
STEPS: dict[Step, Text] = {
    "seal": Text("a reviewer seals a verdict", "审查人封存意见"),
    "open": Text("the first of two opens it", "第一名开封"),
    "agree": Text("the verdict that decides is opened: approve", "决定性意见开封：同意"),
    "oppose": Text("the verdict that decides is opened: reject", "决定性意见开封：反对"),
    "differ": Text("the second opens it, and it differs from the first", "第二名开封，与第一名不一致"),
}


class Move(NamedTuple):
    state: State
    step: Step
    to: State


MOVES: tuple[Move, ...] = (
    Move("waiting", "seal", "half-sealed"),
    Move("half-sealed", "seal", "sealed"),
    Move("sealed", "open", "half-open"),
    Move("half-open", "agree", "approved"),
    Move("half-open", "oppose", "rejected"),
    Move("half-open", "differ", "split"),
    Move("split", "seal", "split-sealed"),
    Move("split-sealed", "agree", "approved"),
    Move("split-sealed", "oppose", "rejected"),
)
"""The whole of it: what is not here is refused. Nothing that was sealed is ever taken back."""
_TABLE = {(m.state, m.step): m.to for m in MOVES}
DECIDED: tuple[State, ...] = ("approved", "rejected")


def reviewers(papers: Iterable[Paper]) -> dict[str, ReviewerEnrolled]:
    """Who may review, by name, after all these papers."""
    found: dict[str, ReviewerEnrolled] = {}
    for paper in papers:
        if paper.kind == "reviewer-enrolled":
            found[paper.subject] = ReviewerEnrolled.read(paper.body)
        elif paper.kind == "reviewer-dismissed":
            found.pop(paper.subject, None)
    return found


def waived(papers: Iterable[Paper]) -> dict[str, Paper]:
    """What goes out without review, after all these papers, each with the paper that says so."""
    found: dict[str, Paper] = {}
    for paper in papers:
        if paper.kind == "review-waived":
            found[paper.subject] = paper
        elif paper.kind == "review-restored":
            found.pop(paper.subject, None)
    return found


def check_follows(paper: Paper, before: Iterable[Paper]) -> None:
    """Raises Refused for a waiver of what is always reviewed, or of what is waived already; and for a review that is
    restored where none was waived."""
    if paper.kind not in ("review-waived", "review-restored"):
        return
    if paper.subject not in WAIVABLE:
        raise Refused(
            "not-waivable",
            Text(f"The review of that cannot be waived: {paper.subject}.", f"该类审查不得免除：{paper.subject}。"),
            Text(f"Only these can: {', '.join(WAIVABLE)}.", f"仅以下各项可以免除：{'、'.join(WAIVABLE)}。"),
        )
    if (paper.subject in waived(before)) == (paper.kind == "review-waived"):
        raise Refused(
            "waived-already",
            Text("The review of that is as you ask for already.", "该项审查已处于所请求的状态。"),
            Text("`huizhen review waivers` says what goes out without.",
                 "可用 `huizhen review waivers` 查看免审内容。"),
        )  # fmt: skip


class Seal(NamedTuple):
    reviewer: str
    organisation: str
    key: str
    commitment: str


@dataclass(frozen=True)
class Review:
    """Of one release: `release` is its digest. Nobody of the asker's own organisation reviews what it asked for."""

    study: str
    asker: str
    release: str
    seals: tuple[Seal, ...] = ()
    opened: tuple[tuple[str, Verdict], ...] = ()
    state: State = "waiting"

    def after(self, paper: Paper, enrolled: Mapping[str, ReviewerEnrolled]) -> Review:
        """With one paper more. Raises Refused where it may not follow. Its signature is checked by whoever files it."""
        if paper.subject != self.study:
            raise _refuse("review-elsewhere", "The paper is about another study.", "该文件针对另一项研究。")
        if paper.kind == "review-sealed":
            return self._sealed(paper, ReviewSealed.read(paper.body), enrolled)
        return self._opened(paper, ReviewOpened.read(paper.body))

    def _to(self, step: Step) -> State:
        to = _TABLE.get((self.state, step))
        if to is None:
            raise _refuse(
                "review-order",
                f"That cannot be done now: {STATES[self.state].en}.",
                f"当前不能进行该操作：{STATES[self.state].zh}。",
            )
        return to

    def _sealed(self, paper: Paper, body: ReviewSealed, enrolled: Mapping[str, ReviewerEnrolled]) -> Review:
        to, who = self._to("seal"), enrolled.get(paper.by)
        if who is None or who.key != paper.key:
            raise _refuse(
                "not-a-reviewer", "No reviewer is enrolled under that name and key.", "没有以该名称与密钥登记的审查人。"
            )
        if body.release != self.release:
            raise _refuse(
                "another-release", "The verdict is on something else than waits here.", "该意见针对的并非此处待审内容。"
            )
        if who.organisation == self.asker:
            raise _refuse(
                "own-review", "Nobody reviews what their own organisation asks for.", "不得审查本机构所申请的内容。"
            )
        if who.organisation in {s.organisation for s in self.seals} or paper.key in {s.key for s in self.seals}:
            raise _refuse(
                "same-organisation",
                "A reviewer of that organisation has sealed a verdict already.",
                "该机构的审查人已封存意见。",
            )
        seal = Seal(paper.by, who.organisation, who.key, body.commitment)
        return Review(self.study, self.asker, self.release, (*self.seals, seal), self.opened, to)

    def _opened(self, paper: Paper, body: ReviewOpened) -> Review:
        seal = next((s for s in self.seals if s.reviewer == paper.by and s.key == paper.key), None)
        if seal is None or paper.by in {name for name, _ in self.opened}:
            raise _refuse(
                "nothing-sealed", "That reviewer has no sealed verdict to open.", "该审查人没有待开封的意见。"
            )
        step = self._step_of(body.verdict)
        to = self._to(step)
        if sealed(paper.region, self.study, paper.by, paper.key, body) != seal.commitment:
            raise _refuse("not-what-was-sealed", "That is not the verdict that was sealed.", "与所封存的意见不符。")
        return Review(
            self.study, self.asker, self.release, self.seals, (*self.opened, (paper.by, body.verdict)), to
        )  # fmt: skip

    def _step_of(self, verdict: Verdict) -> Step:
        if self.state not in ("half-open", "split-sealed"):
            return "open"
        if self.state == "half-open" and self.opened[0][1] != verdict:
            return "differ"
        return "agree" if verdict == "approve" else "oppose"


def replay(study: str, asker: str, release: str, papers: Sequence[Paper]) -> Review:
    """Where a review stands after these papers, in the order in which they were filed; those of other studies are
    passed over. Who was a reviewer is as at each moment. Raises Refused for the first that may not stand there."""
    review, enrolled = Review(study, asker, release), dict[str, ReviewerEnrolled]()
    for paper in papers:
        if paper.kind in ("reviewer-enrolled", "reviewer-dismissed"):
            enrolled = {k: v for k, v in enrolled.items() if k != paper.subject} | reviewers([paper])
        elif paper.kind in ("review-sealed", "review-opened") and paper.subject == study:
            review = review.after(paper, enrolled)
    return review


def _refuse(code: str, en: str, zh: str) -> HuizhenError:
    return Refused(
        code,
        Text(en, zh),
        Text("`huizhen review show` says where the review stands, and who may go on.",
             "可用 `huizhen review show` 查看审查进展及可继续操作者。"),
    )  # fmt: skip
