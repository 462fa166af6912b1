"""Attacks on an anonymised file as it was written, beside a twin of it that some rows of the original are not in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from huizhen.adapters.anonymise_columns import encoded
from huizhen.adapters.anonymise_means import Means, mean_columns
from huizhen.adapters.anonymise_release import Heard, Released, anonymised, classes
from huizhen.adapters.anonymise_sampled import at_its_levels
from huizhen.adapters.anonymise_table import Coded
from huizhen.adapters.own_file import read_table
from huizhen.kit.errors import BadInput, Refused, Unable
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation
from huizhen.privacy.anonymise.hierarchy import Hierarchy
from huizhen.privacy.anonymise.partition import Partition, Whole
from huizhen.privacy.anonymise.promise import Codes
from huizhen.privacy.attack import Attack, advantage, beyond, wilson
from huizhen.privacy.attack_rows import Known, Seen, Tried, singled, tried

CONTROLS = 5
"""One in so many rows is a control row, up to as many as there are targets."""
ATTRIBUTE = 0.1
"""Beside what is gained where values are shuffled among rows. Of releases that hold their promise, fewer than one in a
hundred reach that (`bench/attack_limits.py`)."""
_SHUFFLES = 10
_TRIES = 6
"""Settings that are tried to name the nearest that holds."""
_WORDS = {
    "linkage": Text("a person's own row is found", "找到本人所在行"),
    "attribute": Text("a sensitive value is guessed", "猜出敏感值"),
    "membership": Text("it is told who is in the file", "判断谁在文件中"),
    "singling-out": Text("one person is described alone", "单独描述出某一人"),
}


@dataclass(frozen=True)
class _Plain:
    """A column whose values are released as they are: their places by text, and the original's codes."""

    place: Mapping[str, int]
    code: Codes


class _Scene:
    """The original, and how labels of a release are read: what attacks on a release and on its twin share."""

    def __init__(self, table: pa.Table, given: Coded, asked: Anonymisation, people: pa.Table | None) -> None:
        self.given, self.asked, self.rows, self.means = given, asked, given.rows, mean_columns(asked)
        kept = [n for n in asked.keep if n not in asked.attacks.unknown]
        names = [*given.hierarchies, *(asked.keep if people is not None else kept)]
        self.known = [n for n in names if people is None or n in people.column_names]
        if not self.known:
            raise BadInput(
                "outside-knows-nothing",
                Text("The outside file has no column of the release.", "外部文件与发布文件没有共同的列。"),
                Text("Its columns have to be called as those of the file.", "其列名须与文件的列名一致。"),
            )
        self.plain = {n: _plain(table[n]) for n in (*asked.keep, *asked.sensitive)}
        self.code = {**dict(zip(given.hierarchies, (c[: self.rows] for c in given.columns), strict=True)),
                     **{n: p.code for n, p in self.plain.items()}}  # fmt: skip
        self._label = {n: _labels(h) for n, h in given.hierarchies.items()}

    def written(self, table: pa.Table, found: Partition) -> tuple[list[Known], dict[str, Codes]]:
        """A released table as labels by known column, and as codes by sensitive column."""
        known = []
        for name in self.known:
            if name in self.means:
                made = Means(self.given, self.asked, found, name)
                known.append(made.known(made.places(), _placed(table[name], made.places())))
                continue
            place = self._label[name][0] if name in self._label else self.plain[name].place
            known.append(self._known(name, _placed(table[name], place)))
        return known, {n: _placed(table[n], self.plain[n].place) for n in self.given.sensitive}

    def twin(self, found: Partition) -> tuple[list[Known], dict[str, Codes]]:
        """The same of a release that is not written."""
        of = np.repeat(np.arange(len(found.start)), found.size)
        node = dict(zip(self.given.hierarchies, found.node, strict=True))
        known = []
        for n in self.known:
            if n in self.means:
                made = Means(self.given, self.asked, found, n)
                codes = np.array([made.places()[label] for label in made.label], np.int32)[of]
                known.append(made.known(made.places(), codes))
            else:
                known.append(self._known(n, self._label[n][1][node[n]][of] if n in node else self.code[n][found.row]))
        return known, {n: self.plain[n].code[found.row] for n in self.given.sensitive}

    def _known(self, name: str, released: Codes) -> Known:
        if name in self._label:
            places, of_node = self._label[name]
            return Known(released, of_node[self.given.hierarchies[name].node], len(places))
        many = len(self.plain[name].place)
        return Known(released, np.arange(many, dtype=np.int32)[None, :], many)

    def people(self, rows: Whole) -> list[Codes]:
        return [self.code[n][rows] for n in self.known]

    def outside(self, people: pa.Table, most: int, chance: np.random.Generator) -> list[Codes]:
        """People of an outside file, at most so many, by known column; -1 for what the original does not have."""
        rows = pa.array(np.sort(chance.permutation(len(people))[:most]))
        return [_placed(people[n].take(rows), self._values(n)) for n in self.known]

    def _values(self, name: str) -> Mapping[str, int]:
        if name in self.plain:
            return self.plain[name].place
        hierarchy = self.given.hierarchies[name]
        return {hierarchy.label[leaf]: code for code, leaf in enumerate(hierarchy.node[-1].tolist())}


