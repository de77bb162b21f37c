"""/v1/events: the audit of everything that happened to the caller's jobs, or to everybody's."""

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import StreamingResponse

from services.api.context import CallerOf
from services.api.openapi import told
from services.api.paging import Time
from services.api.parts import parts_of
from shared import problems
from shared.codec import EventObject
from shared.problems import ProblemError
from shared.tokens import SCOPE_AUDIT

router = APIRouter(prefix="/v1/events", tags=["audit"])

NDJSON = "application/x-ndjson"


@router.get(
    "",
    summary="Read the audit log",
    response_class=StreamingResponse,
    responses=told(EventObject, media_type=NDJSON, headers=("Headrace-Retention",)),
)
async def read_events(
    request: Request,
    caller: CallerOf,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="a sequence")] = 0,
    stored_from: Annotated[Time | None, Query(alias="from")] = None,
    stored_to: Annotated[Time | None, Query(alias="to")] = None,
    kind: Annotated[str | None, Query(alias="type", max_length=64)] = None,
    everyone: Annotated[bool, Query(alias="all", description="needs the scope audit:all")] = False,
) -> StreamingResponse:
    """Stream the events that are stored now, in log order, one JSON object a line.

    A job's events leave together: `Headrace-Retention` tells when.
    """
    if everyone and SCOPE_AUDIT not in caller.scopes:
        raise ProblemError(problems.FORBIDDEN, f"the token lacks the scope {SCOPE_AUDIT!r}")
    parts = parts_of(request)
    events = parts.queries.audit(
        None if everyone else caller.user_id,
        after=after,
        kind=kind,
        stored_from=stored_from,
        stored_to=stored_to,
    )
    headers = {"Headrace-Retention": parts.erasures.retention}
    return StreamingResponse(_lines(events), media_type=NDJSON, headers=headers)


async def _lines(events: AsyncIterator[EventObject]) -> AsyncIterator[bytes]:
    async for event in events:
        yield msgspec.json.encode(event) + b"\n"
