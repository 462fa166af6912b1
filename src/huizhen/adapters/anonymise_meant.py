"""How a column is made coarser where nobody said: by what its values look like, or by a file called after it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from huizhen.model.anonymisation import Generalisation
from huizhen.privacy.anonymise import vocabulary

_SHAPES = (
    (re.compile(r"\d{4}-\d\d-\d\d", re.ASCII), Generalisation(by="date")),
    (re.compile(r"[1-9]\d{5}", re.ASCII), Generalisation(by="division")),
    (re.compile(r"[A-Z]\d\d(\.?\d{1,3})?", re.ASCII), Generalisation(by="icd10")),
    (re.compile(r"-?\d{1,9}(\.\d{1,9})?", re.ASCII), Generalisation(by="quantile", parts=(4, 16, 64))),
)
_FEW = 20


def meant(values: Sequence[str]) -> Generalisation:
    """How a column is made coarser where nobody said: by what its different values look like."""
    known = [v for v in values if v]
    for shape, how in _SHAPES:
        if len(known) > _FEW and all(shape.fullmatch(v) for v in known):
            return how
    if (words := vocabulary.meant(known)) is not None:
        return Generalisation.model_validate({"by": words})
    lengths = {len(v) for v in known}
    if len(known) > _FEW and lengths <= {min(lengths, default=0)} and 1 < min(lengths) <= 12:
        return Generalisation(by="prefix", lengths=tuple(range(1, min(lengths))))
    return Generalisation(by="flat")


def written(names: Sequence[str], folder: Path) -> Mapping[str, Generalisation]:
    """The columns for which the folder holds a hierarchy: NAME.csv, or what ends in hierarchy_NAME.csv."""
    there = sorted(folder.glob("*.csv")) if folder.is_dir() else []
    return {
        name: Generalisation(by="file", file=place.name)
        for name in names
        for place in there
        if place.name == f"{name}.csv" or place.name.endswith(f"hierarchy_{name}.csv")
    }
