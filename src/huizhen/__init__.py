"""Huizhen: many hospitals, one answer, and no patient record leaves home."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huizhen.kit.errors import HuizhenError

if TYPE_CHECKING:
    from huizhen.adapters.anonymised_frames import Anonymised
    from huizhen.adapters.synthetic_frames import Synthesised
    from huizhen.client.session import Session

__all__ = ["HuizhenError", "anonymize", "connect", "synthesize"]
__version__ = "0.1.0"


def connect(
    where: str | PathLike[str] | None = None,
    *,
    token: str | PathLike[str] | None = None,
    asker: str | None = None,
    progress: bool | None = None,
) -> Session:
    """A hub to ask from Python: `huizhen.connect("https://hub.example:8471", token="access.txt")`.

    where: the address of a hub, or the folder of a region on this machine; None: HUIZHEN_HUB, else HUIZHEN_REGION.
    token: the access file from the trustee (None: HUIZHEN_TOKEN), in whose name is asked unless `asker` says otherwise.
    progress: tell on standard error how a study goes on; None: where that is a terminal or a notebook.
    Raises BadInput, NotFound, where none of this leads to a hub; that it answers shows with the first question.
    """
    from huizhen.cli.connect import session

    return session(where, token, asker, progress=progress)


def anonymize(
    table: Any,
    qi: str | Sequence[str] = (),
    sensitive: str | Sequence[str] = (),
    keep: str | Sequence[str] = (),
    drop: str | Sequence[str] = (),
    unknown: str | Sequence[str] = (),
    *,
    k: int = 10,
    l: int | None = None,  # noqa: E741
    t: float | None = None,
    suppress: float = 0.0,
    algorithm: str = "topdown",
    hierarchies: str | PathLike[str] | None = None,
    config: Mapping[str, Any] | None = None,
) -> Anonymised:
    """A table in memory anonymised as `huizhen anonymize` does a file: `huizhen.anonymize(frame, qi=["age", "sex"],
    sensitive="icd10", drop="name", k=10, l=3).table`.

    table: a pandas or Polars DataFrame, an Arrow table, or what has `__arrow_c_stream__`; the answer's `table` is of
    the same kind. Every column has to be named. unknown: kept columns that nobody outside can
    know. hierarchies: a folder of CSV files called after the columns. config:
    what `anonymize.yaml` may hold, in place of all else; its files are in `hierarchies`. While it works, the rows lie
    in a private folder for temporary files, and are deleted. Raises BadInput, Unable, and Refused where the release
    does not hold what was asked.
    """
    from huizhen.adapters.anonymised_frames import anonymise_frame, listed

    said = {"qi": listed(qi), "sensitive": listed(sensitive), "keep": listed(keep), "drop": listed(drop),
            "unknown": listed(unknown), "k": k,
            "l": l, "t": t, "suppress": suppress, "algorithm": algorithm}  # fmt: skip
    return anonymise_frame(table, said, config, Path(hierarchies) if hierarchies is not None else None)


def synthesize(
    table: Any,
    *,
    epsilon: float = 1.0,
    delta: float = 1e-8,
    rows: int | None = None,
    columns: Mapping[str, Mapping[str, Any]] | None = None,
    drop: Sequence[str] = (),
    person: str | None = None,
    seed: int | None = None,
    judged: bool = True,
) -> Synthesised:
    """A synthetic table made as `huizhen synthesize` makes a file: `huizhen.synthesize(frame, epsilon=1).table`, with
    differential privacy for each row, or each `person`.

    table: a pandas or Polars DataFrame, an Arrow table, or what has `__arrow_c_stream__`; the answer's `table` is of
    the same kind. columns: what is known beforehand, as `{"sex": {"values": ["f", "m"]}, "age": {"low": 0,
    "high": 110}}`; of all others it is found with noise. seed: of what is drawn, never of the noise. judged: compare it
    with the original and attack it; these figures are the holder's own. Raises BadInput, and Refused where an attack
    gains more than is promised.
    """
    from huizhen.adapters.synthetic_frames import synthesise_frame

    said = {"epsilon": epsilon, "delta": delta, "rows": rows, "columns": dict(columns or {}), "drop": list(drop),
            "person": person}  # fmt: skip
    return synthesise_frame(table, said, seed, judged)
