"""One job from its slot to its terminal event: begin an attempt, run its stages, record the outcome.

The sequence of `running` is the fence: an executor that was paused beyond its lease finds its late result
refused by the log, and acknowledges nothing that is not terminal.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from services.executor.artifacts import NOTHING_KEPT, Artifacts
from services.executor.compiled import Compiled, CompiledPrograms, key_of
from services.executor.estimates import Estimates
from services.executor.execution import Ack, Disposition, Execution, GiveBack, LetGo
from services.executor.feed import Feed
from services.executor.languages import Offered, compile_stage, program_of, run_stage
from services.executor.outcome import Attempt, StageEnd, conclude, without_verdict
from services.executor.sandbox.sandbox import RejectedError, Sandbox, SandboxError, Stage, Verdict
from services.executor.settings import ExecutorSettings
from services.executor.unfinished import Unfinished
from shared import metrics
from shared.broker import Broker, BrokerError, UnreachableError
from shared.events import Event, JobQueued, JobRunning, StreamName, Terminal
from shared.job import (
    Append,
    Finished,
    Ignore,
    JobState,
    Moment,
    Running,
    Starter,
    decide_finish,
    decide_start,
    status_of,
)
from shared.log import Appended, History, Log, NewerEventError
from shared.logs import get_logger
from shared.objects import Objects
from shared.subjects import ARTIFACTS

logger = get_logger(__name__)

PATIENCE_S = 30.0
RETRY_PAUSE_S = 0.5
READ_PATIENCE_S = 4.0
"""With the last question's own two seconds, well within a lease of ten."""


@dataclass(frozen=True, slots=True)
class Begun:
    """This executor's attempt is in the log; `sequence` is the fence."""

    running: JobRunning
    sequence: int


