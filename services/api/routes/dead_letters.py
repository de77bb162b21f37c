"""/v1/dead-letters: jobs whose executor was lost too often, for operators."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from services.api.answers import json_answer
from services.api.context import CallerOf, ContextOf
from services.api.openapi import told
from services.api.paging import PageCursor, page_cursor, page_start
from services.api.parts import parts_of
from services.api.shapes import JobsPage, Messages
from shared import problems
from shared.problems import ProblemError
from shared.record import JobRecord
from shared.tokens import SCOPE_OPS
from shared.view import PAGE_MAX, DeadQuestion


async def operator(caller: CallerOf) -> None:
    """Raises ProblemError (403) for anybody else."""
    if SCOPE_OPS not in caller.scopes:
        raise ProblemError(problems.FORBIDDEN, f"the token lacks the scope {SCOPE_OPS!r}")


router = APIRouter(prefix="/v1/dead-letters", tags=["operators"], dependencies=[Depends(operator)])


@router.get("", summary="List dead letters, newest first", responses=told(JobsPage))
async def list_dead_letters(
    request: Request,
    cursor: PageCursor = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 20,
) -> Response:
    """List everybody's jobs that ended as `executor_lost`; `next` continues the page."""
    page = await parts_of(request).dead_letters.page(DeadQuestion(before=page_start(cursor), limit=limit))
    return json_answer(JobsPage(jobs=page.jobs, next=page_cursor(page.before)))


@router.get("/messages", summary="List messages that are not delivered any more", responses=told(Messages))
async def list_dead_messages(request: Request) -> Response:
    """List what JetStream told of the last hundred, oldest first: poison, which no version can decode."""
    return json_answer(Messages(messages=[one async for one in parts_of(request).dead_letters.messages()]))


@router.get(
    "/{job_id}",
    summary="Read a dead letter",
    responses=told(
        JobRecord,
        refusals=(
            problems.UNKNOWN_JOB,
            problems.EXPIRED,
        ),
    ),
)
async def read_dead_letter(job_id: str, request: Request) -> Response:
    """Tell what became of the job, with what it left."""
    return json_answer(await parts_of(request).dead_letters.find(job_id))


@router.post(
    "/{job_id}/retry",
    status_code=202,
    summary="Retry a dead letter",
    responses=told(
        JobRecord,
        status=202,
        headers=("Idempotency-Replayed",),
        refusals=(problems.UNKNOWN_JOB, problems.EXPIRED, problems.NOT_DEAD),
    ),
)
async def retry_dead_letter(job_id: str, request: Request, caller: CallerOf, context: ContextOf) -> Response:
    """Submit the same program again for its user, once."""
    job, replayed = await parts_of(request).dead_letters.retry(job_id, caller, context)
    headers = {"Idempotency-Replayed": "true"} if replayed else {}
    return json_answer(job, status=202, headers=headers)
