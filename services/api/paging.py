"""Pages and moments as they stand in a query: read strictly, and refused with the name of the field."""

import base64
import binascii
from datetime import UTC, datetime

from shared import problems
from shared.problems import FieldError, ProblemError

SEQUENCE_MAX = 2**63 - 1


def page_cursor(before: int) -> str:
    """What a client sends back to go on, opaque to it."""
    return base64.urlsafe_b64encode(str(before).encode()).decode().rstrip("=")


def page_start(cursor: str | None) -> int | None:
    """Where a page begins; None for the first. Raises ProblemError."""
    if cursor is None:
        return None
    try:
        before = int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not 0 < before <= SEQUENCE_MAX:
            raise ValueError(before)
    except (ValueError, binascii.Error) as error:
        wrong = FieldError("cursor", "is not one that this service gave")
        raise ProblemError(problems.INVALID, "the cursor cannot be read", errors=(wrong,)) from error
    return before


def moment_of(text: str) -> int | datetime:
    """A sequence, or a time of RFC 3339. Raises ProblemError."""
    try:
        return int(text) if text.isascii() and text.isdecimal() else in_utc(datetime.fromisoformat(text))
    except ValueError as error:
        wrong = FieldError("as_of", "is neither a sequence nor a time of RFC 3339")
        raise ProblemError(problems.INVALID, "as_of cannot be read", errors=(wrong,)) from error


def in_utc(time: datetime) -> datetime:
    """A time without a zone is taken as UTC, which is what every time here is in."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def utc_or_none(time: datetime | None) -> datetime | None:
    """The same for one that may be left out."""
    return None if time is None else in_utc(time)
