"""What a data holder decides about a series of releases of records that arrive day by day."""

from __future__ import annotations

from pydantic import Field

from huizhen.model.anonymisation import Anonymisation
from huizhen.model.document import Document


class Series(Document):
    subject: str
    """The column that says whose record it is. It is never released; one record of each person is."""
    wait: int = Field(default=7, ge=0, le=10_000)
    """For how many more files a record waits that cannot join a class, before it is given up."""
    release: Anonymisation
    """What is promised of each release, and of all joined, and what each other column is; as in anonymize.yaml. The
    share of `suppress` waits. No `population`."""
