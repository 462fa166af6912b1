"""One generalisation for many hospitals, cut from sums: each can release rows that are k-anonymous over all of them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from huizhen.kit.errors import BadInput, Unable
from huizhen.kit.text import Text
from huizhen.model.agreed_rule import AgreedRule, Cut, Recoded, Ruled
from huizhen.model.anonymisation import Variety
from huizhen.model.batch import Batch
from huizhen.model.consent import MethodKind
from huizhen.model.dataset import Schema
from huizhen.model.document import Document
from huizhen.model.method import FINITE, Done, Method, Next, State
from huizhen.model.partial import Partial
from huizhen.model.result import Result, Statistic, Table
from huizhen.privacy.anonymise import cutting, frontier
from huizhen.privacy.anonymise.cutting import Look, Promised, Rules, Tree
from huizhen.privacy.anonymise.domain import Codes, Domain, domain
from huizhen.privacy.anonymise.frontier import Group
from huizhen.privacy.anonymise.promise import Diversity
from huizhen.statistics import bins
from huizhen.statistics.columns import check_different, check_inside, levelled, usable

Whole = npt.NDArray[np.int64]
MOST = 1 << 21
"""Counts in one round, at most; groups beyond wait for the next one."""
BLOCK = 1 << 17
"""Rows that are looked at in one piece."""


class Params(Document):
    quasi_identifiers: Annotated[dict[str, Recoded], Field(min_length=1)]
    """Columns that may be known from elsewhere, and how each is made coarser: `by` flat, prefix (with `lengths`),
    interval (whole numbers, with `widths` and `range`), quantile (numbers, with `parts`), date (with `range`, in
    years), icd10, division, ethnic, education, occupation, or file (with `rows`, one for each level, from the level up
    to `*`); and `weight`. Nobody looks up which values occur: they are those that the schema, or `range`, lets occur;
    all others are one, `(other)`. Missing values are a value of their own."""
    sensitive: dict[str, Variety] = {}
    """Columns nobody may learn about a person, and what is promised of each class, as in anonymize.yaml; they have
    levels, or are 0/1."""
    k: Annotated[int, Field(ge=3)] = 10
    """Rows of all hospitals together that share each class, at least. The guard hides a rule whose classes are smaller
    than the study's min_cell."""
    per_hospital_min: Annotated[int, Field(ge=1)] = 1
    """A hospital releases its rows of a class only where it has as many there. 1: all of them; then the promise is
    over the union alone, and says nothing against who knows which hospital a row is from."""


