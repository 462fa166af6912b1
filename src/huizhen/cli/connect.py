"""Where `huizhen.connect` leads: the same places as commands act on, for questions from Python."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path

from huizhen.cli.place import no_region, opened_place
from huizhen.client import access
from huizhen.client.session import Session


def session(
    where: str | PathLike[str] | None, token: str | PathLike[str] | None, asker: str | None, *, progress: bool | None
) -> Session:
    """For `huizhen.connect`, which says what is what."""
    where = where or os.environ.get("HUIZHEN_HUB") or os.environ.get("HUIZHEN_REGION")
    if where is None:
        raise no_region()
    if "://" in str(where):
        file = token or os.environ.get("HUIZHEN_TOKEN")
        given = None if file is None else Path(file)
        if given is not None and asker is None:
            found = access.read(given)
            asker = found.name if found.role == "asker" else None
        return Session(lambda: opened_place(None, str(where), given), asker, progress=progress)
    from huizhen.cli.region import check_there

    check_there(Path(where))
    return Session(lambda: opened_place(Path(where), None, None), asker, progress=progress)
