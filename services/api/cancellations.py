"""Stopping a job on its user's request: at once while it is queued, by asking its executor otherwise."""

from services.api.queries import expired_job, unknown_job
from shared import problems
from shared.job import Ignore, Moment, Refuse, decide_cancel
from shared.log import Appended, Log
from shared.problems import ProblemError
from shared.tokens import Caller


class Cancellations:
    """Decides on requests to stop a job."""

    def __init__(self, log: Log, *, patience_s: float) -> None:
        """Append to `log`, waiting at most `patience_s` for it."""
        self._log = log
        self._patience_s = patience_s

    async def cancel(self, job_id: str, caller: Caller, moment: Moment) -> None:
        """Record the request, if there is still something to stop. Raises ProblemError."""
        at_least = 0
        while True:
            history = await self._log.read_job(caller.user_id, job_id, at_least=at_least)
            decision = decide_cancel(history.state, caller.user_id, moment)
            if isinstance(decision, Ignore):
                return
            if isinstance(decision, Refuse):
                raise _refusal(decision)
            result = await self._log.append(
                decision.event, expected=history.last_sequence, patience_s=self._patience_s
            )
            if isinstance(result, Appended):
                return
            # The job moved on while this was decided: decide again on what it is now.
            at_least = result.last_sequence


def _refusal(decision: Refuse) -> ProblemError:
    if decision.why == "unknown_job":
        return unknown_job()
    if decision.why == "expired":
        return expired_job()
    return ProblemError(problems.ALREADY_FINISHED, "there is nothing left to cancel")
