"""The nodes of one study while it computes: who takes part, who is left out and why, and the sums over them.

A node that has no figures for a study says so before it masks anything; one whose figures lie open may be found out.
Either is left out by rule, with its name and the reason, if enough are left. Under masks that can only be before the
first sum is opened: afterwards a sum without it, set against the one with it, would show what it sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add
from typing import Protocol, TypeVar

from huizhen.kit.errors import HuizhenError
from huizhen.kit.text import Text
from huizhen.model.census import Census
from huizhen.model.grant import Grant, Limits
from huizhen.model.left_out import LeftOut, silent
from huizhen.model.method import Method
from huizhen.model.study import Study
from huizhen.model.tally import Tally
from huizhen.path import compute, record
from huizhen.path.link import Link, Unfit
from huizhen.path.ports import Store

T = TypeVar("T")


class Insist(Protocol):
    """Ask until it is answered, or the study's time is up."""

    def __call__(self, ask: Callable[[], T], again: Callable[[], None] = ...) -> T: ...


@dataclass(frozen=True)
class Company:
    """`insist` waits for nodes that fall silent; `say` is told how it goes on. Everything lasting is in the journal."""

    store: Store
    study: Study
    grant: Grant
    earlier: tuple[str, ...]
    link: Link
    insist: Insist
    say: Callable[[Text], None]

    @property
    def limits(self) -> Limits:
        assert self.grant.limits is not None
        return self.grant.limits

    def left_out(self) -> tuple[LeftOut, ...]:
        return tuple(LeftOut.read(each) for each in self.store.journal(self.study.id).get("left_out", ()))

    def names(self) -> tuple[str, ...]:
        """The participants of the grant that are not left out, in order."""
        gone = {each.node for each in self.left_out()}
        return tuple(sorted(p.name for p in self.limits.participants if p.name not in gone))

    def open(self) -> None:
        """Show the study to all of them. Raises the first refusal, which the ledger keeps."""
        try:
            compute.open_study(self.study, self.grant, self.earlier, self.names(), self.link)
        except compute.NodeRefused as problem:
            with self.store.record() as r:
                record.refused(r, self.study, problem.node, problem)
            raise

    def census(self, method: Method) -> tuple[Census, compute.Standing]:
        """The census, and where the method stands: as the journal has them, or taken now. Raises Unfit."""
        done = self.store.journal(self.study.id)
        if "census" in done:
            return Census(**done["census"]), compute.Standing.read(done["standing"])
        self.say(Text("census", "统计人数"))
        names = self.names()
        take = partial(compute.take_census, self.study, self.grant, self.earlier, names, self.link)
        counted = self.insist(take, self.open)
        standing = compute.begin(method, counted.company)
        census = self._with_elsewhere(counted.census, counted.company)
        lost = silent([n for n in names if n not in counted.company], "node-lost")
        left = [each.as_json() for each in (*self.left_out(), *lost)]
        with self.store.record() as r:
            r.journal(self.study.id, "earlier", list(self.earlier))
            r.journal(self.study.id, "left_out", left)
            r.journal(self.study.id, "census", census.as_json())
            r.journal(self.study.id, "counted", {n: c.as_json() for n, c in counted.of_node.items()})
            r.journal(self.study.id, "standing", standing.as_wire())
            record.opened(r, self.study, len(self.limits.participants))
            for each in lost:
                record.left_out(r, self.study, each)
            record.summed(r, self.study, 0, len(counted.company))
        return census, standing

    def _with_elsewhere(self, census: Census, company: tuple[str, ...]) -> Census:
        return replace(
            census, differences={e: n + self._people_elsewhere(e, company) for e, n in census.differences.items()}
        )

    def _people_elsewhere(self, earlier: str, company: tuple[str, ...]) -> int:
        """People in the result of an earlier study at hospitals that do not take part in this one: leaving them out is
        as good a way to single them out as any condition. (Those who take part now count their own differences.)"""
        tallies = map(Tally.read, self.store.journal(earlier)["tallies"])
        return sum(t.people for t in tallies if t.node not in company)

    def rounds(self, method: Method, standing: compute.Standing) -> compute.Computed:
        """Round after round, each kept in the journal, to the result. Raises Unfit."""

        def say(number: int, text: Text) -> None:
            self.say(Text(f"round {number}: {text.en}", f"第 {number} 轮：{text.zh}"))

        while True:
            ask = partial(compute.next_round, self.study, self.grant, method, standing, self.link, say)
            after = self.insist(ask, self.open)
            if isinstance(after, compute.Computed):
                return after
            standing = after
            with self.store.record() as r:
                r.journal(self.study.id, "standing", standing.as_wire())
                record.summed(r, self.study, standing.number, len(standing.company))

    def leave_out(self, method: Method, unfit: Unfit) -> None:
        """Go on without a node that has no figures; raises what is wrong with it where that cannot be: too few are
        left, or a sum under masks was opened with it. Where figures lie open the method begins again without it, on
        the census of the others."""
        done = self.store.journal(self.study.id)
        if "census" in done and self.limits.secure_sum:
            raise _too_late(unfit)
        left = len(done["standing"]["company"] if "standing" in done else self.names()) - 1
        needed = max(self.limits.quorum, self.limits.min_contributors)
        if left < needed:
            raise _too_few(unfit, left, needed)
        gone = LeftOut.of(unfit.node, unfit.problem)
        with self.store.record() as r:
            r.journal(self.study.id, "left_out", [*done.get("left_out", ()), gone.as_json()])
            record.left_out(r, self.study, gone)
            if "census" in done:
                counted = {n: Census(**c) for n, c in done["counted"].items() if n != gone.node}
                census = self._with_elsewhere(reduce(add, counted.values()), tuple(counted))
                before = compute.Standing.read(done["standing"])
                after = compute.begin(method, tuple(sorted(counted)))
                standing = replace(after, number=before.number, restarts=before.restarts + 1)
                r.journal(self.study.id, "counted", {n: c.as_json() for n, c in counted.items()})
                r.journal(self.study.id, "census", census.as_json())
                r.journal(self.study.id, "standing", standing.as_wire())
        self.say(Text(f"without {gone.node}: {gone.en}", f"不含 {gone.node}：{gone.zh}"))


def _too_late(unfit: Unfit) -> HuizhenError:
    """The node's own error: with its name, and why the study cannot go on without it."""
    problem = unfit.problem
    return type(problem)(
        problem.code,
        Text(
            f"{unfit.node}: {problem.what.en} A sum with it in it was opened already, so it cannot be left out: the "
            "difference would show what it sent.",
            f"{unfit.node}：{problem.what.zh}已打开过包含它的求和结果，因此不能再将其排除，否则两者之差会暴露其数据。",
        ),
        problem.remedy,
    )


def _too_few(unfit: Unfit, left: int, needed: int) -> HuizhenError:
    problem = unfit.problem
    return type(problem)(
        problem.code,
        Text(
            f"{unfit.node}: {problem.what.en} Without it {left} hospitals are left, and the study needs {needed}.",
            f"{unfit.node}：{problem.what.zh}排除后仅剩 {left} 家医院，而研究至少需要 {needed} 家。",
        ),
        problem.remedy,
    )
