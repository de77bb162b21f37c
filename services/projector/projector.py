"""Keeps one view in step with the log and answers from it, for the lifetime of the process.

The view is read in rounds. A round follows the log from the checkpoint. It ends at an event of a newer
writer, at a log that is another one, or at a damaged view. The next round begins with a delay, an empty view,
or a rebuilt one, accordingly.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from services.projector.batch_writer import BatchWriter, NewerEventError, ReadAgainError
from services.projector.database import Database, ViewUnusableError, open_database
from services.projector.error_groups import first_of
from services.projector.log_identity import compare, reconcile_checkpoint
from services.projector.rebuild import rebuild_view
from services.projector.rows import Checkpoint
from services.projector.settings import SWEEP_S, TOMBSTONE_S
from services.projector.sweeper import Sweeper
from services.projector.view_server import Answers
from shared.contract.subjects import JOBS
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError
from shared.jetstream.follower import Follower
from shared.jetstream.lag import ConsumerLag
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.retry import retry

logger = get_logger(__name__)

LOG_CHECK_S = 5.0
"""How often the log is checked to be the one that the view was made from."""

GATHER_S = 0.02
"""A commit costs as much for one event as for a hundred, so the events of a short job come in one batch. What
must be seen at once is read from the log."""

RETRY_S = 3.0
"""Delay before a blocked round is retried: it needs an upgrade or an operator, which takes longer."""


class AnotherLogError(Exception):
    """The log is not the one that the view was made from."""


class Projector:
    """Follows JOBS into the view at `path`, which the caller holds."""

    def __init__(
        self,
        broker: Broker,
        path: Path,
        *,
        tombstone_s: int = TOMBSTONE_S,
        sweep_s: float = SWEEP_S,
        log_check_s: float = LOG_CHECK_S,
        retry_s: float = RETRY_S,
    ) -> None:
        """Prepare; `run` does the work."""
        self._broker = broker
        self._path = path
        self._tombstone_s = tombstone_s
        self._sweep_s = sweep_s
        self._log_check_s = log_check_s
        self._retry_s = retry_s
        self._follower: Follower | None = None
        self._reading: ConsumerLag | None = None
        self._obstacle: str | None = None
        self._waited_out: str | None = None
        self._newer_sequence = 0

    async def run(self) -> None:
        """Project and answer until cancelled. Raises ViewError when the file cannot be used at all."""
        while True:
            # Nothing is awaited within `except*`, which wraps a cancellation in a group.
            unusable: str | None = None
            try:
                await self._serve_view()
            except* ViewUnusableError as errors:
                unusable = str(first_of(errors))
            if unusable is not None:
                await self._rebuild(unusable)

    def unready_reason(self) -> str | None:
        """None while the view is in step with the log; else the reason."""
        if self._follower is None:
            return self._obstacle or "the view is behind the log"
        why = self._follower.progress.unready_reason()
        return why if self._follower.caught_up.is_set() else self._obstacle or why

    def diagnostics(self) -> Mapping[str, object]:
        """The view's age: events of the last `behind_s` may be missing in it."""
        return {} if self._reading is None else self._reading.diagnostics()

    def _read(self, progress: ConsumerLag) -> None:
        self._reading = progress

    async def _serve_view(self) -> None:
        async with open_database(self._path) as database, asyncio.TaskGroup() as group:
            group.create_task(Answers(self._broker, database).serve())
            group.create_task(self._follow(database))

    async def _rebuild(self, why: str) -> None:
        logger.error("view_unusable", why=why)
        self._obstacle = f"the view is being rebuilt: {why}"
        try:
            await rebuild_view(self._broker, self._path, whole=False, watch=self._read)
        except BrokerError as error:
            self._report_obstacle(f"the view cannot be rebuilt: {error}")
            await asyncio.sleep(self._retry_s)
        self._obstacle = self._reading = None

    async def _follow(self, database: Database) -> None:
        while True:
            pause_s = 0.0
            try:
                await self._follow_round(database)
            except* NewerEventError as errors:
                self._report_newer(first_of(errors))
                pause_s = self._retry_s
            except* (AnotherLogError, ReadAgainError) as errors:
                logger.warning("round_ended", why=str(first_of(errors)))
            await asyncio.sleep(pause_s)

    async def _follow_round(self, database: Database) -> None:
        checkpoint = await self._reconcile(database)
        intake = BatchWriter(database, checkpoint.sequence)
        self._follower = Follower(
            self._broker,
            JOBS,
            intake.take,
            after=checkpoint.sequence,
            after_time=checkpoint.stored_at,
            gather_s=GATHER_S,
            service="projector",
        )
        self._reading = self._follower.progress
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follower.run())
                group.create_task(self._watch_log(database))
                group.create_task(self._sweeper(database).run())
        finally:
            self._follower = self._reading = None

    def _sweeper(self, database: Database) -> Sweeper:
        return Sweeper(self._broker, database, tombstone_s=self._tombstone_s, pause_s=self._sweep_s)

    async def _reconcile(self, database: Database) -> Checkpoint:
        checkpoint = await retry(
            partial(reconcile_checkpoint, self._broker, database, tombstone_s=self._tombstone_s),
            on=BrokerError,
            pause_s=self._retry_s,
            report=lambda error: self._report_obstacle(f"the log cannot be read: {error}"),
        )
        self._obstacle = None
        return checkpoint

    def _report_obstacle(self, obstacle: str) -> None:
        if obstacle != self._waited_out:
            logger.warning("view_waits", why=obstacle)
        self._obstacle = self._waited_out = obstacle

    async def _watch_log(self, database: Database) -> None:
        """Check the log's identity. A stream that is made anew breaks no connection, so nothing else
        detects it."""
        while True:
            await asyncio.sleep(self._log_check_s)
            try:
                _, _, why = await compare(self._broker, database, tombstone_s=self._tombstone_s)
            except BrokerError:
                continue
            if why is not None:
                raise AnotherLogError(why)

    def _report_newer(self, error: BaseException) -> None:
        """Log it once for each entry, however often it is retried."""
        assert isinstance(error, NewerEventError)
        self._obstacle = str(error)
        if error.sequence != self._newer_sequence:
            self._newer_sequence = error.sequence
            metrics.UNKNOWN.labels(reader="projector").inc()
            logger.error("newer_event", sequence=error.sequence, why=str(error))
