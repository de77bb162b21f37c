"""Pages and moments as they stand in a query: read strictly, and refused with the name of the field."""

import re
from datetime import datetime
from typing import Annotated

from fastapi import Query, Request
from pydantic import BeforeValidator, WithJsonSchema

PageCursor = Annotated[
    str | None, Query(pattern=r"^[1-9][0-9]{0,17}$", description="`next` of the page before, opaque")
]

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _rfc_3339(text: object) -> object:
    """Nothing but a whole time with its zone: what else a parser may take for one is a mistake here."""
    if isinstance(text, str) and _RFC_3339.fullmatch(text) is None:
        raise ValueError("is not a time of RFC 3339, such as 2026-01-02T03:04:05Z")
    return text


Time = Annotated[datetime, BeforeValidator(_rfc_3339)]


def _sequence_or_time(text: object) -> object:
    if isinstance(text, str) and re.fullmatch("[0-9]{1,18}", text):
        return int(text)
    return text if isinstance(text, int) else datetime.fromisoformat(str(_rfc_3339(text)))


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
"""A sequence of the log, or a time."""


def next_link(request: Request, following: str | None) -> dict[str, str]:
    """The `Link` field (RFC 8288) to the page that the cursor `following` begins."""
    if following is None:
        return {}
    url = request.url.include_query_params(cursor=following)
    return {"Link": f'<{url.path}?{url.query}>; rel="next"'}


def page_cursor(before: int | None) -> str | None:
    """What a client sends back to go on; None at the end."""
    return None if before is None else str(before)


def page_start(cursor: str | None) -> int | None:
    """Where a page begins; None for the first."""
    return None if cursor is None else int(cursor)
