"""How an accepted program is answered: with its job, or with its end if the client waits for that."""

from starlette.requests import Request
from starlette.responses import Response

from services.api.dependencies import ApiDependencies
from services.api.http.conditional_requests import tag_of
from services.api.http.json_response import json_answer
from services.api.jobs.submit import Submitted
from services.api.jobs.wait import wait_of
from shared.auth import Caller


async def answer_accepted(
    submitted: Submitted, caller: Caller, parts: ApiDependencies, prefer: str | None, request: Request
) -> Response:
    """202 with the job as it stands, 200 if it ended during the wait that the client prefers."""
    job = submitted.job
    headers = {"Location": f"/v1/jobs/{job.job_id}"}
    if submitted.replayed:
        headers["Idempotency-Replayed"] = "true"
    is_awaited = wait_of(prefer) is not None
    if is_awaited:
        waited = await parts.waiting.finished(caller, job.job_id, prefer, request)
        job = waited.job
        headers |= waited.headers
    headers["ETag"] = tag_of(job.last_sequence)
    status = 200 if is_awaited and job.is_finished else 202
    return json_answer(await parts.outlook.of(job, caller), status=status, headers=headers)
