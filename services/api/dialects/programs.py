"""Submits and reads jobs for dialects: what each of them needs of the api's objects, in the same few steps.

A dialect sets its own labels, whose names clients cannot use (`shared.dialects.names.label_of`).
"""

import hashlib
from collections.abc import Mapping

import msgspec
from starlette.requests import Request

from services.api.dependencies import ApiDependencies
from services.api.dialects.errors import invalid_field
from services.api.http.request_context import context_of
from services.api.jobs.fast_route import KEY_MAX
from services.api.jobs.new_job import NewJob
from services.api.jobs.submit import Submitted
from services.api.jobs.wait import disconnect_of
from services.api.settings import ApiSettings
from shared.auth import Caller
from shared.dialects.names import label_of
from shared.domain.events import JobQueued, SourceFile
from shared.domain.record import JobRecord

MS_PER_S = 1_000


def new_job(
    settings: ApiSettings,
    code: str,
    language: str = "python",
    *,
    timeout_s: float | None = None,
    ttl_s: int | None = None,
    stdin: str = "",
    labels: Mapping[str, str] | None = None,
    timeout_field: str = "timeout_seconds",
) -> NewJob:
    """A program of one file. `timeout_s` is both its wall time and its processor time.

    `labels` are the dialect's own, without the reserved prefix. `ttl_s` is at most the retention.
    Raises ProblemError (422) for a time limit beyond `HEADRACE_WALL_MS_MAX`.
    """
    limits = {} if timeout_s is None else _time_limits(settings, timeout_s, timeout_field)
    own = {label_of(name): value for name, value in (labels or {}).items()}
    described = [language, code, stdin, limits, own, ttl_s]
    return NewJob(
        language=language,
        fingerprint=hashlib.sha256(msgspec.json.encode(described)).hexdigest(),
        code=code,
        stdin=SourceFile(name="stdin", content=stdin) if stdin else None,
        limits=limits,
        labels=own,
        ttl_s=None if ttl_s is None else min(ttl_s, settings.ttl_s_max),
    )


async def submit(deps: ApiDependencies, request: Request, caller: Caller, new: NewJob) -> Submitted:
    """Store the job, with the request's Idempotency-Key if it has one. Raises ProblemError."""
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= KEY_MAX:
        raise invalid_field("Idempotency-Key", f"has 1 to {KEY_MAX} characters")
    return await deps.submissions.submit(new, caller, context_of(request), key)


async def find_job(deps: ApiDependencies, caller: Caller, job_id: str) -> JobRecord:
    """The caller's job. Raises ProblemError, which the door answers with one 404, whatever is missing."""
    return await deps.queries.job(caller.user_id, job_id)


async def find_program(deps: ApiDependencies, caller: Caller, job_id: str) -> tuple[JobRecord, JobQueued]:
    """The caller's job and its first event, which has its program. Raises ProblemError as `find_job` does."""
    return await deps.queries.job_and_program(caller.user_id, job_id)


async def wait_for_end(
    deps: ApiDependencies, request: Request, caller: Caller, job_id: str, wait_s: float
) -> JobRecord:
    """The job once it has ended, or as it stands when the wait is over. Raises ProblemError.

    The wait is over after `wait_s` or `HEADRACE_WAIT_S_MAX`, when the client leaves, and at once if the user
    has too many waits. The body must have been read.
    """
    waited = await deps.waiter.wait_until_finished(caller, job_id, wait_s, disconnect_of(request))
    return waited.job


def _time_limits(settings: ApiSettings, timeout_s: float, field: str) -> dict[str, int]:
    wall_ms = max(1, round(timeout_s * MS_PER_S))
    if wall_ms > settings.wall_ms_max:
        message = f"at most {settings.wall_ms_max / MS_PER_S:g} is allowed"
        raise invalid_field(field, message, "less_than_equal")
    return {"wall_ms": wall_ms, "cpu_ms": min(wall_ms, settings.cpu_ms_max)}
