"""What is answered instead of a stream: problem+json with a status of its own."""

from starlette.responses import Response

from services.notifier.events.outcomes import Refused
from services.notifier.problems import answer_problem
from shared.contract import problems
from shared.contract.problems import ProblemError, ProblemType

RETRY_AFTER = {"Retry-After": "2"}

_BY_REASON: dict[str, ProblemType] = {
    "unknown_job": problems.UNKNOWN_JOB,
    "bad_cursor": problems.BAD_CURSOR,
    "unavailable": problems.UNAVAILABLE,
}


def too_many(why: str) -> ProblemError:
    """There is no place for this connection now."""
    return ProblemError(problems.TOO_MANY_CONNECTIONS, why, headers=RETRY_AFTER)


def restarting() -> ProblemError:
    """Another replica, or the next process, will answer."""
    return ProblemError(problems.UNAVAILABLE, "the notifier is restarting", headers=RETRY_AFTER)


def answer_refusal(refused: Refused) -> Response:
    """Why the subscription cannot be shown, as the answer to a request."""
    headers = RETRY_AFTER if refused.is_temporary else {}
    return answer_problem(ProblemError(_BY_REASON[refused.reason], refused.detail, headers=headers))
