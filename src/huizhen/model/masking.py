"""What a data holder decides about masking a table: for a copy to test with, and for each role that looks at it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from huizhen.model.document import Document

Name = Annotated[str, Field(min_length=1)]


class Masked(Document):
    """What becomes of one column in a copy."""

    kind: Literal[
        "id_number", "name", "phone", "address", "email", "code", "token", "date", "birth_date", "blank", "keep"
    ]
    """id_number: another valid identity number; name, address: made up, in the same script; phone: the last digits
    change; email: at example.com; code: digits and letters change, the rest stays; token: 16 letters and digits; date:
    shifted as many days as every date of that person; birth_date: shifted likewise, or that of the masked identity
    number in column `of`; blank: nothing; keep: as it is. The same key gives the same for the same value everywhere."""
    of: str | None = None
    """For birth_date: the column of identity numbers that it has to agree with."""
    start: int = Field(default=0, ge=0)
    """For code: how many characters stay at its start, as 2 for `ZY20260001`."""
    keep_sex: bool = True
    """For id_number: whether the masked number tells the same sex."""


class Shown(Document):
    """How one column appears to a role."""

    how: Literal["clear", "masked", "part", "year", "month", "prefix", "range", "hidden"]
    """clear: as it is; masked: as in a copy; part: the first and last characters, * between; year, month: of a day;
    prefix: the first characters; range: numbers in intervals; hidden: as if there were no such column."""
    first: int = Field(default=0, ge=0)
    """For part and prefix: characters shown at the start."""
    last: int = Field(default=0, ge=0)
    """For part: characters shown at the end."""
    width: int = Field(default=10, ge=2)
    """For range: how wide an interval is."""


class Role(Document):
    """What one role sees for some purposes. A column that is not named is hidden."""

    role: Name
    purposes: tuple[Name, ...] = Field(min_length=1)
    """Codes of purposes, e.g. TREAT; for any other the role sees nothing."""
    columns: dict[str, Shown] = Field(min_length=1)
    rows: str | None = None
    """A condition on the rows that it sees, over the columns as they are: `ward = '3A'`."""


class Masking(Document):
    key: str = "mask.key"
    """File of the key, beside this one. Who has it can turn masked numbers back: it stays where it was made."""
    person: str | None = None
    """The column that tells people apart; needed where dates are shifted."""
    days: int = Field(default=365, ge=7, le=3650)
    """Dates are shifted by up to so many days."""
    until: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    """The last date of birth that masked identity numbers may have."""
    regions: str | None = None
    """CSV beside this file whose first column has divisions of six digits; one becomes another of them. Without it each
    stays what it is."""
    columns: dict[str, Masked] = Field(min_length=1)
    """Every column of the table, or of all tables that this is for."""
    roles: tuple[Role, ...] = ()
    """Who sees what, for `huizhen mask query`."""
