"""Compute: the census, then the rounds of the method, each a sum over the nodes. The hub sees sums and nothing else.

Who takes part is settled by the census; from then on a sum must hold all of them, because a sum of fewer, set against
an earlier one, would show what the missing one sent. When a withdrawal changes who is included, the method
begins again, so that the answer is always the exact one for one set of people. What comes out of a sum is believed as
far as it can be: figures that no hospitals can have end the study.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from huizhen.kit import wire
from huizhen.kit.defect import note_defect
from huizhen.kit.errors import HuizhenError, Refused, Unable
from huizhen.kit.text import Text
from huizhen.model.batch import empty_batch
from huizhen.model.census import Census
from huizhen.model.grant import Grant, Limits
from huizhen.model.method import Done, Method, Next, State
from huizhen.model.partial import Field, Partial
from huizhen.model.result import Result
from huizhen.model.study import Study
from huizhen.model.tally import Tally
from huizhen.path.link import Link, Silent, Unfit
from huizhen.path.secure_round import FORGOTTEN, Round, Summed

COUNTS = ("people", "people_squared", "rows", "missing", "contributors")
"""Counts of the census that the node's reader takes anew in every round, beside the method's own Partial."""


def count_field(name: str) -> str:
    """The field of a round's message that holds one of COUNTS."""
    return f"_{name}"


RESTARTS = 5
MOST = 2**53
"""No sum of counts is larger."""
START_IT = Text("Start the node, or leave it out of the study's participants.", "请启动该节点，或将其从参与方中去掉。")
CENSUS = (
    "consented", "people", "people_squared", "rows", "missing", "contributors", "repeated",
)  # fmt: skip
Progress = Callable[[int, Text], None]
"""Called with the number of the round and what is going on in it."""


def census_layout(earlier: int) -> tuple[Field, ...]:
    fields = [Field(name, "int64", ()) for name in CENSUS] + [Field("differences", "int64", (earlier,))]
    return tuple(sorted(fields))


def round_layout(method: Method, state: State) -> tuple[Field, ...]:
    """The layout of a node's message in this round: that of the method's Partial of no rows, and the counts."""
    told = method.told(state)
    zero, _ = method.finish(method.partial(empty_batch(method.schema, method.columns), told), told, {})
    own = [Field(count_field(name), "int64", ()) for name in COUNTS]
    return tuple(sorted([*zero.layout(), *own]))


@dataclass(frozen=True)
class Standing:
    """Where a computation stands between two rounds; kept in the journal, so that a crash loses at most one round."""

    number: int
    company: tuple[str, ...]
    state: State
    people: int | None
    restarts: int = 0

    def as_wire(self) -> dict[str, Any]:
        return {**vars(self), "company": list(self.company)}

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Standing:
        return cls(**{**value, "company": tuple(value["company"])})


@dataclass(frozen=True)
class Counted:
    """The census of a company; and, where figures lay open, that of each node."""

    census: Census
    company: tuple[str, ...]
    of_node: Mapping[str, Census]


@dataclass(frozen=True)
class Computed:
    result: Result
    standing: Standing
    counts: dict[str, int]
    """COUNTS of the last round: of the people whom the result rests on."""


class NodeRefused(Refused):
    """A node says no to a study; `node` is its name."""

    def __init__(self, node: str, problem: HuizhenError) -> None:
        what = Text(f"{node} refuses: {problem.what.en}", f"{node} 拒绝：{problem.what.zh}")
        super().__init__(problem.code, what, problem.remedy)
        self.node = node


def _round(study: Study, grant: Grant, number: int, **rest: Any) -> Round:
    return Round(study=study.id, grant=grant.digest(), number=number, **rest)


def _sum(question: Round, link: Link, secure: bool) -> Summed:
    return question.masked(link) if secure else question.plain(link)


