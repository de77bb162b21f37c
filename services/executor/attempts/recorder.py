"""Records an attempt in the log: its start, and the outcome that ends the job.

The sequence of `running` is the fence: an executor that was paused beyond its lease finds its late result
refused by the log, and acknowledges nothing that is not terminal.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from services.executor.attempts.artifacts import Artifacts
from services.executor.attempts.job_reader import JobReader, JobStanding
from services.executor.scheduling.actions import Abandon, Ack, Disposition
from services.executor.scheduling.execution import Execution
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from shared.domain.decisions import Append, AttemptStart, CommandContext, Ignore, decide_finish, decide_start
from shared.domain.events import JobQueued, JobRunning, Terminal
from shared.domain.job import Finished, JobState, Running, status_of
from shared.jetstream.errors import BrokerError
from shared.jetstream.event_log import Log
from shared.jetstream.job_history import NewerEventError
from shared.jetstream.transact import Committed, Read, transact
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

PATIENCE_S = 30.0
RETRY_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class StartedAttempt:
    """This executor's attempt is in the log; `sequence` is the fence."""

    running: JobRunning
    sequence: int


class AttemptRecorder:
    """Appends the events of attempts. The first append of each needs no read: the follower knows the job."""

    def __init__(
        self,
        log: Log,
        unfinished: UnfinishedJobs,
        artifacts: Artifacts,
    ) -> None:
        """All of it is the caller's."""
        self._log = log
        self._unfinished = unfinished
        self._artifacts = artifacts
        self._reader = JobReader(log, unfinished)

    async def known(self, queued: JobQueued) -> JobStanding:
        """The job as the follower knows it, else as the log has it. Raises BrokerError."""
        return await self._reader.known(queued)

    async def start(
        self, queued: JobQueued, known: JobStanding, starter: AttemptStart
    ) -> StartedAttempt | Ack | Abandon:
        """Record the next attempt; Ack if the job has ended, now or before. Raises BrokerError."""

        def decide(standing: JobStanding) -> Append | Ack | Abandon:
            if _attempt_of(standing.state) > _attempt_of(known.state):
                # Another executor started the job meanwhile and holds it: its own delivery is the valid one.
                return Abandon()
            decision = decide_start(standing.state, starter, context_of(queued))
            return Ack() if isinstance(decision, Ignore) else decision

        done: Committed[JobStanding] | Ack | Abandon = await transact(
            self._log, self._read(queued), decide, patience_s=PATIENCE_S, known=known
        )
        if not isinstance(done, Committed):
            return done
        if not isinstance(done.event, JobRunning):
            return Ack()
        metrics.QUEUE_WAIT.observe(done.event.queue_wait_ms / 1000)
        return StartedAttempt(done.event, done.sequence)

    async def finish(self, execution: Execution, started: StartedAttempt, outcome: Terminal) -> Disposition:
        """Record the outcome, whatever was appended meanwhile; an older attempt's outcome is dropped.

        Raises NewerEventError; other BrokerErrors only once the executor must stop.
        """
        queued = execution.queued

        def decide(standing: JobStanding) -> Append | JobState:
            decision = decide_finish(standing.state, outcome)
            return decision if isinstance(decision, Append) else standing.state

        while True:
            known = self._standing(queued, started)
            try:
                done: Committed[JobStanding] | JobState = await transact(
                    self._log, self._read(queued), decide, patience_s=PATIENCE_S, known=known
                )
            except NewerEventError:
                # Whether this outcome may follow is for an executor to say that knows what came before.
                raise
            except BrokerError:
                if execution.stop_reason == "shutdown":
                    raise
                # The program has run; only a process that must end gives up its result.
                await asyncio.sleep(RETRY_PAUSE_S)
                continue
            if not isinstance(done, Committed):
                return await self._handle_refusal(queued, outcome, done)
            self._artifacts.mark_recorded(queued.job_id, done.sequence)
            _count(queued, outcome)
            return Ack()

    def _standing(self, queued: JobQueued, started: StartedAttempt) -> JobStanding:
        """The job since the attempt's start, as far as the log was followed."""
        known, running = self._unfinished.get(queued.job_id), started.running
        if known is None or known.last_sequence < started.sequence:
            return JobStanding(Running(queued, running.attempt, running.executor_id), started.sequence)
        return JobStanding(known.state, known.last_sequence)

    def _read(self, queued: JobQueued) -> Read[JobStanding]:
        return lambda min_sequence: self._reader.read(queued, min_sequence=min_sequence)

    async def _handle_refusal(self, queued: JobQueued, outcome: Terminal, state: JobState) -> Disposition:
        if isinstance(state, Finished) and state.outcome == outcome:
            # This very outcome was stored by an append that was given up too early.
            return Ack()
        metrics.FENCED.inc()
        logger.warning("outcome_fenced", job_id=queued.job_id, attempt=outcome.attempt)
        await self._artifacts.discard(outcome)
        return Ack() if isinstance(state, Finished) else Abandon()


def context_of(queued: JobQueued) -> CommandContext:
    """The context of a decision on the job, now."""
    return CommandContext(datetime.now(UTC), queued.request_id, queued.trace)


def _attempt_of(state: JobState) -> int:
    return state.attempt if isinstance(state, Running) else 0


def _count(queued: JobQueued, outcome: Terminal) -> None:
    status = status_of(Finished(queued, outcome))
    metrics.FINISHED.labels(status=status).inc()
    stages = outcome.result.stages if outcome.result is not None else ()
    took_s = sum(stage.wall_ms for stage in stages) / 1000
    metrics.JOB_DURATION.labels(language=queued.language, status=status).observe(took_s)
