"""Groups of rows that are not classes yet: what is counted of each next, and what follows from the counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.privacy.anonymise.cutting import Floats, Look, Rules, Tree, Whole

_NONE: npt.NDArray[Any] = np.empty(0, np.int64)


@dataclass(frozen=True)
class Group:
    """`at`: by column, the node that covers it. `column`: whose children are counted by sensitive value next, -1 where
    those of all columns are counted. The rest is of groups that are tested: rows, what a cut by each column is worth at
    most, whether a node moved since; and of the best cut found, its worth and column, and by child part and rows."""

    group: int
    at: Whole
    column: int = -1
    size: int = 0
    bound: Floats = field(default_factory=lambda: np.empty(0))
    moved: bool = False
    worth: float = 0.0
    best: int = -1
    part: Whole = field(default_factory=lambda: _NONE)
    rows: Whole = field(default_factory=lambda: _NONE)


def look(groups: Sequence[Group], columns: int) -> Look:
    return Look(
        np.array([g.group for g in groups], np.int64),
        np.array([g.at for g in groups], np.int64).reshape(-1, columns),
        np.array([g.column for g in groups], np.int64),
    )


def as_state(groups: Sequence[Group], columns: int) -> dict[str, Any]:
    plain = look(groups, columns)._asdict()
    plain |= {name: np.array([getattr(g, name) for g in groups]) for name in ("size", "moved", "worth", "best")}
    return plain | {name: [getattr(g, name) for g in groups] for name in ("bound", "part", "rows")}


def from_state(state: Mapping[str, Any]) -> list[Group]:
    plain = {
        name: part.tolist() if name != "at" and isinstance(part, np.ndarray) else part for name, part in state.items()
    }
    return [Group(**dict(zip(plain, each, strict=True))) for each in zip(*plain.values(), strict=True)]


def step(
    rules: Rules, tree: Tree, asked: Sequence[Group], total: Mapping[str, Whole]
) -> tuple[Tree, list[Group], list[Group]]:
    """From the counts of the groups asked for, over all hospitals: the tree, groups to look at again or first, and
    those that are not parted further. total: `children` as `cutting.counts` gives them; of each sensitive column i
    `of i`, as `cutting.valued` does."""
    counted, tested = [g for g in asked if g.column < 0], [g for g in asked if g.column >= 0]
    ready, again, done = _counted(rules, counted, total.get("children", _NONE))
    begin = 0
    for group in tested:
        end = begin + int(rules.domains[group.column].children[group.at[group.column]])
        values = [total[f"of {i}"][begin:end] for i in range(len(rules.promised))]
        begin = end
        found = _tested(rules, group, values)
        (again if found.column >= 0 else ready if found.worth else again if found.moved else done).append(found)
    parted = [(g.group, g.best, int(g.at[g.best]), g.part, g.rows) for g in ready]
    tree, born = tree.cut(parted)
    again = [g if g.column >= 0 else Group(g.group, g.at) for g in again]
    for number, i, some in born:
        at, j = ready[i].at.copy(), ready[i].best
        if len(some) == 1:
            domain = rules.domains[j]
            at[j] = domain.tight(int(domain.first[at[j]] + some[0]))
        again.append(Group(number, at))
    return tree, again, [Group(g.group, g.at, size=g.size) for g in done]


def _counted(rules: Rules, groups: Sequence[Group], total: Whole) -> tuple[list[Group], list[Group], list[Group]]:
    """Those that are cut, looked at again, and done with."""
    ready: list[Group] = []
    again: list[Group] = []
    done: list[Group] = []
    if not groups:
        return ready, again, done
    scored = rules.score(look(groups, len(rules.domains)), total)
    best, moved = scored.bound.argmax(axis=1).tolist(), (scored.at != [g.at for g in groups]).any(axis=1).tolist()
    for i, (group, j) in enumerate(zip(groups, best, strict=True)):
        worth = float(scored.bound[i, j])
        found = Group(group.group, scored.at[i], size=int(scored.size[i]), bound=scored.bound[i], moved=moved[i])
        if worth <= 0:
            (again if moved[i] else done).append(found)
        elif rules.promised:
            again.append(replace(found, column=j))
        else:
            begin = scored.begin[i, j]
            rows = total[begin : begin + rules.domains[j].children[found.at[j]]]
            ready.append(replace(found, worth=worth, best=j, part=rules.parted(rows), rows=rows))
    return ready, again, done


def _tested(rules: Rules, group: Group, values: Sequence[Whole]) -> Group:
    """With the best cut so far, and the column to test next, -1 where no other can be worth more."""
    j, bound = group.column, group.bound.copy()
    part, worth = rules.tested(j, int(group.at[j]), values)
    bound[j] = 0
    if worth > group.worth:
        group = replace(group, worth=worth, best=j, part=part, rows=values[0].sum(axis=1))
    after = int(bound.argmax())
    return replace(group, bound=bound, column=after if bound[after] > group.worth else -1)