def open_study(study: Study, grant: Grant, earlier: tuple[str, ...], names: Sequence[str], link: Link) -> None:
    """Show study and grant to these nodes, who re-check both. Raises the first refusal, as NodeRefused, and Unfit for a
    node that cannot take part."""
    body = {"study": study.as_json(), "grant": grant.as_json(), "earlier": list(earlier)}
    heard = link.ask("open", dict.fromkeys(names, wire.once(body)))
    for node in sorted(heard.refusals):
        problem = heard.refusals[node]
        raise NodeRefused(node, problem) if isinstance(problem, Refused) else Unfit(node, problem)
    absent = sorted(set(names) - set(heard.answers))
    if absent:
        raise Silent("node-absent", absent, START_IT)


def take_census(study: Study, grant: Grant, earlier: tuple[str, ...], members: tuple[str, ...], link: Link) -> Counted:
    """The first sum: how many, at how many nodes, and how far from earlier cohorts. Also says who takes part: up to a
    third of the members may be lost within it, as long as the quorum is left. Among many, where each node has a few
    holders only, it is begun a second time for that, under fresh keys and without those who are gone. Raises Unfit for
    a member that has no figures for this study, before any sum is opened."""
    limits = grant.limits
    assert limits is not None

    def check(total: Partial, nodes: int) -> None:
        _check_counts({name: int(total[name]) for name in CENSUS}, nodes)

    layout = census_layout(len(earlier))
    question = _round(
        study, grant, 0, members=members, state=None, layout=layout, whole=not limits.secure_sum, check=check
    )
    try:
        summed = _sum(question, link, limits.secure_sum)
    except Silent as few:
        if few.code != "too-few-left":
            raise
        summed = _sum(question, link, limits.secure_sum)  # nothing was opened; now only those are asked who are there
    if len(summed.company) < limits.quorum:
        raise Silent("node-lost", sorted(set(members) - set(summed.company)), START_IT)
    census = _read_census(summed.total, earlier)
    if census.consented == 0:
        raise Refused(
            "no-consent",
            Text(
                f"No subject has consented to {limits.purpose} on this dataset.",
                f"没有任何受试者就该数据集同意 {limits.purpose} 用途。",
            ),
            Text(
                "Record consents with `huizhen consent grant` or `huizhen consent import`, then run the study again.",
                "请用 `huizhen consent grant` 或 `huizhen consent import` 登记同意后重新运行。",
            ),
        )
    return Counted(census, summed.company, {n: _read_census(p, earlier) for n, p in summed.parts.items()})


def _read_census(total: Partial, earlier: tuple[str, ...]) -> Census:
    differences = dict(zip(earlier, map(int, total["differences"]), strict=True))
    return Census(**{name: int(total[name]) for name in CENSUS}, differences=differences)


def tally(study: Study, limits: Limits, method: Method, last: Standing, link: Link) -> tuple[Tally, ...]:
    """What each of the company says it contributed; where the deed pays by effect also how well the model of the last
    round suits its rows. Raises Silent where one does not answer."""
    company = last.company
    body: dict[str, Any] = {"study": study.id}
    if limits.effect != "none":
        body["state"] = wire.once(method.told(last.state))
    heard = link.ask("tally", dict.fromkeys(company, body))
    for node, problem in heard.refusals.items():
        if problem.code not in FORGOTTEN:
            raise problem.at(node)
    silent = sorted(set(company) - set(heard.answers))
    if silent:
        remedy = Text("Start it again and run the study once more.", "请重启该节点后再次运行研究。")
        raise Silent("node-lost", silent, remedy)
    return tuple(Tally.read(heard.answers[node]) for node in company)


def begin(method: Method, company: tuple[str, ...]) -> Standing:
    return Standing(number=0, company=company, state=method.start(), people=None)


