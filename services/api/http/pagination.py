"""Query parameters for pages and times: parsed strictly; errors name the field."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query, Request
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

PageCursor = Annotated[
    str | None, Query(pattern=r"^[1-9][0-9]{0,17}$", description="`next` of the page before, opaque")
]

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _rfc_3339(text: object) -> object:
    """Accept only a full RFC 3339 time with its zone; the parser alone would accept other forms."""
    if isinstance(text, str) and _RFC_3339.fullmatch(text) is None:
        raise ValueError("is not a time of RFC 3339, such as 2026-01-02T03:04:05Z")
    return text


def _within_the_log(moment: datetime) -> datetime:
    """The time in UTC, clamped to a range that is safe to calculate with; all events lie within it.

    Times at the edges of the calendar cannot be converted to UTC, and arithmetic on them overflows.
    """
    naive, zone = moment.replace(tzinfo=None), moment.utcoffset() or timedelta()
    if naive - EARLIEST.replace(tzinfo=None) < zone:
        return EARLIEST
    return LATEST if LATEST.replace(tzinfo=None) - naive < -zone else moment.astimezone(UTC)


Time = Annotated[datetime, BeforeValidator(_rfc_3339), AfterValidator(_within_the_log)]


def _sequence_or_time(text: object) -> object:
    if isinstance(text, str) and re.fullmatch("[0-9]{1,18}", text, re.ASCII):
        return int(text)
    if isinstance(text, int):
        return text
    return _within_the_log(datetime.fromisoformat(str(_rfc_3339(text))))


AsOf = Annotated[
    int | datetime,
    BeforeValidator(_sequence_or_time),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
                {"type": "string", "format": "date-time"},
            ]
        }
    ),
]
"""A sequence of the log, or a time (RFC 3339)."""


def next_link(request: Request, following: str | None) -> dict[str, str]:
    """The `Link` field (RFC 8288) to the page that starts at the cursor `following`."""
    if following is None:
        return {}
    url = request.url.include_query_params(cursor=following)
    return {"Link": f'<{url.path}?{url.query}>; rel="next"'}


def page_cursor(before: int | None) -> str | None:
    """The cursor of the next page; None at the end."""
    return None if before is None else str(before)


def page_start(cursor: str | None) -> int | None:
    """The start of the page of a cursor; None for the first page."""
    return None if cursor is None else int(cursor)
