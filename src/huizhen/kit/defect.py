"""A defect, noted without what it says: the message of an exception could quote a value."""

from __future__ import annotations

import logging
import traceback


def note_defect(where: str, fault: BaseException) -> None:
    """Say in the log at what place it happened, and of what type it is."""
    frames = traceback.extract_tb(fault.__traceback__)
    place = "".join(f"\n  {f.filename}:{f.lineno} {f.name}" for f in frames)
    logging.getLogger("huizhen").error("a defect %s: %s%s", where, type(fault).__name__, place)
