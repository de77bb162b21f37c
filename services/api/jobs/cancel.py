"""Cancels a job for the HTTP routes, and turns refusals into problems; `Cancellations` decides."""

from typing import assert_never

from services.api.http.conditional_requests import precondition_failed
from services.api.jobs.queries import check_job_id, expired_job, unknown_job
from shared.auth import Caller
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.domain.decisions import CommandContext, Refuse
from shared.domain.record import JobRecord
from shared.jetstream.cancel import Cancellations, CancelOutcome, Requested, Stale


async def request_cancel(
    cancellations: Cancellations, job_id: str, caller: Caller, moment: CommandContext, *, expected: int | None
) -> JobRecord:
    """Append the cancellation, unless the job has ended, and only after the event `expected`.

    Returns the job as it stands with it.

    Raises ProblemError.
    """
    check_job_id(job_id)
    outcome: CancelOutcome | Stale
    if expected is None:
        outcome = await cancellations.cancel(caller.user_id, job_id, moment)
    else:
        outcome = await cancellations.cancel_if(caller.user_id, job_id, moment, expected=expected)
    match outcome:
        case Refuse():
            raise _refusal(outcome)
        case Stale(last_sequence):
            raise precondition_failed("the job", last_sequence)
        case Requested(job):
            return job
    assert_never(outcome)


def _refusal(refuse: Refuse) -> ProblemError:
    if refuse.why == "unknown_job":
        return unknown_job()
    if refuse.why == "expired":
        return expired_job()
    return ProblemError(problems.ALREADY_FINISHED, "there is nothing left to cancel")
