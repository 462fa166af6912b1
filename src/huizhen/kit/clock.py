"""Time comes in from outside: a clock is a function that answers the present moment in UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """A moment as RFC 3339 text in UTC to the microsecond, which sorts as time does."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def is_stamp(text: str) -> bool:
    """Whether this is a text that `stamp` writes."""
    try:
        read = datetime.fromisoformat(text).isoformat(timespec="microseconds")
        return text.endswith("Z") and read == text[:-1] + "+00:00"
    except ValueError:
        return False


def parse(text: str) -> datetime:
    return datetime.fromisoformat(text)
