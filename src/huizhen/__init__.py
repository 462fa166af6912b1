"""Huizhen: many hospitals, one answer, and no patient record leaves home."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huizhen.kit.errors import HuizhenError

if TYPE_CHECKING:
    from huizhen.adapters.anonymised_frames import Anonymised
    from huizhen.client.session import Session

__all__ = ["HuizhenError", "anonymize", "connect"]
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
