"""/v1/events: the audit of all events of the caller's jobs, or of all users' jobs.

A failure in the middle truncates the body without its last chunk, so every HTTP client detects it; the body
never ends early as if complete.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated

import msgspec
from fastapi import Query, Request
from pydantic import StringConstraints
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from services.api.audit import examples
from services.api.audit.event_reader import Audit, EventFilter, LogReader
from services.api.http.auth import AnyCallerOf, require_scope
from services.api.http.feature import service_of
from services.api.http.openapi.responses import DocumentedRouter
from services.api.http.pagination import Time
from services.api.operators.erasures import Erasures
from shared.auth import SCOPE_AUDIT, SCOPE_JOBS, Caller
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.contract.subjects import USER_BYTES_MAX
from shared.jetstream.errors import BrokerError
from shared.observability.logs import get_logger

logger = get_logger(__name__)
router = DocumentedRouter("/v1/events", tag="audit")

NDJSON = "application/x-ndjson"
CHUNK_BYTES = 65_536
STALLED_S = 20.0
"""Longest time (s) that a client may take for one chunk. The kernel drops a client that reads nothing sooner
(TCP_USER_TIMEOUT, `shared.service.http_server.server.listen`)."""
TYPES_MAX = 16

EventType = Annotated[
    str, StringConstraints(pattern=r"^([a-z_]{1,32}|job\.[a-z_]{1,32}\.v[0-9]{1,3})$", max_length=64)
]


@router.get(
    "",
    summary="Read the audit log",
    response_class=StreamingResponse,
    responses=router.responses_for(
        examples.EVENT,
        media_type=NDJSON,
        headers=("Headrace-Retention",),
        refusals=(problems.TOO_MANY_READERS,),
    ),
)
async def read_events(
    request: Request,
    caller: AnyCallerOf,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="a sequence: events behind it")] = 0,
    stored_from: Annotated[
        Time | None, Query(alias="from", description="stored at this time or later")
    ] = None,
    stored_to: Annotated[Time | None, Query(alias="to", description="stored before this time")] = None,
    types: Annotated[
        list[EventType] | None,
        Query(alias="type", max_length=TYPES_MAX, description="such as `failed` or `job.failed.v1`"),
    ] = None,
    job_id: Annotated[
        str | None,
        Query(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="of this job only"),
    ] = None,
    everyone: Annotated[bool, Query(alias="all", description="needs the scope audit:all")] = False,
    user_id: Annotated[
        str | None, Query(alias="user", min_length=1, description="another needs the scope audit:all")
    ] = None,
) -> StreamingResponse:
    """Stream the events that are stored now, in log order, one JSON object a line.

    A body that ends without its last chunk is not whole: go on with `after`, the last `seq` that came.
    A job's events leave together: `Headrace-Retention` tells when.
    """
    wanted = None if everyone else _whose(caller, user_id)
    if SCOPE_AUDIT not in caller.scopes:
        require_scope(caller, SCOPE_JOBS if wanted == caller.user_id else SCOPE_AUDIT)
    event_filter = EventFilter(
        user_id=wanted,
        job_id=job_id,
        types=frozenset(types or ()),
        after=after,
        stored_from=stored_from,
        stored_to=stored_to,
    )
    headers = {"Headrace-Retention": service_of(request, Erasures).retention}
    return NdjsonResponse(await service_of(request, Audit).open(event_filter, caller.user_id), headers)


def _whose(caller: Caller, user_id: str | None) -> str:
    """The user to read for. Raises ProblemError for an invalid user id."""
    if user_id is None:
        return caller.user_id
    if not 0 < len(user_id.encode("utf-8", "surrogatepass")) <= USER_BYTES_MAX:
        raise ProblemError(problems.INVALID, f"user: has 1 to {USER_BYTES_MAX} bytes")
    return user_id


class NdjsonResponse(StreamingResponse):
    """Response that streams a reader, and closes it in every case."""

    def __init__(self, reading: LogReader, headers: Mapping[str, str]) -> None:
        self._reading = reading
        self._chunks = _chunks(reading)
        super().__init__(self._chunks, media_type=NDJSON, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._reading.close()

    async def stream_response(self, send: Send) -> None:
        """Send the chunks. On a failure the last message is omitted, so the client sees a truncated body."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async with aclosing(self._chunks) as chunks:
                async for chunk in chunks:
                    async with asyncio.timeout(STALLED_S):
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except TimeoutError:
            logger.info("audit_dropped", why=f"the client took nothing for {STALLED_S:.0f} s")
        except BrokerError as error:
            logger.warning("audit_broken", why=str(error))
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _chunks(reading: LogReader) -> AsyncGenerator[bytes, None]:
    """Chunks of whole lines; yields to other requests in between."""
    encoder = msgspec.json.Encoder()
    async with aclosing(reading.events()) as batches:
        async for batch in batches:
            chunk = bytearray()
            for event in batch:
                encoder.encode_into(event, chunk, len(chunk))
                chunk += b"\n"
                if len(chunk) >= CHUNK_BYTES:
                    yield bytes(chunk)
                    chunk.clear()
                    await asyncio.sleep(0)
            if chunk:
                yield bytes(chunk)
