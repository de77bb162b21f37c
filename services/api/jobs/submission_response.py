"""Response to an accepted submission: the job's state, or its end if the client waits for it."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from services.api.http.conditional_requests import tag_of
from services.api.http.feature import service_of
from services.api.http.json_response import json_answer
from services.api.http.openapi.responses import DocumentedRouter, Json
from services.api.jobs.examples import ENDED_MEANWHILE
from services.api.jobs.submit import Submitted
from services.api.jobs.wait import JobWaiter, disconnect_of
from services.api.jobs.waiting_reason import Outlook
from shared.auth import Caller
from shared.contract import problems
from shared.contract.problems import ProblemType

HEADERS = ("Location", "ETag", "Idempotency-Replayed", "Preference-Applied")
LINKS = (
    *("read_job", "read_job_events", "cancel_job", "list_artifacts"),
    *("send_input", "read_input", "resize_terminal", "send_signal"),
)
REFUSALS = (
    problems.UNKNOWN_LANGUAGE,
    problems.EXPIRED,
    problems.TOO_MANY_JOBS,
    problems.OVERLOADED,
    problems.STORAGE_FULL,
    # Of files that the submission names.
    problems.UNKNOWN_FILE,
    problems.UNKNOWN_JOB,
    problems.UNKNOWN_ARTIFACT,
    problems.NOT_FINISHED,
)


def accepted_responses(
    router: DocumentedRouter, example: object, *, refusals: Sequence[ProblemType]
) -> dict[int | str, Json]:
    """The `responses` of a route that ends in `answer_accepted`; `refusals` come before those of any job."""
    return router.responses_for(
        example,
        status=202,
        headers=HEADERS,
        links=LINKS,
        also=ENDED_MEANWHILE,
        refusals=(*refusals, *REFUSALS),
    )


async def answer_accepted(
    submitted: Submitted, caller: Caller, request: Request, wait_s: float | None
) -> Response:
    """202 with the job's current state; 200 if it ended during the preferred wait."""
    job = submitted.job
    headers = {"Location": f"/v1/jobs/{job.job_id}"}
    if submitted.replayed:
        headers["Idempotency-Replayed"] = "true"
    if wait_s is not None:
        waiter = service_of(request, JobWaiter)
        waited = await waiter.wait_until_finished(caller, job.job_id, wait_s, disconnect_of(request))
        job = waited.job
        headers |= waited.headers
    headers["ETag"] = tag_of(job.last_sequence)
    status = 200 if wait_s is not None and job.is_finished else 202
    content = await service_of(request, Outlook).of(job, caller)
    return json_answer(content, status=status, headers=headers)
