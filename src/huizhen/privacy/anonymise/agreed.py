"""Rows of one hospital, released by a rule that many agreed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.model.agreed_rule import AgreedRule
from huizhen.privacy.anonymise.cutting import Look, Tree, Whole
from huizhen.privacy.anonymise.domain import Domain, domain


@dataclass(frozen=True)
class Applied:
    """`of` (rows,): the place of each row's class among the rule's, -1 of rows that are not released; `share`: by
    class, how many rows are; `gone`: rows that are in no class of the rule, and rows of classes with too few here."""

    of: Whole
    share: Whole
    gone: tuple[int, int]
    domains: dict[str, Domain]
    node: Whole
    """(columns, classes) the node of each column's hierarchy that a class is released as."""

    def labels(self, name: str) -> tuple[Whole, tuple[str, ...]]:
        """Of the rows that are released, in their order: each one's place in the list of labels, and the list."""
        j = list(self.domains).index(name)
        return self.node[j][self.of[self.of >= 0]], self.domains[name].hierarchy.label

    @property
    def ncp(self) -> dict[str, float]:
        """By column, the normalised certainty penalty of the rows that are released."""
        rows = max(int(self.share.sum()), 1)
        return {
            name: float((d.hierarchy.penalty[node] * self.share).sum() / rows)
            for (name, d), node in zip(self.domains.items(), self.node, strict=True)
        }


def apply(rule: AgreedRule, columns: Mapping[str, npt.NDArray[Any]]) -> Applied:
    """The class of each row, from the rule's columns as a `Batch` has them, all rows of the hospital at once.

    A row that the rule's classes do not cover (a value that nobody in its group had) is not released, and no row of a
    class of which there are fewer than per_hospital_min here. Raises Refused where a hierarchy is built otherwise here
    than where the rule was made.
    """
    domains = {r.column.name: domain(r.column, r.how, r.edges) for r in rule.columns}
    for ruled in rule.columns:
        if domains[ruled.column.name].sha256 != ruled.sha256:
            raise Refused(
                "another-hierarchy",
                Text(f"The rule was made with another hierarchy of column '{ruled.column.name}'.",
                     f"该规则使用的列“{ruled.column.name}”的层级与此处不同。"),
                Text("Use the version of Huizhen that made it, or have it made again.",
                     "请使用生成该规则的 Huizhen 版本，或重新生成规则。"),
            )  # fmt: skip
    codes = [d.codes(columns[name]) for name, d in domains.items()]
    classes = np.array(rule.classes, np.int64).reshape(-1, 1 + len(codes))
    look = Look(classes[:, 0], classes[:, 1:], np.full(len(classes), -1))
    of = look.slots(_tree(rule), list(domains.values()), codes)
    uncovered = int((of < 0).sum())
    share = np.bincount(of[of >= 0], minlength=len(classes))
    few = (share > 0) & (share < rule.per_hospital_min)
    of = np.where((of >= 0) & few[of], -1, of)
    return Applied(of, np.where(few, 0, share), (uncovered, int(share[few].sum())), domains, classes[:, 1:].T)


def _tree(rule: AgreedRule) -> Tree:
    cuts = np.array([(c.group, c.column, c.node) for c in rule.cuts], np.int64).reshape(-1, 3)
    to = np.array([group for c in rule.cuts for group in c.to], np.int64)
    return Tree(cuts, to, int(max(to.max(initial=0), cuts[:, 0].max(initial=0))) + 1)
