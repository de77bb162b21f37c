"""/v1/jobs: submit, list, read, cancel, and the history of one."""

from typing import Annotated

from fastapi import Body, Header, Query, Request
from starlette.responses import Response

from services.api.http.auth import JobsCaller
from services.api.http.conditional_requests import (
    IfMatch,
    IfNoneMatch,
    expected_sequence,
    is_unchanged,
    tag_of,
)
from services.api.http.feature import service_of
from services.api.http.json_response import json_answer
from services.api.http.openapi.example_values import requests
from services.api.http.openapi.responses import (
    NO_JOB,
    NOT_MODIFIED,
    DocumentedRouter,
)
from services.api.http.pagination import AsOf, PageCursor, Time, next_link, page_cursor, page_start
from services.api.http.parameters import JobId, Limit
from services.api.http.request_context import context_of
from services.api.jobs import examples
from services.api.jobs.batch import submit_all
from services.api.jobs.cancel import request_cancel
from services.api.jobs.fast_route import KEY_MAX, SubmissionRoute
from services.api.jobs.queries import Queries
from services.api.jobs.responses import Batch, JobEvents, JobsPage
from services.api.jobs.schemas import BatchBody, SubmissionBody
from services.api.jobs.submission_response import accepted_responses, answer_accepted
from services.api.jobs.submit import Submissions
from services.api.jobs.wait import JobWaiter, Prefer, disconnect_of, wait_of
from services.api.jobs.waiting_reason import Outlook
from shared.contract import problems
from shared.contract.view_api import JobsQuestion
from shared.domain.job import Status
from shared.jetstream.cancel import Cancellations

submitting = DocumentedRouter("/v1/jobs", tag="jobs", route_class=SubmissionRoute)
router = DocumentedRouter("/v1/jobs", tag="jobs")

SUBMISSIONS = requests(examples.SUBMISSION, examples.SEVERAL_FILES)
BATCHES = requests(examples.BATCH_BODY)
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_MAX,
        description="Words of your own: the same again with the same body is the same job.",
    ),
]


@submitting.post(
    "",
    status_code=202,
    summary="Submit a program",
    responses=accepted_responses(submitting, examples.QUEUED, refusals=(problems.INVALID,)),
)
async def submit_job(
    body: Annotated[SubmissionBody, Body(openapi_examples=SUBMISSIONS)],
    request: Request,
    caller: JobsCaller,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Response:
    """Accept a program: it is stored, and will reach exactly one terminal event."""
    submitted = await service_of(request, Submissions).submit(
        body.to_new_job(), caller, context_of(request), idempotency_key
    )
    return await answer_accepted(submitted, caller, request, wait_of(prefer))


@router.post("/batch", summary="Submit several programs", responses=router.responses_for(examples.BATCH))
async def submit_batch(
    body: Annotated[BatchBody, Body(openapi_examples=BATCHES)],
    request: Request,
    caller: JobsCaller,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Accept or refuse each by itself, in order. A key stands for the batch: the same body, the same jobs."""
    submissions = service_of(request, Submissions)
    items = await submit_all(submissions, body.jobs, caller, context_of(request), idempotency_key)
    return json_answer(Batch(jobs=items))


@router.get(
    "",
    summary="List your jobs, newest first",
    responses=router.responses_for(examples.JOBS, headers=("Link",)),
)
async def list_jobs(
    request: Request,
    caller: JobsCaller,
    status: Annotated[Status | None, Query(description="exactly this")] = None,
    language: Annotated[str | None, Query(max_length=64, description="exactly this")] = None,
    session: Annotated[str | None, Query(max_length=64, description="runs of this session")] = None,
    label: Annotated[
        str | None, Query(max_length=320, pattern=r"^[^=]+=.*$", description="name=value")
    ] = None,
    created_from: Annotated[Time | None, Query(description="accepted at this time or later")] = None,
    created_to: Annotated[Time | None, Query(description="accepted before this time")] = None,
    cursor: PageCursor = None,
    limit: Limit = 20,
) -> Response:
    """List a page of the caller's jobs, without their output; `next` continues it."""
    name, _, value = (label or "").partition("=")
    question = JobsQuestion(
        user_id=caller.user_id,
        status=status,
        language=language,
        session=session,
        label=(name, value) if label else None,
        created_from=created_from,
        created_to=created_to,
        before=page_start(cursor),
        limit=limit,
    )
    page = await service_of(request, Queries).jobs(question)
    following = page_cursor(page.before)
    return json_answer(JobsPage(jobs=page.jobs, next=following), headers=next_link(request, following))


@router.get(
    "/{job_id}",
    summary="Read one job",
    responses=router.responses_for(
        examples.COMPLETED,
        headers=("ETag", "Preference-Applied"),
        also=NOT_MODIFIED,
        refusals=NO_JOB,
    ),
)
async def read_job(
    job_id: JobId,
    request: Request,
    caller: JobsCaller,
    as_of: Annotated[AsOf | None, Query(description="a sequence of the log, or a time")] = None,
    if_none_match: IfNoneMatch = None,
    prefer: Prefer = None,
) -> Response:
    """Tell how the job stands, or stood, with its result if it has one."""
    if as_of is not None:
        return json_answer(await service_of(request, Queries).job_as_of(caller.user_id, job_id, as_of))
    waited = await service_of(request, JobWaiter).wait_until_finished(
        caller, job_id, wait_of(prefer), disconnect_of(request)
    )
    headers = {"ETag": tag_of(waited.job.last_sequence), **waited.headers}
    if is_unchanged(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return json_answer(await service_of(request, Outlook).of(waited.job, caller), headers=headers)


@router.post(
    "/{job_id}/cancel",
    status_code=202,
    summary="Cancel one job",
    responses=router.responses_for(
        examples.CANCELLING,
        status=202,
        headers=("ETag",),
        refusals=(
            *NO_JOB,
            problems.ALREADY_FINISHED,
            problems.PRECONDITION_FAILED,
        ),
    ),
)
async def cancel_job(
    job_id: JobId, request: Request, caller: JobsCaller, if_match: IfMatch = None
) -> Response:
    """Stop the job: at once while it is queued, as soon as its executor hears of it otherwise.

    With `If-Match` only if nothing has happened to it since it had that entity tag.
    """
    moment = context_of(request).moment()
    expected = expected_sequence(if_match)
    job = await request_cancel(service_of(request, Cancellations), job_id, caller, moment, expected=expected)
    content = await service_of(request, Outlook).of(job, caller)
    return json_answer(content, status=202, headers={"ETag": tag_of(job.last_sequence)})


@router.get(
    "/{job_id}/events",
    summary="Read one job's history",
    responses=router.responses_for(
        examples.EVENTS,
        refusals=NO_JOB,
    ),
)
async def read_job_events(job_id: JobId, request: Request, caller: JobsCaller) -> Response:
    """List the job's events exactly as stored, with their sequence and the log's time."""
    return json_answer(
        JobEvents(events=await service_of(request, Queries).job_events(caller.user_id, job_id))
    )
