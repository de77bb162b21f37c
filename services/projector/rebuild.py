"""Rebuilds the view from the log, in a new file that replaces the old one when it is complete.

If it is killed half-way, the old view stays; the next run removes the unfinished file. It refuses to run
while a projector holds the view, because that projector would keep writing to the replaced file.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from services.projector.batch_writer import BatchWriter, NewerEventError
from services.projector.database import Database, RebuildError, open_database
from services.projector.error_groups import first_of
from services.projector.log_identity import reconcile_checkpoint
from services.projector.settings import ProjectorSettings
from services.projector.view_file import beside, hold_view, remove_database, replace_view, sync_file
from shared.contract.subjects import JOBS
from shared.jetstream.connection import Broker, connect
from shared.jetstream.follower import Follower
from shared.jetstream.lag import ConsumerLag
from shared.jetstream.stored_message import Entry
from shared.observability.logs import get_logger
from shared.service.runtime import Service

logger = get_logger(__name__)

GATHERED_MAX = 5_000
"""Entries in one transaction: with more events of a job in one, its row is written less often."""
GATHERED_BYTES_MAX = 8 * 1024 * 1024
"""Size of their payload at which no further batch is waited for."""


class _CaughtUp(Exception):  # noqa: N818 - not an error: it ends the task group that reads
    """The view contains everything up to the end that the log had when reading began."""


class _Gathered:
    """Combines the follower's batches into larger ones."""

    def __init__(self, intake: BatchWriter) -> None:
        self._intake = intake
        self._entries: list[Entry] = []
        self._bytes = 0

    async def take(self, batch: list[Entry]) -> None:
        self._entries += batch
        self._bytes += sum(len(entry.payload) for entry in batch)
        if len(self._entries) >= GATHERED_MAX or self._bytes >= GATHERED_BYTES_MAX:
            await self.pass_on()

    async def pass_on(self) -> None:
        entries, self._entries, self._bytes = self._entries, [], 0
        if entries:
            await self._intake.take(entries)


Watch = Callable[[ConsumerLag], None]
"""Receives the reading progress."""


async def rebuild_view(broker: Broker, path: Path, *, whole: bool, watch: Watch = lambda _: None) -> None:
    """Replace the view in `path`, which the caller holds, by a new one from the log.

    At an event of a newer writer, `whole` raises RebuildError; otherwise the view ends before that event.
    Also raises BrokerError or ViewError; the old view is replaced only when this returns.
    """
    fresh = beside(path, ".rebuild")
    remove_database(fresh)
    begun = perf_counter()
    try:
        async with open_database(fresh, durable=False) as database:
            count = await _fill(broker, database, whole=whole, watch=watch)
        await asyncio.to_thread(sync_file, fresh)
        replace_view(fresh, path)
    finally:
        remove_database(fresh)
    logger.info("view_rebuilt", path=str(path), entries=count, seconds=round(perf_counter() - begun, 3))


async def run_rebuild(service: Service, settings: ProjectorSettings) -> None:
    """The command: rebuild once, then end. Raises ViewError, BrokerError."""
    done = asyncio.Event()

    async def rebuild_once(broker: Broker) -> None:
        await rebuild_view(broker, settings.view_file, whole=True)
        done.set()
        service.stopping.set()

    with hold_view(settings.view_file):
        async with connect(settings, service="projector") as broker:
            await service.run(broker, rebuild_once(broker))
        if not done.is_set():
            raise RebuildError("stopped before the end of the log: the view was left as it was")


async def _fill(broker: Broker, database: Database, *, whole: bool, watch: Watch) -> int:
    """Read the log up to its current end; returns the number of entries read."""
    await reconcile_checkpoint(broker, database)
    intake = BatchWriter(database, 0)
    gathered = _Gathered(intake)
    follower = Follower(broker, JOBS, gathered.take, service="projector")
    watch(follower.progress)
    newer: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(follower.run())
            group.create_task(_until_caught_up(follower, gathered))
    except* _CaughtUp:
        pass
    except* NewerEventError as errors:
        newer = first_of(errors)
    if newer is not None and whole:
        raise RebuildError(f"the view was left as it was: {newer}")
    return intake.count


async def _until_caught_up(follower: Follower, gathered: _Gathered) -> None:
    await follower.caught_up.wait()
    await gathered.pass_on()
    raise _CaughtUp
