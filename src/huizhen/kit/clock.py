"""Time comes in from outside: a clock is a function that answers the present moment in UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

Clock = Callable[[], datetime]
CHINA = timezone(timedelta(hours=8))


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


def day_of(now: datetime, jurisdiction: str) -> str:
    """The calendar day (YYYY-MM-DD) there: China has one time zone; for others it is that of UTC."""
    return now.astimezone(CHINA if jurisdiction == "CN" else UTC).date().isoformat()