class Generalise(Method):
    """Values: n, ncp and ncp_by_column (loss of the rows that are released, 0 to 1), classes and smallest_class, sizes
    (rows of each class, in the order of the rule's classes; the last is of rows that no class has), rule, and sha256
    of the rule.

    The table is cut from the top down, a level a round: each group of rows along the column that saves most certainty
    penalty for each bit of the split, as `huizhen anonymize` does; parts of fewer than k rows become one rest. Classes
    are released as nodes of the columns' hierarchies. With promises of sensitive columns every cut takes one round
    more, in which the rows of its parts are counted by sensitive value. With per_hospital_min a hospital counts for
    nothing in a group where it has fewer rows, and classes that do not hold without these rows are given up.

    `huizhen anonymize FILE --rule RESULT` releases a hospital's rows by the rule.
    """

    name: ClassVar[str] = "generalise"
    Params: ClassVar[type[Document]] = Params
    summary: ClassVar[Text] = Text(
        "One generalisation for all hospitals, so that each can release rows that are k-anonymous over the union",
        "各医院共同的泛化规则：各家据此发布的记录在合并后满足 k-匿名",
    )
    reveals: ClassVar[Text] = Text(
        "For all hospitals together: rows in ever narrower intervals of columns cut by quantile; of each sensitive "
        "column, rows by value; of each group that is cut, and of each class, rows below each child of every column's "
        "node, and where something is promised of sensitive columns, rows of each part of a cut by sensitive value. In "
        "a small class a count may be of a single row, without a name. The rule itself tells of groups of k rows or "
        "more, and of values that nobody in a group has.",
        "所有医院合计的：按分位切分的列在逐步收窄的区间内的行数；各敏感列按取值的行数；每个被切分的组及每个等价类中，"
        "各列节点的每个子节点下的行数；若对敏感列有承诺，则还有切分各部分按敏感值的行数。"
        "小的等价类中某个计数可能只有一行，但不含姓名。规则本身只涉及不少于 k 行的组，以及组内无人具有的取值。",
    )
    complete_cases: ClassVar[bool] = False
    max_rounds: ClassVar[int] = 1000
    largest: ClassVar[float] = FINITE
    yields: ClassVar[MethodKind] = "extract"
    """Only whose records may be released is counted, or the rule would hold for others than are released."""
    rests_on: ClassVar[tuple[str, ...]] = ("privacy/anonymise",)

    def __init__(self, params: Document, schema: Schema) -> None:
        super().__init__(params, schema)
        self.p = cast(Params, params)
        names = [*self.p.quasi_identifiers, *self.p.sensitive]
        check_different(names, "quasi_identifiers, sensitive")
        self.quasi = {name: usable(schema, name) for name in self.p.quasi_identifiers}
        self.numbers = [n for n, how in self.p.quasi_identifiers.items() if how.by == "quantile"]
        for name in self.p.sensitive:
            usable(schema, name)
        promised = {name: v for name, v in self.p.sensitive.items() if v.model_copy(update=_APART) != Variety()}
        self.asked = {name: _promise(name, v) for name, v in promised.items()}
        self.secrets = [domain(levelled(schema, name), _tree(v)) for name, v in promised.items()]
        self.fixed = self._domains([()] * len(self.numbers))
        widest = max(int(d.children.max()) for d in self.fixed)
        width = sum(len(d.hierarchy.code) for d in self.secrets)
        if widest * width > MOST or sum(int(d.children.max()) for d in self.fixed) >= MOST:
            raise BadInput(
                "rule-too-wide",
                Text(f"A cut would need more than {MOST:,} counts.", f"一次切分所需的计数超过 {MOST:,} 个。"),
                Text("Give the widest column a level in between, or ask for sensitive values at a coarser level.",
                     "请为最宽的列增加中间层级，或使用更粗的敏感取值。"),
            )  # fmt: skip

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.p.quasi_identifiers, *self.asked)

    def start(self) -> State:
        return {"phase": "prepare", "bins": [bins.start() for _ in self.numbers]}

    def told(self, state: State) -> State:
        if state["phase"] == "prepare":
            return state
        look = {name: state["open"][name][: state["turn"]] for name in Look._fields}
        return {**{name: state[name] for name in ("phase", "edges", "tree")}, "look": look}

    # What rows add.

    def partial(self, batch: Batch, state: State) -> Partial:
        if state["phase"] == "prepare":
            return Partial(self._prepare(batch, state))
        domains, look, tree = self._domains(state["edges"]), Look(**state["look"]), Tree(**state["tree"])
        total: dict[str, Any] = {}
        for a in range(0, max(batch.rows, 1), BLOCK):
            rows = {name: batch[name][a : a + BLOCK] for name in self.columns}
            codes = [d.codes(rows[name]) for name, d in zip(self.quasi, domains, strict=True)]
            slot = look.slots(tree, domains, codes)
            if state["phase"] == "cut":
                found = self._cut(look, slot, domains, codes, rows)
            else:
                found = self._own(look, slot, rows)
            total = {name: part + total.get(name, 0) for name, part in found.items()}
        return Partial(total)

    def close(self, total: Partial, state: State) -> Partial:
        """A hospital counts for nothing in a group where it has fewer rows than per_hospital_min."""
        least = self.p.per_hospital_min
        if state["phase"] == "prepare" or least == 1:
            return total
        few = {name: part < least for name, part in total.fields.items() if name in ("rows", "children")}
        fields = {name: np.where(few[name], 0, total[name]) for name in few}
        for name in total.fields:
            if name not in few:
                own = few["rows"] if "rows" in few else total["of 0"].sum(axis=1) < least
                fields[name] = np.where(own[:, None], 0, total[name])
        return Partial(fields)

    def _prepare(self, batch: Batch, state: State) -> dict[str, npt.NDArray[Any]]:
        sums: dict[str, npt.NDArray[Any]] = {"n": np.asarray(batch.rows)}
        for name, found in zip(self.numbers, state["bins"], strict=True):
            if bins.unfinished(found):
                sums[f"bins {name}"] = bins.partial(batch[name], found)
        for name, secret in zip(self.asked, self.secrets, strict=True):
            sums[f"whole {name}"] = np.bincount(secret.codes(batch[name]), minlength=len(secret.hierarchy.code))
        return sums

    def _cut(
        self, look: Look, slot: Whole, domains: list[Domain], codes: list[Codes], rows: dict[str, Any]
    ) -> dict[str, Whole]:
        sums = {}
        if (look.column < 0).any():
            sums["children"] = cutting.counts(look, slot, domains, codes)
        if (look.column >= 0).any():
            for i, (name, secret) in enumerate(zip(self.asked, self.secrets, strict=True)):
                values = len(secret.hierarchy.code)
                sums[f"of {i}"] = cutting.valued(look, slot, domains, codes, secret.codes(rows[name]), values)
        return sums

    def _own(self, look: Look, slot: Whole, rows: dict[str, Any]) -> dict[str, Whole]:
        """Rows of each class, and by sensitive value."""
        there = slot >= 0
        sums = {"rows": np.bincount(slot[there], minlength=len(look.group))}
        for i, (name, secret) in enumerate(zip(self.asked, self.secrets, strict=True)):
            values = len(secret.hierarchy.code)
            cell = slot[there] * values + secret.codes(rows[name])[there]
            sums[f"of {i}"] = np.bincount(cell, minlength=len(look.group) * values).reshape(-1, values)
        return sums

    # What follows from the sums over all hospitals.

    def combine(self, total: Partial, state: State) -> Next | Done:
        return {"prepare": self._after_prepare, "cut": self._after_cut, "own": self._after_own}[state["phase"]](
            total, state
        )

    def _domains(self, edges: list[Any]) -> list[Domain]:
        cut = iter(edges)
        return [
            domain(column, how, tuple(float(e) for e in next(cut)) if how.by == "quantile" else ())
            for column, how in zip(self.quasi.values(), self.p.quasi_identifiers.values(), strict=True)
        ]

    def _rules(self, state: State) -> Rules:
        promised = [
            Promised(secret, asked, whole)
            for secret, asked, whole in zip(self.secrets, self.asked.values(), state["whole"], strict=True)
        ]
        weights = [how.weight for how in self.p.quasi_identifiers.values()]
        return Rules(self._domains(state["edges"]), weights, self.p.k, promised)

    def _after_prepare(self, total: Partial, state: State) -> Next:
        for name in self.asked:
            check_inside(int(total[f"whole {name}"][-1]), [name])
        most = [max(self.p.quasi_identifiers[name].parts) for name in self.numbers]
        found = [
            bins.refine(total[f"bins {name}"], part, many) if bins.unfinished(part) else part
            for name, part, many in zip(self.numbers, state["bins"], most, strict=True)
        ]
        if any(map(bins.unfinished, found)):
            note = Text("cutting columns into bins", "正在对各列分箱")
            return Next({"phase": "prepare", "bins": found}, note)
        n, q = int(total["n"]), len(self.quasi)
        edges = [bins.edges(part, many, self.p.k) for part, many in zip(found, most, strict=True)]
        top = [d.tight(0) for d in self._domains(edges)]
        after: State = {
            "phase": "cut",
            "n": n,
            "edges": edges,
            "whole": [total[f"whole {name}"] for name in self.asked],
            "tree": cutting.seed()._asdict(),
            "done": frontier.as_state([], q),
            "turn": 1,
            "open": frontier.as_state([Group(0, np.array(top, np.int64))], q),
        }  # fmt: skip
        if n < self.p.k or not self._rules(after).holds(after["whole"]):
            raise Unable(
                "union-not-held",
                Text("What is promised does not hold even of all hospitals' rows together.",
                     "即使各医院的数据合在一起也达不到所承诺的要求。"),
                Text("Ask for less: a smaller k, or less of the sensitive columns.",
                     "请降低要求：减小 k，或放宽对敏感列的承诺。"),
            )  # fmt: skip
        return Next(after, Text("everybody counted", "已统计全体"))

    def _after_cut(self, total: Partial, state: State) -> Next | Done:
        rules, groups = self._rules(state), frontier.from_state(state["open"])
        turn, before = state["turn"], frontier.from_state(state["done"])
        tree, again, done = frontier.step(rules, Tree(**state["tree"]), groups[:turn], total.fields)
        left, done = [*groups[turn:], *again], [*before, *done]
        state = {**state, "tree": tree._asdict()}
        note = Text(f"{len(done)} classes, {len(left)} groups open", f"{len(done)} 个等价类，{len(left)} 个组待切分")
        if left or self.p.per_hospital_min == 1:
            return self._on(rules, left, done, state, note)
        again = [Group(g.group, g.at) for g in done]
        return self._on(rules, again, [], {**state, "phase": "own"}, Text("counting shares", "正在统计各家份额"))

    def _after_own(self, total: Partial, state: State) -> Next | Done:
        """Only classes that hold without the rows of hospitals that have few there remain."""
        rules, groups = self._rules(state), frontier.from_state(state["open"])
        turn, kept = state["turn"], frontier.from_state(state["done"])
        for i, (group, size) in enumerate(zip(groups[:turn], total["rows"].tolist(), strict=True)):
            values = [total[f"of {s}"][i] for s in range(len(rules.promised))]
            if size >= self.p.k and rules.holds(values):
                kept.append(Group(group.group, group.at, size=size))
        if not kept and turn == len(groups):
            raise Unable(
                "nothing-left",
                Text("No class holds without the rows of hospitals that have fewer than per_hospital_min in it.",
                     "剔除不足 per_hospital_min 的医院份额后，没有任何等价类满足承诺。"),
                Text("Give a smaller per_hospital_min or k.", "请减小 per_hospital_min 或 k。"),
            )  # fmt: skip
        return self._on(rules, groups[turn:], kept, state, Text("counting shares", "正在统计各家份额"))

    def _on(self, rules: Rules, left: list[Group], done: list[Group], state: State, note: Text) -> Next | Done:
        """The next round, of as many groups as a round may count; or the result."""
        if not left:
            return Done(self._result(rules, sorted(done, key=lambda g: g.group), state))
        q, values = len(rules.domains), sum(len(d.hierarchy.code) for d in self.secrets)
        look = frontier.look(left, q)
        if state["phase"] == "cut":
            many = look.widths(rules.domains).sum(axis=1)
            many = np.where(look.column >= 0, many * values, 1 + many)
        else:
            many = np.full(len(left), 1 + values)
        turn = max(int(np.searchsorted(np.cumsum(many), MOST, side="right")), 1)
        after = {"open": frontier.as_state(left, q), "done": frontier.as_state(done, q), "turn": turn}
        return Next({**state, **after}, note)

    # The result.

    def _result(self, rules: Rules, classes: list[Group], state: State) -> Result:
        at, size = np.array([g.at for g in classes]), np.array([g.size for g in classes])
        rule = self._rule(rules, classes, state)
        rows = int(size.sum())
        ncp = {
            name: float((d.hierarchy.penalty[at[:, j]] * size).sum() / rows)
            for j, (name, d) in enumerate(zip(self.quasi, rules.domains, strict=True))
        }
        values = {
            "n": state["n"],
            "classes": len(classes),
            "smallest_class": int(size.min()),
            "sizes": [*size.tolist(), state["n"] - rows],
            "ncp": float(np.mean(list(ncp.values()))),
            "ncp_by_column": ncp,
            "rule": rule.as_json(),
            "sha256": rule.sha256(),
        }
        table = Table(
            ("sizes",), margins=((("n",), None),), derived=(("ncp",), ("ncp_by_column",), ("smallest_class",))
        )
        return Result(values, (table, Statistic((("rule",), ("classes",)), int(size.min()))))

    def _rule(self, rules: Rules, classes: list[Group], state: State) -> AgreedRule:
        tree = Tree(**state["tree"])
        ruled = [
            Ruled(column=d.column, how=d.how, sha256=d.sha256,
                  edges=tuple(d.edges.tolist()))
            for d in rules.domains
        ]  # fmt: skip
        known = np.isin(tree.to, [*tree.cuts[:, 0], *(g.group for g in classes)])
        to = np.split(np.where(known, tree.to, -1), np.cumsum(tree.widths(rules.domains))[:-1])
        return AgreedRule(
            columns=tuple(ruled),
            sensitive=self.p.sensitive,
            k=self.p.k,
            per_hospital_min=self.p.per_hospital_min,
            cuts=tuple(
                Cut(group=group, column=j, node=node, to=tuple(t.tolist()))
                for (group, j, node), t in zip(tree.cuts.tolist(), to, strict=False)
            ),
            classes=tuple((g.group, *g.at.tolist()) for g in classes),
        )


METHOD = Generalise
_APART = {"distance": "equal", "hierarchy": None}
"""Of a sensitive column, what is no promise by itself."""


def _promise(name: str, asked: Variety) -> Diversity:
    if (asked.c is None) != (asked.l is None):
        raise _incomplete(name, Text("recursive diversity needs both c and l", "递归多样性须同时给出 c 和 l"))
    if asked.distance == "hierarchical" and asked.hierarchy is None:
        raise _incomplete(name, Text("the hierarchical distance needs `hierarchy`", "层级距离需要 hierarchy"))
    recursive = (asked.c, asked.l) if asked.c is not None and asked.l is not None else None
    return Diversity(asked.distinct, asked.entropy, recursive, asked.t, asked.distance, asked.beta)


def _tree(asked: Variety) -> Recoded:
    if asked.distance == "hierarchical" and asked.hierarchy is not None:
        return Recoded(**asked.hierarchy.model_dump())
    return Recoded(by="flat")


def _incomplete(name: str, why: Text) -> BadInput:
    return BadInput(
        "promise-incomplete",
        Text(f"Column '{name}': {why.en}.", f"列“{name}”：{why.zh}。"),
        Text("Complete it, or leave it out.", "请补全，或不作该项承诺。"),
    )
