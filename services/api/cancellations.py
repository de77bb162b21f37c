"""What a refused request to stop a job tells its caller; the decision itself is shared."""

from services.api.queries import expired_job, unknown_job
from shared import problems
from shared.cancellations import Cancellations
from shared.job import Moment, Refuse
from shared.problems import ProblemError
from shared.tokens import Caller


async def request_cancel(cancellations: Cancellations, job_id: str, caller: Caller, moment: Moment) -> None:
    """Record the request, if there is still something to stop. Raises ProblemError."""
    outcome = await cancellations.cancel(caller.user_id, job_id, moment)
    if isinstance(outcome, Refuse):
        raise _refusal(outcome)


def _refusal(refuse: Refuse) -> ProblemError:
    if refuse.why == "unknown_job":
        return unknown_job()
    if decision.why == "expired":
        return expired_job()
    return ProblemError(problems.ALREADY_FINISHED, "there is nothing left to cancel")
