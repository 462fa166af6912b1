"""What each kind of column becomes in a copy: one function of its different values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from huizhen.privacy.masking import forms, identity, invented
from huizhen.privacy.masking.keyed import Key

_BROKEN = "id_number/not one"


@dataclass(frozen=True)
class Wish:
    """until: the last day of birth that there is. regions: divisions among which one becomes another; none: each stays.
    keep_sex: identity numbers keep the sex they tell. start: characters of a code that stay."""

    until: np.datetime64
    regions: tuple[str, ...] = ()
    keep_sex: bool = True
    start: int = 0


def id_number(values: Sequence[str], key: Key, wish: Wish) -> list[str]:
    """Valid identity numbers become valid ones; others another code of their form that is not valid either."""
    good, out = identity.valid(values), list(values)
    right = [i for i, g in enumerate(good) if g]
    for i, masked in zip(
        right,
        identity.masked([values[i] for i in right], key, wish.until, wish.keep_sex, wish.regions),
        strict=True,
    ):
        out[i] = masked
    rows = [i for i, g in enumerate(good) if not g]
    while rows:
        for i, masked in zip(rows, forms.code([out[i] for i in rows], key, _BROKEN), strict=True):
            out[i] = masked
        again = identity.valid([out[i] for i in rows])
        rows = [i for i, g in zip(rows, again, strict=True) if g]
    return out


KINDS: Mapping[str, Callable[[Sequence[str], Key, Wish], list[str]]] = {
    "id_number": id_number,
    "name": lambda values, key, _: invented.name(values, key),
    "phone": lambda values, key, _: forms.phone(values, key),
    "address": lambda values, key, _: invented.address(values, key),
    "email": lambda values, key, _: forms.mail(values, key),
    "code": lambda values, key, wish: forms.code(values, key, start=wish.start),
    "token": lambda values, key, _: forms.token(values, key),
    "blank": lambda values, _key, _wish: [""] * len(values),
    "keep": lambda values, _key, _wish: list(values),
}
"""By the word for it in mask.yaml. Days are shifted by person: see `days`."""


def masked(kind: str, values: Sequence[str], key: Key, wish: Wish) -> list[str]:
    """Each value as that kind; blanks around it are cut, and what is empty stays so. The same value becomes the same in
    every table. Raises BadInput where there are too few values of a form to hide one among."""
    bare = [_BLANKS.sub("", v) for v in values]
    there = [i for i, v in enumerate(bare) if v]
    out = [""] * len(values)
    for i, value in zip(there, KINDS[kind]([bare[i] for i in there], key, wish), strict=True):
        out[i] = value
    return out if kind != "keep" else list(values)


_BLANKS = re.compile(r"^[\s\u3000\ufeff]+|[\s\u3000\ufeff]+$")
