"""Detects whether the view was made from the present log.

A stream that was deleted and made again, restored from an older copy, or that lost its unsynced end reuses
sequences: a view that continued from its checkpoint would mix two histories. So the view starts over. It also
does if it is further behind than tombstones are kept, because it would never learn of removed jobs.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.projector.database import Database
from services.projector.rows import Checkpoint, clear_view, select_checkpoint
from services.projector.settings import TOMBSTONE_S
from shared.contract.subjects import JOBS
from shared.jetstream.connection import Broker
from shared.jetstream.reused_sequences import CONFIRMATIONS, CONFIRMED_EVERY_S
from shared.jetstream.stored_message import parse_time, read_from_leader
from shared.observability.logs import get_logger

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LogState:
    """What distinguishes one JOBS stream from another, at `now` by its own clock.

    `stored_at` belongs to the checkpoint's entry and `next_stored_at` to the one after; None if it left.
    """

    created: str
    first_sequence: int
    last_sequence: int
    stored_at: datetime | None
    next_stored_at: datetime | None
    now: datetime

    def has_kept(self, stored_at: datetime | None, tombstone_s: int) -> bool:
        """Whether no tombstone stored since then can have left."""
        return stored_at is not None and self.now - stored_at < timedelta(seconds=tombstone_s)


def mismatch_reason(checkpoint: Checkpoint, log: LogState, tombstone_s: int = TOMBSTONE_S) -> str | None:
    """Why the rows up to this checkpoint do not come from this log; None if they do."""
    if checkpoint.stream_created is None:
        return "the view is new"
    if checkpoint.stream_created != log.created:
        return f"JOBS was created anew at {log.created}, the view comes from {checkpoint.stream_created}"
    if checkpoint.sequence > log.last_sequence:
        return f"the view is at {checkpoint.sequence}, JOBS ends at {log.last_sequence}"
    if log.stored_at not in {None, checkpoint.stored_at}:
        return f"entry {checkpoint.sequence} is another one, stored at {log.stored_at}"
    if 0 < checkpoint.sequence < log.last_sequence and not (
        log.has_kept(checkpoint.stored_at, tombstone_s) or log.has_kept(log.next_stored_at, tombstone_s)
    ):
        return f"what followed entry {checkpoint.sequence} may have left, and its tombstones too"
    return None


async def read_log_state(broker: Broker, sequence: int) -> LogState:
    """Read it from the stream's leader. Raises BrokerError."""
    answer = await broker.api(f"STREAM.INFO.{JOBS}")
    state = answer["state"]
    return LogState(
        created=answer["created"],
        first_sequence=int(state["first_seq"]),
        last_sequence=int(state["last_seq"]),
        stored_at=await _time_of(broker, sequence) if sequence else None,
        next_stored_at=await _time_of(broker, sequence + 1),
        now=parse_time(answer["ts"]),
    )


async def compare(
    broker: Broker, database: Database, *, tombstone_s: int = TOMBSTONE_S
) -> tuple[Checkpoint, LogState, str | None]:
    """The checkpoint, the log, and why they do not match. Raises BrokerError or ViewError.

    A log that ends too early is believed only after repeated reads: a stale leader that was frozen answers
    once or twice from its old state, until it learns of the new leader.
    """
    checkpoint, log, why = await _compare(broker, database, tombstone_s)
    for _ in range(CONFIRMATIONS):
        if checkpoint.stream_created != log.created or checkpoint.sequence <= log.last_sequence:
            break
        await asyncio.sleep(CONFIRMED_EVERY_S)
        checkpoint, log, why = await _compare(broker, database, tombstone_s)
    return checkpoint, log, why


async def _compare(
    broker: Broker, database: Database, tombstone_s: int
) -> tuple[Checkpoint, LogState, str | None]:
    """Read the checkpoint first, so that a log that advances meanwhile is no contradiction."""
    checkpoint = await database.writer.call(select_checkpoint)
    log = await read_log_state(broker, checkpoint.sequence)
    return checkpoint, log, mismatch_reason(checkpoint, log, tombstone_s)


async def reconcile_checkpoint(
    broker: Broker, database: Database, *, tombstone_s: int = TOMBSTONE_S
) -> Checkpoint:
    """The checkpoint to continue from, after clearing the view if it does not match. Raises BrokerError
    or ViewError."""
    checkpoint, log, why = await compare(broker, database, tombstone_s=tombstone_s)
    if why is None:
        return checkpoint
    if checkpoint.sequence:
        logger.error("view_starts_over", why=why, path=str(database.path))
    await database.writer.call(clear_view, log.created)
    return await database.writer.call(select_checkpoint)


async def _time_of(broker: Broker, sequence: int) -> datetime | None:
    entry = await read_from_leader(broker, JOBS, {"seq": sequence})
    return None if entry is None else entry.stored_at