def attacked(
    table: pa.Table, written: pa.Table, released: Released, asked: Anonymisation, beside: Path, heard: Heard, seed: int
) -> list[Attack]:
    """Attacks on the table that was `written`, of which `table` is the original. The same seed chooses the same people.

    Linkage, attribute inference and singling out are made on the release. Membership, and what control people are
    compared with, need people who are not in it: a twin is released of the other rows alone, by the same settings, and
    kept in memory. Where rows were drawn by chance, whoever is in the original is tried for membership, drawn or not.
    Raises NotFound and BadInput for an outside file that cannot be used.
    """
    chance = np.random.default_rng(seed)
    outside = read_table(beside / asked.attacks.outside)[0] if asked.attacks.outside else None
    scene = _Scene(table, released.coded, asked, outside)
    known, secrets = scene.written(written, released.found)
    seen, most, row = Seen(known), asked.attacks.targets, released.found.row
    place = np.argsort(row)[np.sort(chance.permutation(len(row))[:most])]
    target = row[place]

    def steps(before: int) -> Callable[[int], None]:
        return lambda n: heard("attack", before + n)

    mine = [(released_codes, scene.code[n][target]) for n, released_codes in secrets.items()]
    inside = tried(seen, scene.people(target), place, mine, chance, steps(0))
    linked = inside
    if outside is not None:
        linked = tried(seen, scene.outside(outside, most, chance), None, [], chance, steps(0))
    control = np.sort(chance.permutation(scene.rows)[: min(most, scene.rows // CONTROLS)])
    joined = inside
    if asked.differential is not None:
        asked = at_its_levels(asked, asked.differential, released.found, released.coded)
        any_row = np.sort(chance.permutation(scene.rows)[:most])
        joined = tried(seen, scene.people(any_row), None, [], chance, steps(0))
    others = _twin(scene, asked, beside, control, chance, steps(len(target)))
    once = singled(seen, scene.people(np.arange(scene.rows)), scene.people(control), most // 2, chance)
    limit = asked.attacks.linkage if asked.attacks.linkage is not None else 1 / asked.k
    picked = wilson(float(linked.linked.sum()), len(linked.linked))
    nobody = wilson(0, len(control))
    found = [Attack("linkage", "", len(linked.linked), 0, picked, wilson(0, 0), 1 / seen.rows, picked, limit)]
    alone, by_control = wilson(once.alone, once.tries), wilson(once.control, once.tries)
    found.append(
        Attack("singling-out", "", once.tries, len(control), alone, by_control, once.chance / once.tries,
               beyond(alone, by_control), limit)
    )  # fmt: skip
    if others is None:
        return found
    there, away = wilson(int(joined.there.sum()), len(joined.there)), wilson(int(others.there.sum()), len(control))
    found.append(
        Attack("membership", "", len(joined.there), len(control), there, away, 0.5, advantage(there, away),
               asked.attacks.membership)
    )  # fmt: skip
    left = _left_by_classes(seen, scene, target, place, list(secrets.values()), chance)
    for i, name in enumerate(released.coded.sensitive):
        right, wrong = (
            wilson(float(t.guessed[i].sum()), t.guessed.shape[1]) if t.guessed.size else nobody
            for t in (inside, others)
        )
        usual = float(np.bincount(scene.code[name]).max() / scene.rows)
        found.append(
            Attack("attribute", name, len(target), len(control), right, wrong, usual, beyond(right, wrong),
                   _inferred(asked, name, usual, left[i]))
        )  # fmt: skip
    return found


def _left_by_classes(
    seen: Seen, scene: _Scene, target: Whole, place: Whole, secrets: Sequence[Codes], chance: np.random.Generator
) -> list[float]:
    """What guessing each sensitive column gains where its values are shuffled among the rows, so that no column tells
    anything of it: a person's own value counts in their own class, the more the fewer rows and values there are. The
    most of so many shuffles: in a small table one alone says little."""
    shuffled = [codes[chance.permutation(len(codes))] for codes in secrets for _ in range(_SHUFFLES)]
    pairs = [(c, c[own]) for c in shuffled for own in (place, chance.integers(0, len(c), len(place)))]
    guessed = tried(seen, scene.people(target), place, pairs, chance, lambda _n: None).guessed
    right = guessed.mean(axis=1) if guessed.size else np.zeros(len(pairs))
    gained = np.maximum((right[::2] - right[1::2]) / np.maximum(1 - right[1::2], 1e-12), 0.0)
    return [float(x) for x in gained.reshape(len(secrets), _SHUFFLES).max(axis=1)]


def _inferred(asked: Anonymisation, name: str, usual: float, left: float) -> float:
    """What an attack on an attribute may gain. Closeness with the equal distance lets the commonest value of a class be
    at most t commoner than in the file: a gain of t / (1 - the commonest value's share)."""
    if asked.attacks.attribute is not None:
        return asked.attacks.attribute
    variety, most = asked.sensitive[name], ATTRIBUTE + left
    if variety.t is None or variety.distance != "equal" or usual >= 1:
        return most
    return min(most, variety.t / (1 - usual))


def _twin(
    scene: _Scene, asked: Anonymisation, beside: Path, control: Whole, chance: np.random.Generator,
    heard: Callable[[int], None],
) -> Tried | None:  # fmt: skip
    """Control people looked for in a release of the other rows; None where these cannot be released so."""
    try:
        found = classes(scene.given, asked, beside, lambda _step, _n: None, without=control)
    except Unable:
        return None
    known, secrets = scene.twin(found)
    theirs = [(released, scene.code[n][control]) for n, released in secrets.items()]
    return tried(Seen(known), scene.people(control), np.full(len(control), -1), theirs, chance, heard)


def check_attacks(
    attacks: Sequence[Attack],
    table: pa.Table,
    asked: Anonymisation,
    beside: Path,
    people: pa.Table | None,
    heard: Heard,
    seed: int,
) -> None:
    """Raises Refused where an attack gained more than is promised, and names the nearest setting that holds."""
    broken = [a for a in attacks if not a.held]
    if not broken:
        return
    told = _nearest(broken, table, asked, beside, people, heard, seed)
    worst = max(broken, key=lambda a: a.gain.low - a.limit)
    of = Text(f" ('{worst.column}')", f"（“{worst.column}”）") if worst.column else Text("", "")
    share, low, limit = worst.gain.share, worst.gain.low, worst.limit
    what = _WORDS[worst.name]
    raise Refused(
        "attack-succeeds",
        Text(f"The release was stopped: by an attack on the file {what.en}{of.en}, with a gain of {share:.3f} "
             f"(at least {low:.3f}); at most {limit:.3f} is promised.",
             f"已阻止发布：对文件的攻击可{what.zh}{of.zh}，收益为 {share:.3f}（至少 {low:.3f}），"
             f"承诺不超过 {limit:.3f}。"),
        told,
    )  # fmt: skip


def _nearest(
    broken: Sequence[Attack],
    table: pa.Table,
    asked: Anonymisation,
    beside: Path,
    people: pa.Table | None,
    heard: Heard,
    seed: int,
) -> Text:
    """The remedy: settings tried one after the other, each released in memory and attacked."""
    for changed, said in _ladder(broken, table, asked):
        heard("nearest", 0)
        try:
            released = anonymised(table, changed, beside, heard, people)
            attacks = attacked(table, released.table, released, changed, beside, heard, seed)
        except (Unable, Refused):
            continue
        if all(a.held for a in attacks):
            return Text(f"The nearest setting that holds: {said.en}.", f"最接近的可行设置：{said.zh}。")
    return Text(
        "No setting near it was found to hold: drop columns, make them quasi-identifiers, or ask for a much larger k.",
        "未找到相近的可行设置：请删去某些列、改为准标识列，或大幅提高 k。",
    )


def _ladder(broken: Sequence[Attack], table: pa.Table, asked: Anonymisation) -> Iterator[tuple[Anonymisation, Text]]:
    """From the setting asked: fewer columns of `keep` that are known, or else a larger k."""
    kept = sorted((n for n in asked.keep if n not in asked.attacks.unknown), key=lambda n: -len(encoded(table[n])[1]))[
        :_TRIES
    ]
    rows_found = any(a.name != "attribute" for a in broken)
    for many in range(1, len(kept) + 1) if rows_found else ():
        gone = kept[:many]
        said = ", ".join(gone)
        yield (
            asked.model_copy(
                update={"keep": tuple(n for n in asked.keep if n not in gone), "drop": (*asked.drop, *gone)}
            ),
            Text(f"drop {said} (or make them quasi-identifiers; or, where nobody outside can know them, put them "
                 "under attacks.unknown)",
                 f"删去 {said}（或改为准标识列；若外人无从得知，可列入 attacks.unknown）"),
        )  # fmt: skip
    if rows_found and kept:
        return
    k = asked.k
    for _ in range(_TRIES):
        k *= 2
        if k > len(table) // 2:
            return
        yield asked.model_copy(update={"k": k}), Text(f"k {k}", f"k 取 {k}")


def _plain(column: pa.ChunkedArray) -> _Plain:
    code, values = encoded(column)
    return _Plain({v: i for i, v in enumerate(values)}, code)


def _labels(hierarchy: Hierarchy) -> tuple[dict[str, int], npt.NDArray[np.int32]]:
    """The place of each different label, and that of each node's."""
    place: dict[str, int] = {}
    of_node = np.array([place.setdefault(label, len(place)) for label in hierarchy.label], np.int32)
    return place, of_node


def _placed(column: pa.ChunkedArray, place: Mapping[str, int]) -> Codes:
    """The place of each row's text; -1 where it has none."""
    code, values = encoded(column)
    at: Any = np.array([place.get(v, -1) for v in values], np.int32)
    return at[code] if len(at) else np.zeros(0, np.int32)
