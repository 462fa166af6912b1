"""A table anonymised, in memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from huizhen.adapters.anonymise_means import Means, check_means, mean_columns, numbers
from huizhen.adapters.anonymise_table import Coded, coded
from huizhen.adapters.arrow import labelled
from huizhen.adapters.arrow import numbers as as_array
from huizhen.adapters.release_population import Witness
from huizhen.kit.errors import Unable
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation
from huizhen.privacy.anonymise.cost import measure
from huizhen.privacy.anonymise.distinct import distinct
from huizhen.privacy.anonymise.lattice import optimal
from huizhen.privacy.anonymise.microaggregate import regrouped
from huizhen.privacy.anonymise.partition import Partition, Whole, partition
from huizhen.privacy.anonymise.promise import Presence, Sensitive, all_held
from huizhen.privacy.risk import risks

Heard = Callable[[str, int], None]


@dataclass(frozen=True)
class Released:
    """A table anonymised: `table` is what would be written; `found` its classes, of the rows of `coded`."""

    table: pa.Table
    coded: Coded
    found: Partition

    def witness(self, people: pa.Table | None) -> Witness | None:
        """Where a population is known: whom of it the engine says to be in which class, for `release_check`."""
        if people is None:
            return None
        of = self.found.of(self.coded.everyone) if self.found.everyone is None else self.found.everyone
        label = {n: np.array([*h.label, ""], object)[np.append(node, len(h.label))[of]]
                 for (n, h), node in zip(self.coded.hierarchies.items(), self.found.node, strict=True)}  # fmt: skip
        value = {n: np.array(h.label, object)[h.node[-1]][codes]
                 for (n, h), codes in zip(self.coded.hierarchies.items(), self.coded.columns, strict=True)}  # fmt: skip
        covers = {
            n: sorted({(h.label[leaf], h.label[a]) for line in h.node.T.tolist() for leaf in line[-1:] for a in line})
            for n, h in self.coded.hierarchies.items()
        }
        return Witness(of >= 0, np.arange(len(of)) < self.coded.rows, value, label, covers)

    def before(self) -> dict[str, Any]:
        """Of the original: its combinations, how many rows are alone in theirs, the prosecutor's risk, and by column
        how many different values there were and how many different labels are left."""
        rows = [c[: self.coded.rows] for c in self.coded.columns]
        size = distinct(rows)[2]
        return {
            "combinations": len(size),
            "alone": int((size == 1).sum()),
            "prosecutor": risks(size).prosecutor.as_json(),
            "values": {
                name: [len(np.unique(codes)), len(np.unique(node))]
                for name, codes, node in zip(self.coded.hierarchies, rows, self.found.node, strict=True)
            },
        }

    def told(self, asked: Anonymisation) -> dict[str, Any]:
        """What it cost and what it leaves of risk: `cost.measure`, `risk.risks`, and where it is known from how many
        people the file was drawn, `uniqueness` among them, before and after."""
        told = measure(self.found, list(self.coded.hierarchies.values()), list(self.coded.hierarchies))
        told["risk"] = risks(self.found.size, self.found.people).as_json()
        if names := mean_columns(asked):
            told["microaggregation"] = {n: Means(self.coded, asked, self.found, n).as_json() for n in names}
        if asked.differential is not None:
            from huizhen.adapters.anonymise_sampled import told_so

            told["differential"] = told_so(self.found, self.coded, asked, asked.differential)
        people = self.coded.everyone if asked.population else asked.population_size
        if people is not None:
            from huizhen.privacy.risk_population import uniqueness

            before = distinct([c[: self.coded.rows] for c in self.coded.columns])[2]
            told["uniqueness"] = {
                "population": people,
                "before": uniqueness(before, people).as_json(),
                "after": uniqueness(self.found.size, people).as_json(),
            }
        return told


def anonymised(
    table: pa.Table,
    asked: Anonymisation,
    beside: Path,
    heard: Heard,
    people: pa.Table | None = None,
    order: int | None = None,
) -> Released:
    """A table anonymised, among a population (`people`) where there is one. Raises BadInput and Unable.

    order: a secret that the order of the rows follows from, so that it can be made again; None: by a chance that nobody
    can repeat.

    The release is neither checked from what was written (that is `check_release`) nor attacked.
    """
    check_means(asked)
    given = coded(table, asked, beside, people)
    found = classes(given, asked, beside, heard, order=order)
    return Released(_released(table, found, given, asked), given, found)


def classes(
    given: Coded,
    asked: Anonymisation,
    beside: Path,
    heard: Heard,
    without: Whole | None = None,
    order: int | None = None,
) -> Partition:
    """The classes, their rows in an order by chance (or by the secret `order`); as if the rows `without` were not in
    the file.

    Raises Unable where nothing holds what is asked.
    """
    inside = np.arange(given.everyone) < given.rows
    absent = np.zeros(0, np.int64) if without is None else without
    inside[absent] = False
    if asked.differential is not None:
        from huizhen.adapters.anonymise_sampled import released_so

        return released_so(given, asked, asked.differential, beside, absent)
    chance = np.random.default_rng(order).permutation(given.everyone)
    if not asked.population:
        chance = chance[inside[chance]]
    inside = inside[chance]
    columns = [c[chance] for c in given.columns]
    sensitive = [_wide(s, inside, chance) for s in given.sensitive.values()]
    suppress, k = int(inside.sum() * asked.suppress + 1e-9), asked.k
    if asked.population:
        people = asked.population
        presence = Presence(k, people.present_least, people.present_most)
        sensitive = [*sensitive, Sensitive(inside.astype(np.int32), 2, presence)]
        k = people.k_map or 1
    if len(chance) < k or not all_held(sensitive):
        raise _unreachable(given.rows, given.everyone)
    hierarchies = list(given.hierarchies.values())
    names = mean_columns(asked)
    number = [numbers(h) if n in names else None for n, h in given.hierarchies.items()]

    def means(found: Partition) -> Partition:
        return regrouped(found, columns, hierarchies, number, k, sensitive) if names else found

    if asked.algorithm == "lattice":
        found = optimal(
            columns, hierarchies, k, sensitive, suppress=suppress,
            inside=inside if asked.population else None, heard=lambda n: heard("search", n),
        )  # fmt: skip
        return means(found).only(chance, inside)

    def split(allowed: int) -> Partition:
        found = partition(
            columns, hierarchies, k, sensitive, suppress=allowed, threads=os.cpu_count() or 1,
            weights=[how.weight for how in asked.quasi_identifiers.values()], heard=lambda n: heard("partition", n),
        )  # fmt: skip
        return means(found).only(chance, inside)

    return _within(split, suppress, len(chance), int(inside.sum()))


def _within(split: Callable[[int], Partition], suppress: int, everyone: int, rows: int) -> Partition:
    """A partition that leaves out at most `suppress` of the file's rows. The kernel counts everyone of a group against
    its budget, people of the population too: it may be given more, as long as what is left out of the file does not."""
    allowed = suppress * everyone // max(rows, 1)
    while allowed > suppress:
        found = split(allowed)
        if len(found.gone) <= suppress:
            return found
        allowed = max(suppress, allowed * suppress // (len(found.gone) + 1))
    return split(suppress)


def _unreachable(rows: int, everyone: int) -> Unable:
    share = rows / everyone
    return Unable(
        "not-held-by-all",
        Text("What is promised does not hold even of the whole file.", "即使在整个文件中也达不到所承诺的要求。"),
        Text(f"The nearest setting: k_map at most {everyone}, present_least at most {share:.4f}, present_most no less.",
             f"最接近的可行设置：k_map 不超过 {everyone}，present_least 不超过 {share:.4f}，present_most 不低于该值。"),
    )  # fmt: skip


def _wide(one: Sensitive, inside: Any, chance: Any) -> Sensitive:
    """In the order of `chance`; who is not in the file has no value."""
    code = np.full(len(chance), -1, np.int32)
    code[inside] = one.code[chance[inside]]
    return Sensitive(code, one.values, one.asked, one.hierarchy)


def _released(table: pa.Table, found: Partition, given: Coded, asked: Anonymisation) -> pa.Table:
    place = as_array(found.row)
    columns = {
        name: labelled(np.repeat(node, found.size), hierarchy.label)
        for (name, hierarchy), node in zip(given.hierarchies.items(), found.node, strict=True)
    }
    of = np.repeat(np.arange(len(found.start), dtype=np.int32), found.size)
    for name in mean_columns(asked):
        labels = pa.array(Means(given, asked, found, name).label, pa.string())
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(of), labels).cast(pa.string()).dictionary_encode()
    columns |= {name: table[name].take(place) for name in (*asked.sensitive, *asked.keep)}
    return pa.table(columns)
