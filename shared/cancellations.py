"""Stopping a job on its user's request: at once while it is queued, by asking its executor otherwise.

Clients may ask over HTTP and over their socket, so the api and the notifier decide with this one module.
"""

from dataclasses import dataclass
from typing import TypeAlias

from shared.job import Ignore, Moment, Refuse, decide_cancel
from shared.log import Appended, Log


@dataclass(frozen=True, slots=True)
class Requested:
    """The request is in the log, from this call or an earlier one."""


CancelOutcome: TypeAlias = Requested | Refuse


class Cancellations:
    """Decides on requests to stop a job."""

    def __init__(self, log: Log, *, patience_s: float) -> None:
        """Append to `log`, waiting at most `patience_s` for it."""
        self._log = log
        self._patience_s = patience_s

    async def cancel(self, user_id: str, job_id: str, moment: Moment) -> CancelOutcome:
        """Record the request, if there is still something to stop.

        Raises BrokerError; the request may then be recorded all the same, and asking again is harmless.
        """
        at_least: int | None = None
        while True:
            history = await self._log.read_job(user_id, job_id, at_least=at_least)
            decision = decide_cancel(history.state, user_id, moment)
            if isinstance(decision, Ignore):
                return Requested()
            if isinstance(decision, Refuse):
                return decision
            result = await self._log.append(
                decision.event, expected=history.last_sequence, patience_s=self._patience_s
            )
            if isinstance(result, Appended):
                return Requested()
            # The job moved on while this was decided: decide again on what it is now.
            at_least = result.last_sequence
