"""Huizhen: many hospitals, one answer, and no patient record leaves home."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from huizhen.kit.errors import HuizhenError

if TYPE_CHECKING:
    from huizhen.client.session import Session

__all__ = ["HuizhenError", "connect"]
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
