"""/v1/dead-letters: jobs that lost their executor too often, for operators."""

from fastapi import Request
from starlette.responses import Response

from services.api.http.auth import OperatorOf
from services.api.http.feature import service_of
from services.api.http.json_response import json_answer
from services.api.http.openapi.responses import NO_JOB, DocumentedRouter
from services.api.http.pagination import PageCursor, next_link, page_cursor, page_start
from services.api.http.parameters import JobId, Limit
from services.api.http.request_context import context_of
from services.api.jobs.responses import JobsPage
from services.api.operators import examples
from services.api.operators.dead_letters import DeadLetters
from services.api.operators.responses import Messages
from shared.contract import problems
from shared.contract.view_api import DeadQuestion

router = DocumentedRouter("/v1/dead-letters", tag="operators")


@router.get(
    "",
    summary="List dead letters, newest first",
    responses=router.responses_for(examples.LETTERS, headers=("Link",)),
)
async def list_dead_letters(
    request: Request,
    _: OperatorOf,
    cursor: PageCursor = None,
    limit: Limit = 20,
) -> Response:
    """List everybody's jobs that ended as `executor_lost`; `next` continues the page."""
    page = await service_of(request, DeadLetters).page(DeadQuestion(before=page_start(cursor), limit=limit))
    following = page_cursor(page.before)
    return json_answer(JobsPage(jobs=page.jobs, next=following), headers=next_link(request, following))


@router.get(
    "/messages",
    summary="List messages that are not delivered any more",
    responses=router.responses_for(examples.MESSAGES),
)
async def list_dead_messages(request: Request, _: OperatorOf) -> Response:
    """List what JetStream told of the last hundred, oldest first: poison, which no version can decode."""
    return json_answer(Messages(messages=[one async for one in service_of(request, DeadLetters).messages()]))


@router.get(
    "/{job_id}",
    summary="Read a dead letter",
    responses=router.responses_for(
        examples.DEAD,
        refusals=NO_JOB,
    ),
)
async def read_dead_letter(job_id: JobId, request: Request, _: OperatorOf) -> Response:
    """Tell what became of the job, with what it left."""
    return json_answer(await service_of(request, DeadLetters).find(job_id))


@router.post(
    "/{job_id}/retry",
    status_code=202,
    summary="Retry a dead letter",
    responses=router.responses_for(
        examples.RETRIED,
        status=202,
        headers=("Idempotency-Replayed",),
        refusals=(*NO_JOB, problems.NOT_DEAD),
    ),
)
async def retry_dead_letter(job_id: JobId, request: Request, caller: OperatorOf) -> Response:
    """Submit the same program again for its user, once."""
    job, replayed = await service_of(request, DeadLetters).retry(job_id, caller, context_of(request))
    headers = {"Idempotency-Replayed": "true"} if replayed else {}
    return json_answer(job, status=202, headers=headers)
