"""Stopping a job on its user's request: at once while it is queued, by asking its executor otherwise.

Clients may ask over HTTP and over their socket, so the api and the notifier decide with this one module.
"""

from dataclasses import dataclass
from typing import TypeAlias

from shared.domain.job import Ignore, Moment, Refuse, decide_cancel
from shared.jetstream.event_log import Appended, Log


@dataclass(frozen=True, slots=True)
class Requested:
    """The request is in the log, from this call or an earlier one."""


@dataclass(frozen=True, slots=True)
class Stale:
    """The job is not as the caller saw it any more, and nothing was written; `last_sequence` is its last."""

    last_sequence: int


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
        outcome = await self._cancel(user_id, job_id, moment, None)
        assert not isinstance(outcome, Stale), "without a condition nothing is stale"
        return outcome

    async def cancel_if(
        self, user_id: str, job_id: str, moment: Moment, *, expected: int
    ) -> CancelOutcome | Stale:
        """The same, only while `expected` is the sequence of the job's last event.

        The append expects that very sequence, so that nothing can come between. What would be refused without
        the condition is refused for that reason (RFC 9110 13.2.1).
        """
        return await self._cancel(user_id, job_id, moment, expected)

    async def _cancel(
        self, user_id: str, job_id: str, moment: Moment, expected: int | None
    ) -> CancelOutcome | Stale:
        at_least: int | None = None
        while True:
            history = await self._log.read_job(user_id, job_id, at_least=at_least)
            decision = decide_cancel(history.state, user_id, moment)
            if isinstance(decision, Refuse):
                return decision
            if expected is not None and history.last_sequence != expected:
                return Stale(history.last_sequence)
            if isinstance(decision, Ignore):
                return Requested()
            result = await self._log.append(
                decision.event, expected=history.last_sequence, patience_s=self._patience_s
            )
            if isinstance(result, Appended):
                return Requested()
            # The job moved on while this was decided: decide again on what it is now.
            at_least = result.last_sequence
