"""The attacks themselves, on rows as codes: who knows some columns of a person looks for that person's row in a file.

Columns of the released file are labels: a value, or what covers it. A person matches a row where each label that the
attacker knows of covers the person's value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.privacy.anonymise.distinct import Whole, distinct

Codes = npt.NDArray[np.int32]
MOST = 20_000
"""Of the rows that match one person, the most that are looked at to guess a value; more are drawn from by chance."""


@dataclass(frozen=True)
class Known:
    """A column that the attacker knows: `released` (rows,) the label of each released row, -1 where it covers nothing;
    `covers` (levels, codes) the labels that cover each value; `labels`: how many there are."""

    released: Codes
    covers: Codes
    labels: int

    def allowed(self, code: int) -> npt.NDArray[np.bool_]:
        """(labels,) which labels cover the value; none where the file has no such value (below 0)."""
        there = np.zeros(self.labels, np.bool_)
        if code >= 0:
            there[self.covers[:, code]] = True
        return there

    def fits(self, label: int) -> npt.NDArray[np.bool_]:
        """(codes,) which values the label covers."""
        given: npt.NDArray[np.bool_] = (self.covers == label).any(axis=0)
        return given


@dataclass(frozen=True)
class Ranged(Known):
    """A column of means: each label covers the numbers from `low` to `high` (labels,), and what is missing where
    `missing` (labels,) says so. `number` (codes,): NaN of the missing value."""

    number: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    missing: npt.NDArray[np.bool_]

    def allowed(self, code: int) -> npt.NDArray[np.bool_]:
        if code < 0:
            return np.zeros(self.labels, np.bool_)
        number = self.number[code]
        return self.missing if np.isnan(number) else (self.low <= number) & (number <= self.high)

    def fits(self, label: int) -> npt.NDArray[np.bool_]:
        gone: npt.NDArray[np.bool_] = np.isnan(self.number)
        within = (self.low[label] <= self.number) & (self.number <= self.high[label])
        given: npt.NDArray[np.bool_] = within | (gone & self.missing[label])
        return given


class Seen:
    """A released file as an attacker sees it: its different combinations of known labels, and how many rows have each.

    `of` (rows,): the combination of each row; `count` (combinations,); `label`: of each combination, by column.
    """

    def __init__(self, known: Sequence[Known]) -> None:
        self.known = known
        first, self.of, self.count = distinct([k.released for k in known])
        self.label = [k.released[first] for k in known]
        self.rows = len(self.of)
        by_row = np.argsort(self.of, kind="stable")
        self._by_row, self._start = by_row, np.cumsum(self.count) - self.count
        usual = [float(np.square(np.bincount(x[x >= 0]) / max(len(x), 1)).sum()) for x in self.label]
        self._order = sorted(range(len(known)), key=usual.__getitem__)
        pivot = self.label[self._order[0]]
        self._sorted = np.argsort(pivot, kind="stable")
        self._edges = np.searchsorted(pivot[self._sorted], np.arange(known[self._order[0]].labels + 1))

    def match(self, person: Sequence[int]) -> Whole:
        """The combinations that cover a person, given as a code by column."""
        first, *others = self._order
        labels = np.flatnonzero(self.known[first].allowed(person[first]))
        found = np.concatenate(
            [self._sorted[self._edges[x] : self._edges[x + 1]] for x in labels] or [np.zeros(0, np.int64)]
        )
        for j in others:
            if len(found) == 0:
                break
            label = self.label[j][found]
            found = found[self.known[j].allowed(person[j])[label] & (label >= 0)]
        return found

    def rows_of(self, combinations: Whole, chance: np.random.Generator) -> Whole:
        """The places of their rows; of more than MOST, some by chance."""
        rows = np.concatenate(
            [self._by_row[self._start[c] : self._start[c] + self.count[c]] for c in combinations.tolist()]
            or [np.zeros(0, np.int64)]
        )
        return rows if len(rows) <= MOST else chance.choice(rows, MOST, replace=False)


def matches(seen: Seen, people: Sequence[Codes], heard: Callable[[int], None]) -> Iterator[tuple[int, Whole]]:
    """Each person (a code by column) with the combinations that cover them. `heard` is told how many are done."""
    for i in range(len(people[0])):
        if i % 50 == 0:
            heard(i)
        yield i, seen.match([int(column[i]) for column in people])


@dataclass(frozen=True)
class Tried:
    """What trying people one by one came to: `linked` (people,) the chance that a row picked among those that match is
    theirs; `there` (people,): does any match? `fewest`: rows that match a person, at least; `guessed` (columns, people)
    the chance that each sensitive value is guessed rightly."""

    linked: npt.NDArray[np.float64]
    there: npt.NDArray[np.bool_]
    fewest: int
    guessed: npt.NDArray[np.float64]


def tried(
    seen: Seen,
    people: Sequence[Codes],
    own: Whole | None,
    secret: Sequence[tuple[Codes, Codes]],
    chance: np.random.Generator,
    heard: Callable[[int], None],
) -> Tried:
    """Look for people in a released file.

    people: codes by known column. own (people,): the place of each one's own row in the file, -1 where there is none;
    None: not known, and then a match counts as theirs. secret: of each sensitive column the released rows' codes and
    the people's own. The guess is the commonest value among the rows that match, by chance among equals; where none
    match, the commonest of the file.
    """
    n = len(people[0])
    linked, there, fewest = np.zeros(n), np.zeros(n, np.bool_), seen.rows
    guessed = np.zeros((len(secret), n))
    usual = [_guess(np.arange(seen.rows), released) for released, _ in secret]
    for i, found in matches(seen, people, heard):
        many = int(seen.count[found].sum())
        there[i] = many > 0
        if many:
            fewest = min(fewest, many)
            linked[i] = 1 / many if own is None or (own[i] >= 0 and (found == seen.of[own[i]]).any()) else 0.0
        if secret:
            rows = seen.rows_of(found, chance)
            for s, (released, true) in enumerate(secret):
                guess = _guess(rows, released) if len(rows) else usual[s]
                guessed[s, i] = (guess == true[i]).any() / len(guess)
    return Tried(linked, there, fewest, guessed)


def _guess(rows: Whole, released: Codes) -> Any:
    """The commonest values."""
    values, count = np.unique(released[rows], return_counts=True)
    return values[count == count.max()] if len(values) else np.array([-1])


@dataclass(frozen=True)
class Singled:
    """Of `tries` descriptions of one released row, how many fit one row of the original file alone; one control row
    alone; and how many of others put together by chance do the former."""

    tries: int
    alone: int
    control: int
    chance: int


def singled(
    seen: Seen, original: Sequence[Codes], controls: Sequence[Codes], tries: int, chance: np.random.Generator
) -> Singled:
    """Describe rows by some of their labels so that one released row fits; does one original row, too?

    original, controls: codes by known column. Each description takes a random row and a random half or more of the
    known columns: the multivariate attack of Giomi et al. 2023, 4.1. Baseline: the same columns, each label of another
    row.
    """
    alone = control = by_chance = 0
    columns = len(seen.known)
    for _ in range(tries):
        row = int(chance.integers(seen.rows))
        which = chance.permutation(columns)[: int(chance.integers((columns + 1) // 2, columns + 1))].tolist()
        said = [(j, int(seen.label[j][seen.of[row]])) for j in which]
        same = np.arange(len(seen.count))
        for j, label in said:
            same = same[seen.label[j][same] == label]
        if seen.count[same].sum() != 1:
            continue
        others = [(j, int(seen.label[j][seen.of[int(chance.integers(seen.rows))]])) for j in which]
        alone += _fitting(seen, original, said) == 1
        by_chance += _fitting(seen, original, others) == 1
        control += _fitting(seen, controls, said) == 1
    return Singled(tries, alone, control, by_chance)


def _fitting(seen: Seen, people: Sequence[Codes], said: Sequence[tuple[int, int]]) -> int:
    """How many of the people fit a description: labels by column."""
    left: Any = None
    for j, label in said:
        fits = seen.known[j].fits(label)
        codes = people[j] if left is None else people[j][left]
        good = fits[np.maximum(codes, 0)] & (codes >= 0)
        left = np.flatnonzero(good) if left is None else left[good]
    return len(left)
