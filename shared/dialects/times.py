"""Times in the forms that dialects promise: ISO 8601, UTC, with `Z`. Pure."""

from datetime import UTC, datetime
from typing import Literal

Digits = Literal["seconds", "milliseconds", "microseconds"]


def iso_time(moment: datetime, digits: Digits = "microseconds") -> str:
    """`2026-01-02T12:00:00.123456Z`. Browsers read a time without a zone as their local time."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=digits) + "Z"


def iso_or_none(moment: datetime | None, digits: Digits = "microseconds") -> str | None:
    """The same; None for a moment that has not come."""
    return None if moment is None else iso_time(moment, digits)
