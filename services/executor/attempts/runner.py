"""One job from its slot to its terminal event: start an attempt, run its stages, record the outcome."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from services.executor.attempts.artifact_quota import Allowances
from services.executor.attempts.artifacts import NOTHING_KEPT, Artifacts
from services.executor.attempts.feed_publisher import Feed
from services.executor.attempts.feed_shares import FeedShares
from services.executor.attempts.inputs import Inputs
from services.executor.attempts.live_input import LiveInput, LiveInputs
from services.executor.attempts.outcome import Attempt, StageEnd, build_terminal_event, without_verdict
from services.executor.attempts.recorder import AttemptRecorder, StartedAttempt, context_of
from services.executor.attempts.stages import First, Stages
from services.executor.languages.catalogue import Offered
from services.executor.sandbox.interface import CellError, RejectedError, Sandbox, SandboxError
from services.executor.scheduling.actions import Abandon, Disposition, Nak
from services.executor.scheduling.cell_supply import CellSupply
from services.executor.scheduling.circuit import GiveUp, Later
from services.executor.scheduling.execution import Execution
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from services.executor.settings import ExecutorSettings
from shared.contract.subjects import ARTIFACTS
from shared.domain.decisions import Append, AttemptStart, decide_start
from shared.domain.enumerations import StageName
from shared.domain.events import JobQueued, JobRunning, Terminal
from shared.domain.job import JobState, Running
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError
from shared.jetstream.event_log import Log
from shared.jetstream.object_store import Objects
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

CELL_WITHIN_S = 10.0
"""How long a stage waits here for its cell, before another executor may attempt the job anew."""

Reservation: TypeAlias = First | GiveUp | Nak | RejectedError | None


class Attempts:
    """Runs jobs for the scheduler, each from `perform`."""

    def __init__(
        self,
        broker: Broker,
        log: Log,
        sandbox: Sandbox,
        languages: Mapping[str, Offered],
        unfinished: UnfinishedJobs,
        supply: CellSupply,
        live_inputs: LiveInputs,
        settings: ExecutorSettings,
    ) -> None:
        """Everything is opened by the caller and outlives this."""
        self._broker = broker
        self._live_inputs = live_inputs
        self._sandbox = sandbox
        self._languages = languages
        self._unfinished = unfinished
        self._settings = settings
        self._artifacts = Artifacts(Objects(broker, log, ARTIFACTS), Allowances(broker, settings))
        self._recorder = AttemptRecorder(log, unfinished, self._artifacts)
        self._supply = supply
        self._stages = Stages(
            sandbox,
            languages,
            supply,
            inputs=Inputs(broker, log),
            compiled_bytes_max=settings.compiled_bytes_max,
        )
        self._feed_shares = FeedShares(broker, settings.user_feed_bytes)

    async def perform(self, execution: Execution) -> Disposition:
        """Attempt the job once, or end it; says what to do with its delivery."""
        async with self._live_inputs.of(execution.queued) as live:
            return await self._perform(execution, live)

    async def _perform(self, execution: Execution, live: LiveInput | None) -> Disposition:
        first: Reservation = None
        try:
            known = await self._recorder.known(execution.queued)
            first = await self._reserve(execution.queued, known.state, live)
            if isinstance(first, Nak):
                return first
            if live is not None:
                await live.begin()
            started = await self._recorder.start(
                execution.queued, known, self._starter(execution.queued, first)
            )
            if not isinstance(started, StartedAttempt):
                return started
            execution.set_attempt(started.running.attempt)
            outcome = await self._attempt(execution, started, first, live)
            if isinstance(outcome, Nak | Abandon):
                return outcome
            return await self._recorder.finish(execution, started, outcome)
        except BrokerError as error:
            # Nothing is lost: the job is delivered again, here or elsewhere, when the log can be reached.
            logger.warning("attempt_let_go", job_id=execution.queued.job_id, why=str(error))
            return Abandon()
        finally:
            if isinstance(first, First):
                await first.cell.release()
            self._artifacts.forget_unrecorded(execution.queued.job_id)

    async def _reserve(self, queued: JobQueued, state: JobState, live: LiveInput | None) -> Reservation:
        """A cell for the job before anything is recorded of it; None if it needs none."""
        decision = decide_start(state, self._starter(queued, None), context_of(queued))
        if not isinstance(decision, Append) or not isinstance(decision.event, JobRunning):
            return None
        try:
            first = await self._stages.reserve(queued, live)
        except CellError as error:
            match self._supply.refuse(queued, str(error)):
                case GiveUp(why):
                    return GiveUp(why)
                case Later(delay_s):
                    return Nak("cells", delay_s)
        except RejectedError as error:
            return error
        else:
            self._supply.clear_refusals(queued.job_id)
            return first

    async def _attempt(
        self,
        execution: Execution,
        started: StartedAttempt,
        first: First | GiveUp | RejectedError | None,
        live: LiveInput | None,
    ) -> Terminal | Nak | Abandon:
        """Run the stages; no terminal event if this attempt says nothing of the program."""
        queued, number = execution.queued, started.running.attempt
        metrics.ATTEMPTS.labels(language=queued.language).inc()
        feed = Feed(self._broker, self._feed_shares, queued, number)
        if live is not None:
            live.show_in(feed)
        sending = asyncio.create_task(feed.run())
        ends: list[StageEnd] = []
        failure: SandboxError | RejectedError | GiveUp | None = None
        last_stage: StageName | None = None
        try:
            failure = await self._run_stages(execution, started.running, first, feed, ends, live)
            if failure is None and not (_is_left(execution, ends) or queued.artifacts or live is not None):
                # What is not sent by now is told by the terminal event, which follows at once.
                last_stage = ends[-1].name
        finally:
            feed_end = await feed.close(sending, last_stage=last_stage)
        kept = NOTHING_KEPT
        if failure is None:
            if _is_left(execution, ends):
                return _leave(execution)
            kept = await self._artifacts.keep(execution, number, ends[-1].verdict)
        attempt = Attempt(
            queued=queued,
            number=number,
            moment=context_of(queued),
            feed=feed_end,
            cancelled_by=self._cancelled_by(queued.job_id),
            received=None if live is None else live.report(),
        )
        if failure is None:
            return build_terminal_event(attempt, ends, kept)
        return self._without_verdict(execution, attempt, failure, ends)

    async def _run_stages(
        self,
        execution: Execution,
        running: JobRunning,
        first: First | GiveUp | RejectedError | None,
        feed: Feed,
        ends: list[StageEnd],
        live: LiveInput | None,
    ) -> SandboxError | RejectedError | GiveUp | None:
        """Run all stages in their cells; what kept the program from being judged, if anything did."""
        if isinstance(first, GiveUp | RejectedError):
            return first
        # The last attempt waits for as long as any job does: there is no other that might have more luck.
        within_s = self._settings.cell_patience_s if self._is_last(running.attempt) else CELL_WITHIN_S
        try:
            first = first or await self._stages.reserve(execution.queued, live)
            await self._stages.run(
                execution, first, feed, ends, cell_within_s=within_s, told_stage=running.stage
            )
        except (SandboxError, RejectedError) as error:
            return error
        return None

    def _without_verdict(
        self,
        execution: Execution,
        attempt: Attempt,
        failure: SandboxError | RejectedError | GiveUp,
        ends: list[StageEnd],
    ) -> Terminal | Nak | Abandon:
        if isinstance(failure, RejectedError):
            return without_verdict(attempt, "rejected", str(failure), ends)
        why = failure.why if isinstance(failure, GiveUp) else str(failure)
        if execution.stop_reason is not None:
            return _leave(execution)
        logger.error("sandbox_failed", job_id=attempt.queued.job_id, attempt=attempt.number, why=why)
        if isinstance(failure, GiveUp) or self._is_last(attempt.number):
            return without_verdict(attempt, "sandbox_error", why, ends)
        return Nak("sandbox", self._supply.pause_s(attempt.number))

    def _cancelled_by(self, job_id: str) -> str | None:
        known = self._unfinished.get(job_id)
        if known is None or not isinstance(known.state, Running) or known.state.cancel is None:
            return None
        return known.state.cancel.by

    def _starter(self, queued: JobQueued, first: Reservation) -> AttemptStart:
        begins = self._stages.first_stage(queued, first) if isinstance(first, First) else (None, None)
        return AttemptStart(
            executor_id=self._settings.executor_id,
            isolation=self._sandbox.isolation,
            language_version=self._languages[queued.language].version,
            attempts_max=self._settings.attempts_max,
            stage=begins[0],
            remaining_s=begins[1],
        )

    def _is_last(self, attempt: int) -> bool:
        return attempt >= self._settings.attempts_max


def _is_left(execution: Execution, ends: Sequence[StageEnd]) -> bool:
    """Whether the program was stopped because this executor must not run it any further."""
    is_ours = execution.stop_reason in {"shutdown", "superseded"}
    return is_ours and ends[-1].verdict.stopped_by == "stopped"


def _leave(execution: Execution) -> Nak | Abandon:
    """The job was stopped without a verdict: it is another executor's, or whoever takes it next decides."""
    return Abandon() if execution.stop_reason == "superseded" else Nak()
