"""Attacks on a synthetic table, by who is near whom in it, on people who were learned from and on others who were not.

After M. Giomi et al., A unified framework for quantifying privacy risk in synthetic data (anonymeter), PoPETs 2023(2);
membership by the distance to the closest record (D. Chen et al., GAN-Leaks, CCS 2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from huizhen.privacy.attack import Attack, advantage, beyond, wilson
from huizhen.privacy.attack_rows import Known, Seen, singled
from huizhen.privacy.synthetic.tree import Codes, Floats

MOST = 20_000
"""Synthetic rows that are looked at by distance."""
_NEAREST = 5
_AT_ONCE = 64
LIMIT = 0.2


@dataclass(frozen=True)
class Scene:
    """Codes by column of the synthetic rows, of people learned from and of as many others; which columns are `ordered`
    (there codes that are near are alike), and how many codes each has."""

    released: Sequence[Codes]
    people: Sequence[Codes]
    others: Sequence[Codes]
    ordered: Sequence[bool]
    sizes: Sequence[int]


def told_at_most(epsilon: float, delta: float) -> float:
    """What differential privacy lets anyone gain in telling who is in the file: true less false positives (Humphries et
    al., IEEE CSF 2023, equation 5; from Kairouz, Oh and Viswanath 2015)."""
    return min((math.expm1(epsilon) + 2 * delta) / (math.exp(epsilon) + 1), 1.0)


def attacked(
    scene: Scene, secrets: Sequence[tuple[int, str]], limit: float, chance: np.random.Generator
) -> list[Attack]:
    """Membership, linkage, singling out and the inference of each column of `secrets` (place, name). `limit`: what each
    may gain."""
    many = len(scene.people[0])
    order = chance.permutation(len(scene.released[0]))[:MOST]
    released = [c[order] for c in scene.released]
    scene = Scene(released, scene.people, scene.others, scene.ordered, scene.sizes)
    every = range(len(released))
    found = [
        _member(_distances(scene, scene.people, every, 1, chance)[1][:, 0],
                _distances(scene, scene.others, every, 1, chance)[1][:, 0], limit),
    ]  # fmt: skip
    if len(released) > 1:
        half = chance.permutation(len(released))
        parts = half[: len(half) // 2].tolist(), half[len(half) // 2 :].tolist()
        linked = [_linked(scene, rows, parts, chance) for rows in (scene.people, scene.others)]
        by_chance = 1 - (1 - min(_NEAREST / len(released[0]), 1.0)) ** _NEAREST
        found.append(_beyond("linkage", "", many, linked, by_chance, limit))
    found.append(_alone(scene, limit, chance))
    for place, name in secrets:
        known = [i for i in every if i != place]
        if not known:
            continue
        right = []
        for rows in (scene.people, scene.others):
            near = _distances(scene, rows, known, 1, chance)[0][:, 0]
            right.append(int((released[place][near] == rows[place]).sum()))
        usual = float(np.bincount(scene.others[place]).max() / many)
        found.append(_beyond("attribute", name, many, right, usual, limit))
    return found


def _distances(
    scene: Scene, rows: Sequence[Codes], columns: Any, nearest: int, chance: np.random.Generator
) -> tuple[Any, Floats]:
    """(rows, nearest) places of the nearest synthetic rows, by chance among equals, and how far they are (Gower)."""
    many, few = len(rows[0]), min(nearest, len(scene.released[0]))
    place, away = np.empty((many, few), np.int64), np.empty((many, few))
    for begin in range(0, many, _AT_ONCE):
        part = slice(begin, min(begin + _AT_ONCE, many))
        total = chance.random((part.stop - begin, len(scene.released[0])), np.float32) * np.float32(1e-4)
        for i in columns:
            own, all_ = rows[i][part, None], scene.released[i][None, :]
            if scene.ordered[i]:
                total += np.abs(own - all_) * np.float32(1 / max(scene.sizes[i] - 1, 1))
            else:
                total += own != all_
        first = np.argpartition(total, few - 1, axis=1)[:, :few]
        place[part], away[part] = first, np.take_along_axis(total, first, axis=1)
    return place, away


def _member(inside: Floats, outside: Floats, limit: float) -> Attack:
    """Who is near a synthetic row is said to have been learned from. How near is chosen on one half of the people and
    tried on the other, so that chance alone gains nothing."""
    cuts = np.unique(np.concatenate([inside[::2], outside[::2]]))
    gain = [(inside[::2] <= c).mean() - (outside[::2] <= c).mean() for c in cuts]
    cut = cuts[int(np.argmax(gain))]
    tried = inside[1::2], outside[1::2]
    success, control = (wilson(int((x <= cut).sum()), len(x)) for x in tried)
    return Attack("membership", "", len(tried[0]), len(tried[1]), success, control, 0.5, advantage(success, control),
                  limit)  # fmt: skip


def _linked(
    scene: Scene, rows: Sequence[Codes], parts: tuple[list[int], list[int]], chance: np.random.Generator
) -> int:
    """How many people can be put together from two halves of their columns: one synthetic row is among the nearest of
    both halves."""
    near = [_distances(scene, rows, part, _NEAREST, chance)[0] for part in parts]
    return int((near[0][:, :, None] == near[1][:, None, :]).any(axis=(1, 2)).sum())


def _alone(scene: Scene, limit: float, chance: np.random.Generator) -> Attack:
    """Descriptions that fit one synthetic row: does one person learned from fit them alone? One of the others?"""
    known = [
        Known(c, np.arange(n, dtype=np.int32)[None, :], n) for c, n in zip(scene.released, scene.sizes, strict=True)
    ]
    once = singled(Seen(known), scene.people, scene.others, len(scene.people[0]), chance)
    success, control = (wilson(n, once.tries) for n in (once.alone, once.control))
    baseline = once.chance / once.tries
    return Attack(
        "singling-out",
        "",
        once.tries,
        len(scene.others[0]),
        success,
        control,
        baseline,
        beyond(success, control),
        limit,
    )


def _beyond(name: Any, column: str, many: int, right: Sequence[int], baseline: float, limit: float) -> Attack:
    success, control = (wilson(n, many) for n in right)
    return Attack(name, column, many, many, success, control, baseline, beyond(success, control), limit)
