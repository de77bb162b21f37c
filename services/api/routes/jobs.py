"""/v1/jobs: submit, list, read, cancel, and the history of one."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from services.api.cancellations import cancel_job
from services.api.context import CallerOf, ContextOf
from services.api.parts import parts_of
from services.api.queries import check_job_id
from services.api.schemas import SubmissionBody
from shared import problems
from shared.job import Moment, Status
from shared.problems import FieldError, ProblemError
from shared.view import PAGE_MAX, JobsQuestion

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255)]

Label = Annotated[str | None, Query(max_length=320, pattern=r"^[^=]+=.*$", description="name=value")]


@router.post("", status_code=202, summary="Submit a program")
async def submit(
    body: SubmissionBody,
    request: Request,
    caller: CallerOf,
    context: ContextOf,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Accept a program: it is stored, and will reach exactly one terminal event."""
    submitted = await parts_of(request).submissions.submit(body, caller, context, idempotency_key)
    headers = {"Location": f"/v1/jobs/{submitted.job.job_id}"}
    if submitted.replayed:
        headers["Idempotency-Replayed"] = "true"
    return _json(submitted.job, status=202, headers=headers)


@router.get("", summary="List your jobs, newest first")
async def list_jobs(
    request: Request,
    caller: CallerOf,
    status: Status | None = None,
    language: Annotated[str | None, Query(max_length=64)] = None,
    label: Annotated[
        str | None, Query(max_length=320, pattern=r"^[^=]+=.*$", description="name=value")
    ] = None,
    created_from: datetime | None = None,
    created_to: datetime | None = None,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 20,
) -> Response:
    """List a page of the caller's jobs, without their output; `next` continues it."""
    name, _, value = (label or "").partition("=")
    question = JobsQuestion(
        user_id=caller.user_id,
        status=status,
        language=language,
        label=(name, value) if label else None,
        created_from=_utc(created_from),
        created_to=_utc(created_to),
        before=_page_start(cursor),
        limit=limit,
    )
    page = await parts_of(request).queries.jobs(question)
    following = None if page.before is None else _page_cursor(page.before)
    headers = {}
    if following is not None:
        url = request.url.include_query_params(cursor=following)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return _json({"jobs": page.jobs, "next": following}, headers=headers)


@router.get("/{job_id}", summary="Read one job")
async def read_job(job_id: str, request: Request, caller: CallerOf) -> Response:
    """Tell how the job stands, with its result if it has one."""
    check_job_id(job_id)
    job = await parts_of(request).queries.job(caller.user_id, job_id)
    return _json(job, headers={"ETag": f'"{job.last_sequence}"'})


@router.post("/{job_id}/cancel", status_code=202, summary="Cancel one job")
async def cancel(job_id: str, request: Request, caller: CallerOf, context: ContextOf) -> Response:
    """Stop the job: at once while it is queued, as soon as its executor hears of it otherwise."""
    check_job_id(job_id)
    parts = parts_of(request)
    moment = Moment(datetime.now(UTC), context.request_id, context.trace)
    await cancel_job(parts.cancellations, job_id, caller, moment)
    return _json(await parts.queries.job(caller.user_id, job_id), status=202)


@router.get("/{job_id}/events", summary="Read one job's history")
async def read_events(job_id: str, request: Request, caller: CallerOf) -> Response:
    """List the job's events exactly as stored, with their sequence and the log's time."""
    check_job_id(job_id)
    return _json({"events": await parts_of(request).queries.job_events(caller.user_id, job_id)})


def _utc(time: datetime | None) -> datetime | None:
    """A time without a zone is taken as UTC, which is what every time here is in."""
    return time if time is None or time.tzinfo else time.replace(tzinfo=UTC)


def _page_cursor(before: int) -> str:
    return base64.urlsafe_b64encode(str(before).encode()).decode().rstrip("=")


def _page_start(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    try:
        before = int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not 0 < before < 2**63:
            raise ValueError(before)
    except (ValueError, binascii.Error) as error:
        wrong = FieldError("cursor", "is not one that this service gave")
        raise ProblemError(problems.INVALID, "the cursor cannot be read", errors=(wrong,)) from error
    return before


def _json(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:  # noqa: ANN401 - whatever msgspec can encode
    return Response(
        msgspec.json.encode(body), status_code=status, headers=headers, media_type="application/json"
    )
