"""Propose: a request becomes a study. The same request may be asked again, once its last answer has arrived."""

from __future__ import annotations

from huizhen.model.study import Request, Study


def propose(request: Request, asked_before: int, now_utc: str) -> Study:
    """The next study of this request."""
    return Study(request=request, number=asked_before + 1, submitted_utc=now_utc)
