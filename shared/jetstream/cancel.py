"""Cancels a job on its user's request: at once while it is queued, through its executor once it runs.

Clients send the request over HTTP or WebSocket, so the api and the notifier share this module.
"""

from dataclasses import dataclass
from typing import TypeAlias

from shared.domain.decisions import Append, CommandContext, Ignore, Refuse, decide_cancel
from shared.domain.record import JobRecord, fold
from shared.jetstream.event_log import Log
from shared.jetstream.job_history import History
from shared.jetstream.job_record import record_of
from shared.jetstream.transact import Committed, transact


@dataclass(frozen=True, slots=True)
class Requested:
    """The request is in the log, from this call or an earlier one; `job` is the state that includes it."""

    job: JobRecord


@dataclass(frozen=True, slots=True)
class Stale:
    """The expected sequence is out of date: nothing was written. `last_sequence` is the job's last event."""

    last_sequence: int


CancelOutcome: TypeAlias = Requested | Refuse


class Cancellations:
    """Handles requests to cancel a job."""

    def __init__(self, log: Log, *, patience_s: float) -> None:
        """Append to `log`, waiting at most `patience_s` for it."""
        self._log = log
        self._patience_s = patience_s

    async def cancel(self, user_id: str, job_id: str, moment: CommandContext) -> CancelOutcome:
        """Append the cancellation, unless the job has ended.

        Idempotent. Raises BrokerError; the request may then be stored all the same.
        """
        outcome = await self._cancel(user_id, job_id, moment, None)
        assert not isinstance(outcome, Stale), "without a condition nothing is stale"
        return outcome

    async def cancel_if(
        self, user_id: str, job_id: str, moment: CommandContext, *, expected: int
    ) -> CancelOutcome | Stale:
        """As `cancel`, but only while `expected` is the sequence of the job's last event.

        The append expects that sequence (compare-and-set). A request that would be refused without the
        condition is refused for that reason (RFC 9110 13.2.1).
        """
        return await self._cancel(user_id, job_id, moment, expected)

    async def _cancel(
        self, user_id: str, job_id: str, moment: CommandContext, expected: int | None
    ) -> CancelOutcome | Stale:
        async def read(min_sequence: int | None) -> History:
            return await self._log.read_job(user_id, job_id, min_sequence=min_sequence)

        def decide(history: History) -> Append | CancelOutcome | Stale:
            decision = decide_cancel(history.state, user_id, moment)
            if isinstance(decision, Refuse):
                return decision
            if expected is not None and history.last_sequence != expected:
                return Stale(history.last_sequence)
            return Requested(_record(history)) if isinstance(decision, Ignore) else decision

        outcome: Committed[History] | CancelOutcome | Stale = await transact(
            self._log, read, decide, patience_s=self._patience_s
        )
        if isinstance(outcome, Committed):
            # The events read and the event written are the whole history: no second read is needed.
            job = fold(_record(outcome.before), outcome.event, outcome.sequence)
            assert job is not None, "there is a job to cancel"
            return Requested(job)
        return outcome


def _record(history: History) -> JobRecord:
    record = record_of(history.entries, reader="cancel")
    assert record is not None, "a job that is queued or running has a record"
    return record