class Attempts:
    """Runs jobs for the scheduler, each from `perform`."""

    def __init__(
        self,
        broker: Broker,
        log: Log,
        sandbox: Sandbox,
        languages: Mapping[str, Offered],
        unfinished: Unfinished,
        settings: ExecutorSettings,
    ) -> None:
        """Everything is opened by the caller and outlives this."""
        self._broker = broker
        self._log = log
        self._sandbox = sandbox
        self._languages = languages
        self._unfinished = unfinished
        self._settings = settings
        self._artifacts = Artifacts(Objects(broker, log, ARTIFACTS))
        self._compiled = CompiledPrograms(settings.compiled_bytes_max)
        self._estimates = Estimates()

    async def perform(self, execution: Execution) -> Disposition:
        """Attempt the job until an attempt has a verdict; says what to do with its delivery."""
        try:
            while True:
                begun = await self._begin(execution)
                if not isinstance(begun, Begun):
                    return begun
                execution.attempt = begun.running.attempt
                outcome = await self._attempt(execution, begun)
                if outcome is not None:
                    return await self._finish(execution, begun, outcome)
                if execution.stop_reason == "shutdown":
                    return GiveBack()
                if execution.stop_reason == "superseded":
                    return LetGo()
                await asyncio.sleep(RETRY_PAUSE_S)
        except BrokerError as error:
            # Nothing is lost: the job is delivered again, here or elsewhere, when the log can be reached.
            logger.warning("attempt_let_go", job_id=execution.queued.job_id, why=str(error))
            return LetGo()

    async def _begin(self, execution: Execution) -> Begun | Disposition:
        queued = execution.queued
        state, sequence = await self._known(queued)
        while True:
            decision = decide_start(state, self._starter(queued), self._moment(queued))
            if isinstance(decision, Ignore):
                return Ack()
            result = await self._log.append(decision.event, expected=sequence, patience_s=PATIENCE_S)
            if isinstance(result, Appended):
                return self._begun(decision.event, result.sequence)
            history = await self._read(queued, at_least=result.last_sequence)
            if isinstance(history.state, Running) and history.state.attempt > _attempt_of(state):
                # Somebody else began meanwhile and holds the job: its own delivery is the valid one.
                return LetGo()
            state, sequence = history.state, history.last_sequence

    def _begun(self, event: Event, sequence: int) -> Begun | Disposition:
        if isinstance(event, JobRunning):
            metrics.QUEUE_WAIT.observe(event.queue_wait_ms / 1000)
            return Begun(event, sequence)
        return Ack()

    async def _attempt(self, execution: Execution, begun: Begun) -> Terminal | None:
        """Run the stages; None if this attempt has no verdict, so that it says nothing of the program."""
        queued, number = execution.queued, begun.running.attempt
        metrics.ATTEMPTS.labels(language=queued.language).inc()
        feed = Feed(self._broker, queued, number)
        sending = asyncio.create_task(feed.run())
        ends: list[StageEnd] = []
        failure: SandboxError | RejectedError | None = None
        try:
            await self._run_stages(execution, feed, ends)
        except (SandboxError, RejectedError) as error:
            failure = error
        finally:
            feed_sequence = await feed.close(sending)
        kept = NOTHING_KEPT
        if failure is None:
            verdict = ends[-1].verdict
            if execution.stop_reason in {"shutdown", "superseded"} and verdict.stopped_by == "stopped":
                return None
            kept = await self._artifacts.keep(execution, number, verdict)
        attempt = Attempt(
            queued=queued,
            number=number,
            moment=self._moment(queued),
            feed_sequence=feed_sequence,
            cancelled_by=self._cancelled_by(queued.job_id),
        )
        if isinstance(failure, RejectedError):
            return without_verdict(attempt, "rejected", str(failure))
        if failure is not None:
            logger.error("sandbox_failed", job_id=queued.job_id, attempt=number, why=str(failure))
            return without_verdict(attempt, "sandbox_error", str(failure)) if self._is_last(number) else None
        return conclude(attempt, ends, kept)

    async def _run_stages(self, execution: Execution, feed: Feed, ends: list[StageEnd]) -> None:
        offered = self._languages[execution.queued.language]
        program = program_of(execution.queued)
        product = None
        compiling = compile_stage(offered.language, program)
        if compiling is not None:
            end = await self._compile(execution, offered, compiling, feed)
            ends.append(end)
            if end.verdict.stopped_by is not None or end.verdict.exit_code != 0:
                return
            product = end.verdict.kept
        started_at = 0 if compiling is None else 50
        running = run_stage(offered.language, program, product)
        ends.append(await self._run_stage(execution, running, feed, percent=(started_at, 100)))

    async def _compile(self, execution: Execution, offered: Offered, stage: Stage, feed: Feed) -> StageEnd:
        """Run the compiler, or take what it made of the same program for the same user before."""
        runtime = self._sandbox.isolation.runtime_digest
        key = key_of(execution.queued.user_id, offered, stage, runtime_digest=runtime)
        found = self._compiled.find(key)
        metrics.COMPILE_CACHE.labels(result="miss" if found is None else "hit").inc()
        if found is not None:
            # Its warnings are as true as they were.
            feed.write("compile", "stdout", found.stdout)
            feed.write("compile", "stderr", found.stderr)
            feed.progress("compile", 50, "compiled before", None)
            return _compiled_before(found)
        end = await self._run_stage(execution, stage, feed, percent=(0, 50))
        if end.verdict.stopped_by is None and end.verdict.exit_code == 0 and end.verdict.kept is not None:
            self._compiled.keep(key, Compiled(end.verdict.kept, end.stdout, end.stderr))
        return end

    async def _run_stage(
        self, execution: Execution, stage: Stage, feed: Feed, *, percent: tuple[int, int]
    ) -> StageEnd:
        language = execution.queued.language
        kept: dict[StreamName, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}

        def take(stream: StreamName, piece: bytes) -> None:
            kept[stream].extend(piece)
            feed.write(stage.name, stream, piece)

        estimate_s = self._estimates.seconds(language, stage.name)
        feed.progress(stage.name, percent[0], f"{stage.name} started", estimate_s)
        verdict = await self._sandbox.run(stage, output=take, stop=execution.stop)
        self._estimates.learn(language, stage.name, verdict.wall_ms / 1000)
        feed.progress(stage.name, percent[1], f"{stage.name} complete", 0.0 if percent[1] == 100 else None)
        return StageEnd(stage.name, verdict, bytes(kept["stdout"]), bytes(kept["stderr"]))

    async def _finish(self, execution: Execution, begun: Begun, outcome: Terminal) -> Disposition:
        """Record the outcome, whatever was appended meanwhile; an older attempt's outcome is dropped."""
        queued = execution.queued
        known = self._unfinished.get(queued.job_id)
        sequence = max(begun.sequence, known.last_sequence if known else 0)
        if known is not None and _attempt_of(known.state) > begun.running.attempt:
            return await self._fenced(execution, outcome)
        while True:
            try:
                result = await self._log.append(outcome, expected=sequence, patience_s=PATIENCE_S)
                if isinstance(result, Appended):
                    metrics.FINISHED.labels(status=status_of(Finished(queued, outcome))).inc()
                    return Ack()
                history = await self._read(queued, at_least=result.last_sequence)
            except NewerEventError:
                # Whether this outcome may follow is for an executor to say that knows what came before.
                raise
            except BrokerError:
                if execution.stop_reason == "shutdown":
                    raise
                # The program has run; only a process that must end gives up its result.
                await asyncio.sleep(RETRY_PAUSE_S)
                continue
            decision = decide_finish(history.state, outcome)
            if not isinstance(decision, Append):
                return await self._refused(execution, outcome, history.state)
            sequence = history.last_sequence

    async def _refused(self, execution: Execution, outcome: Terminal, state: JobState) -> Disposition:
        if not isinstance(state, Finished):
            return await self._fenced(execution, outcome)
        if state.outcome != outcome:
            # Otherwise this very outcome was stored by an append that was given up too early.
            await self._fenced(execution, outcome)
        return Ack()

    async def _fenced(self, execution: Execution, outcome: Terminal) -> LetGo:
        metrics.FENCED.inc()
        logger.warning("outcome_fenced", job_id=execution.queued.job_id, attempt=outcome.attempt)
        await self._artifacts.discard(outcome)
        return LetGo()

    async def _known(self, queued: JobQueued) -> tuple[JobState, int]:
        known = self._unfinished.get(queued.job_id)
        if known is not None:
            return known.state, known.last_sequence
        history = await self._read(queued)
        return history.state, history.last_sequence

    async def _read(self, queued: JobQueued, *, at_least: int | None = None) -> History:
        """Fold the job, asking again where one answer does not come. Raises BrokerError.

        Who gave up at once would let the job wait until it is delivered again. Who asked for longer than its
        lease might hold a job that was given to another.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + READ_PATIENCE_S
        while True:
            try:
                return await self._log.read_job(queued.user_id, queued.job_id, at_least=at_least)
            except UnreachableError:
                if clock() >= deadline:
                    raise
                await asyncio.sleep(RETRY_PAUSE_S)

    def _cancelled_by(self, job_id: str) -> str | None:
        known = self._unfinished.get(job_id)
        if known is None or not isinstance(known.state, Running) or known.state.cancel is None:
            return None
        return known.state.cancel.by

    def _starter(self, queued: JobQueued) -> Starter:
        return Starter(
            executor_id=self._settings.executor_id,
            isolation=self._sandbox.isolation,
            language_version=self._languages[queued.language].version,
            attempts_max=self._settings.attempts_max,
        )

    def _is_last(self, attempt: int) -> bool:
        return attempt >= self._settings.attempts_max

    @staticmethod
    def _moment(queued: JobQueued) -> Moment:
        return Moment(datetime.now(UTC), queued.request_id, queued.trace)


def _attempt_of(state: JobState) -> int:
    return state.attempt if isinstance(state, Running) else 0


def _compiled_before(found: Compiled) -> StageEnd:
    """A compile stage that used nothing, because it was not run."""
    verdict = Verdict(
        exit_code=0,
        signal=None,
        stopped_by=None,
        wall_ms=0,
        cpu_ms=0,
        memory_peak_bytes=None,
        stdout_bytes=len(found.stdout),
        stderr_bytes=len(found.stderr),
        kept=found.product,
    )
    return StageEnd("compile", verdict, found.stdout, found.stderr, cached=True)
