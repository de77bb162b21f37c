"""Removes expired jobs: first a tombstone, then their files, then their events.

The log decides, so any number of projectors may sweep concurrently, and each step is idempotent and may be
interrupted. The tombstone is appended once, hides the job from every reader of the log, and outlives all that
it stands for. The view lists the tombstones whose cleanup is not complete. The follower never waits for the
sweeper.
"""

import asyncio
from datetime import UTC, datetime

from services.projector.database import Database
from services.projector.expiry_queries import (
    Due,
    forget_job,
    forget_leftovers,
    select_due,
    select_leftovers,
)
from services.projector.rows import PendingCleanup, microseconds, select_checkpoint
from shared.contract.subjects import ARTIFACTS, artifact_name, job_events
from shared.domain.decisions import Append, CommandContext, decide_expire
from shared.domain.events import JobExpired
from shared.domain.job import Finished, ImpossibleHistoryError
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError, UnreachableError
from shared.jetstream.event_log import FULL, Appended, Log
from shared.jetstream.job_history import NewerEventError
from shared.jetstream.object_description import DamagedError
from shared.jetstream.object_store import Objects
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

BATCH = 200
"""Jobs between two reads of the view."""

AGAIN_S = 0.1
APPEND_PATIENCE_S = 2.0
REQUEST_ID = "retention"


class Sweeper:
    """Sweeps on behalf of one view, which must belong to the present log."""

    def __init__(self, broker: Broker, database: Database, *, tombstone_s: int, pause_s: float) -> None:
        """Keep a tombstone for `tombstone_s`; with nothing to do, look again every `pause_s`."""
        self._log = Log(broker)
        self._objects = Objects(broker, self._log, ARTIFACTS)
        self._database = database
        self._tombstone_s = tombstone_s
        self._pause_s = pause_s
        self._written = 0

    async def run(self) -> None:
        """Sweep until cancelled. Raises ViewError."""
        while True:
            more = False
            try:
                more = await self.sweep()
            except BrokerError as error:
                logger.warning("sweep_interrupted", why=str(error))
            await asyncio.sleep(AGAIN_S if more else self._pause_s)

    async def sweep(self) -> bool:
        """One bounded round; returns whether there is more to do at once. Raises BrokerError or ViewError."""
        leftovers = await self._database.reader.call(select_leftovers, BATCH)
        for one in leftovers:
            await self._clear(one)
        checkpoint = await self._database.reader.call(select_checkpoint)
        if checkpoint.sequence < self._written:
            # The last appends have yet to reach the view: until then it shows those jobs as due.
            return True
        due = await self._database.reader.call(select_due, microseconds(datetime.now(UTC)), BATCH)
        for job in due:
            await self._expire(job)
        return bool(due) or len(leftovers) == BATCH

    async def _expire(self, due: Due) -> None:
        """Append the tombstone of a job, if the log agrees that it has expired."""
        last = await self._log.last(job_events(*due.key))
        if last is None:
            await self._database.writer.call(forget_job, due.key)
            return
        moment = CommandContext(datetime.now(UTC), REQUEST_ID)
        try:
            state = (await self._log.read_job(*due.key, min_sequence=last.sequence)).state
            decision = decide_expire(state, "ttl", moment)
            can_make_room = isinstance(state, Finished)
        except NewerEventError as error:
            # An event unknown to this version: a newer program removes the job, or this one after an upgrade.
            logger.warning("newer_event", sequence=error.sequence)
            return
        except ImpossibleHistoryError:
            # The log was full, and the projector that made room for the tombstone died before appending it.
            decision, can_make_room = Append(_tombstone(due, moment)), False
        if isinstance(decision, Append):
            await self._append(decision, last.sequence, can_make_room=can_make_room)

    async def _append(self, decision: Append, expected: int, *, can_make_room: bool) -> None:
        event = decision.event
        assert isinstance(event, JobExpired)
        try:
            result = await self._log.append(
                event, expected=expected, patience_s=APPEND_PATIENCE_S, ttl_s=self._tombstone_s
            )
        except UnreachableError as error:
            if FULL not in str(error) or not can_make_room:
                raise
            logger.warning("log_full", why=str(error))
            await self._log.purge_before(event.user_id, event.job_id, expected)
            await self._append(decision, expected, can_make_room=False)
            return
        if isinstance(result, Appended):
            metrics.EXPIRED.labels(reason=event.reason).inc()
            self._written = result.sequence

    async def _clear(self, left: PendingCleanup) -> None:
        """Remove what a tombstone stands for, then remove it from the list.

        The files go first: while the events exist, a rebuilt view also knows of the files.
        """
        last = await self._log.last(job_events(left.user_id, left.job_id))
        if last is None or last.sequence <= left.tombstone:
            await self._delete_files(left)
        if last is not None and last.sequence <= left.tombstone:
            await self._log.purge_before(left.user_id, left.job_id, left.tombstone)
        # Otherwise the same idempotency key was reused since: the later events belong to another job.
        await self._database.writer.call(forget_leftovers, left)

    async def _delete_files(self, left: PendingCleanup) -> None:
        """The last attempt's files, which its result named, and those that lost attempts have stored."""
        for attempt in range(1, left.attempts + 1):
            count = left.artifacts if attempt == left.attempts else 0
            while await self._is_stored(artifact_name(left.job_id, attempt, count)):
                count += 1
            # Backwards, so that after a crash the next sweep finds the rest in the same way.
            for number in reversed(range(count)):
                await self._delete_file(artifact_name(left.job_id, attempt, number))

    async def _is_stored(self, name: str) -> bool:
        try:
            return await self._objects.describe(name) is not None
        except DamagedError:
            return True

    async def _delete_file(self, name: str) -> None:
        try:
            await self._objects.delete(name)
        except DamagedError as error:
            # It is not readable either; it expires by age.
            logger.warning("artifact_left_behind", why=str(error))


def _tombstone(due: Due, moment: CommandContext) -> JobExpired:
    return JobExpired(
        job_id=due.job_id,
        user_id=due.user_id,
        time=moment.time,
        request_id=moment.request_id,
        reason="ttl",
    )