def next_round(
    study: Study, grant: Grant, method: Method, standing: Standing, link: Link, progress: Progress
) -> Standing | Computed:
    """One more round. Answers where it stands then, or the result.

    When people have withdrawn, an exact method begins again, without them. One that is private in its sums goes on,
    without them from this round on: each sum costs privacy, and its answer rests on nobody exactly.

    Raises Unable when the rounds run out or people keep withdrawing; what the method and the nodes raise passes.
    """
    limits = grant.limits
    assert limits is not None
    number = standing.number + 1
    if number > limits.max_rounds * (1 + standing.restarts):
        raise Unable(
            "no-convergence",
            Text(
                f"No answer after {limits.max_rounds} rounds.",
                f"经过 {limits.max_rounds} 轮仍未得到结果。",
            ),
            Text("Simplify the model or loosen its tolerance.", "请简化模型或放宽收敛标准。"),
        )
    with _sense(method):
        layout = round_layout(method, standing.state)
    question = _round(
        study,
        grant,
        number,
        members=standing.company,
        state=method.told(standing.state),
        layout=layout,
        whole=True,
        check=_check_round,
    )
    summed = _sum(question, link, limits.secure_sum)
    counts = _counts(summed.total)
    people = counts["people"]
    if standing.people not in {None, people} and method.privacy is None:
        if standing.restarts >= RESTARTS:
            raise Unable(
                "unsettled",
                Text("Consents kept changing while the study ran.", "研究运行期间同意状态不断变化。"),
                Text("Run the study again.", "请重新运行该研究。"),
            )
        progress(number, Text("consent was withdrawn: beginning again without", "有人撤回同意：剔除后重新开始"))
        return Standing(number, summed.company, method.start(), None, standing.restarts + 1)
    with _sense(method):
        step: Next | Done = method.combine(summed.total, standing.state)
    after = replace(standing, number=number, company=summed.company, people=people)
    if isinstance(step, Done):
        return Computed(step.result, after, counts)
    progress(number, step.note or Text("summed", "已求和"))
    return replace(after, state=step.state)


def _counts(total: Partial) -> dict[str, int]:
    return {name: int(total[count_field(name)]) for name in COUNTS}


def _check_round(total: Partial, nodes: int) -> None:
    _check_counts(_counts(total), nodes)


def _check_counts(counts: Mapping[str, int], nodes: int) -> None:
    """Raises Unable for sums of counts that no hospitals can have. Under masks nobody can tell which one it was."""
    possible = (
        all(0 <= n <= MOST for n in counts.values())
        and counts["contributors"] <= min(nodes, counts["people"])
        and counts["people"] <= min(counts["rows"], counts["people_squared"])
        and counts["people_squared"] <= counts["people"] ** 2
        and (nodes > 1 or counts["people_squared"] == counts["people"] ** 2)
    )
    if not possible:
        raise Unable(
            "impossible-counts",
            Text("A node sent counts that cannot be.", "有节点发送了不可能的计数。"),
            Text(
                "Have every hospital check its program and its log (`huizhen node log`). Under masks nobody can tell "
                "which node it was; where all allow plain sums, the hub names it.",
                "请各医院检查其程序和日志（`huizhen node log`）。在掩码之下无法得知是哪个节点；若各方均允许明文求和，"
                "中心可指出该节点。",
            ),
        )


@contextmanager
def _sense(method: Method) -> Iterator[None]:
    """What a method makes of a sum may fail in any way where a node sent what makes no sense to it; so may a defect of
    its own. Both end the study in words."""
    try:
        yield
    except HuizhenError:
        raise
    except Exception as fault:
        note_defect(f"in method {method.name}", fault)
        raise Unable(
            "sum-without-sense",
            Text(
                f"Method {method.name} cannot go on from the sum ({type(fault).__name__}): a node sent false figures, "
                "or the method has a defect.",
                f"方法 {method.name} 无法由求和结果继续（{type(fault).__name__}）：有节点发送了虚假数据，"
                "或该方法存在缺陷。",
            ),
            Text(
                "Nothing was released. Run the study again; if it ends so once more, send the end of the hub's log to "
                "the developers.",
                "没有发布任何结果。请重新运行；若再次如此，请将中心日志末尾发给开发者。",
            ),
        ) from fault
