"""Whether cells can be made here: the circuit's trial cells, what operators see, and refused jobs."""

import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from services.executor.sandbox.cold.sandbox import prove
from services.executor.sandbox.interface import Sandbox, SandboxError
from services.executor.scheduling import circuit
from services.executor.scheduling.cell_health import CellHealth
from services.executor.scheduling.circuit import Circuit, Closed, GiveUp, Later, Open
from shared.domain.events import JobQueued
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

REFUSED_MAX = 10_000
"""Jobs whose refusals are remembered; the oldest is forgotten beyond it, and begins to count anew."""


class CellSupply:
    """The circuit of one executor. `run` makes the trials."""

    def __init__(self, sandbox: Sandbox, *, patience_s: float) -> None:
        """Closed: the sandbox has proved itself when it was opened."""
        self._sandbox = sandbox
        self._patience_s = patience_s
        self._clock = asyncio.get_running_loop().time
        self.health = CellHealth(patience_s=patience_s, now_s=self._clock())
        self._changed = asyncio.Event()
        self._refused: dict[str, int] = {}
        self._listener: Callable[[], None] = lambda: None
        metrics.CELLS_UNAVAILABLE.set(0)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call it after each change."""
        self._listener = listener

    def report_failure(self, why: str) -> None:
        """A cell for a job could not be made: a trial will tell whether the next can."""
        metrics.CELLS_FAILED.labels(of="job").inc()
        self._become(circuit.after_failure(self.health.circuit, why, self._clock()))

    def refuse(self, queued: JobQueued, why: str) -> Later | GiveUp:
        """A job got no cell before anything of it was recorded."""
        self.report_failure(why)
        refused = self._refused.pop(queued.job_id, 0)
        decision = circuit.decide_refusal(
            refused,
            why=why,
            hopeless=self.health.is_hopeless(queued.time, now_s=self._clock(), utc=datetime.now(UTC)),
            patience_s=self._patience_s,
            chance=random.random(),  # noqa: S311 - spreads delays
        )
        if isinstance(decision, Later):
            self._refused[queued.job_id] = refused + 1
            if len(self._refused) > REFUSED_MAX:
                del self._refused[next(iter(self._refused))]
        return decision

    def clear_refusals(self, job_id: str) -> None:
        """The job has its cell."""
        self._refused.pop(job_id, None)

    def pause_s(self, count: int = 0) -> float:
        """For how long to give a job back that cannot go on here, after `count` attempts."""
        return circuit.pause_s(count, random.random())  # noqa: S311 - spreads delays

    async def wait_until_recovered(self, stop: asyncio.Event, *, within_s: float) -> bool:
        """Wait until jobs may start; False if they may not in time, or `stop` comes first."""
        stopping = asyncio.ensure_future(stop.wait())
        try:
            async with asyncio.timeout(within_s):
                while not self.health.may_start and not stopping.done():
                    changing = asyncio.ensure_future(self._changed.wait())
                    try:
                        await asyncio.wait({changing, stopping}, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        changing.cancel()
        except TimeoutError:
            return False
        finally:
            stopping.cancel()
        return not stop.is_set()

    async def run(self) -> None:
        """Make a trial cell whenever one is due, until cancelled."""
        while True:
            self._changed.clear()
            due_s = circuit.trial_at_s(self.health.circuit)
            if due_s is None:
                await self._changed.wait()
            elif due_s > self._clock():
                await asyncio.sleep(due_s - self._clock())
            else:
                failure = await self._trial()
                now_s, chance = self._clock(), random.random()  # noqa: S311 - spreads delays
                self._become(circuit.after_trial(self.health.circuit, failure, now_s, chance))

    def unready_reason(self) -> str | None:
        """Readiness: an executor that cannot make cells starts nothing."""
        return (
            f"no cell can be made: {self.health.circuit.why}"
            if isinstance(self.health.circuit, Open)
            else None
        )

    def diagnostics(self) -> Mapping[str, object]:
        """What an operator may want to know besides."""
        if not isinstance(self.health.circuit, Open):
            return {"can": True}
        since_s = round(self._clock() - self.health.circuit.since_s, 1)
        return {"can": False, "since_s": since_s, "trials": self.health.circuit.trials}

    async def _trial(self) -> str | None:
        try:
            await prove(self._sandbox)
        except SandboxError as error:
            metrics.CELLS_FAILED.labels(of="trial").inc()
            return str(error)
        return None

    def _become(self, changed: Circuit) -> None:
        before, self.health.circuit = self.health.circuit, changed
        if isinstance(changed, Open) and not isinstance(before, Open):
            metrics.CELLS_UNAVAILABLE.set(1)
            logger.error("cells_unavailable", why=changed.why)
        elif isinstance(before, Open) and isinstance(changed, Closed):
            metrics.CELLS_UNAVAILABLE.set(0)
            logger.warning("cells_available", after_s=round(self._clock() - before.since_s, 1))
        if type(before) is not type(changed):
            self._changed.set()
            self._listener()
