"""What of the view is to go: finished jobs whose time is over, and what expired ones may have left.

Like `view`, everything here runs on a connection's thread.
"""

import sqlite3
from dataclasses import dataclass

from services.projector.rows import (
    JobKey,
    PendingCleanup,
    delete_jobs,
    select_record,
    transaction,
    update_totals,
)


@dataclass(frozen=True, slots=True)
class Due:
    """A job whose time is over."""

    user_id: str
    job_id: str

    @property
    def key(self) -> JobKey:
        """Under which the view has it."""
        return self.user_id, self.job_id


def select_due(connection: sqlite3.Connection, now_us: int, limit: int) -> list[Due]:
    """Some of the jobs whose time was over at `now_us`, the earliest first."""
    rows = connection.execute(
        "SELECT user_id, job_id FROM jobs WHERE expires_at_us <= ? ORDER BY expires_at_us LIMIT ?",
        (now_us, limit),
    )
    return [Due(*row) for row in rows]


def select_leftovers(connection: sqlite3.Connection, limit: int) -> list[PendingCleanup]:
    """Some of the expired jobs that are not cleared away yet, those of the oldest tombstones first."""
    rows = connection.execute(
        "SELECT user_id, job_id, tombstone, attempts, artifacts FROM expired ORDER BY tombstone LIMIT ?",
        (limit,),
    )
    return [PendingCleanup(*row) for row in rows]


def forget_leftovers(connection: sqlite3.Connection, cleared: PendingCleanup) -> None:
    """Nothing is left of it."""
    connection.execute(
        "DELETE FROM expired WHERE user_id = ? AND job_id = ? AND tombstone = ?",
        (cleared.user_id, cleared.job_id, cleared.tombstone),
    )


def forget_job(connection: sqlite3.Connection, key: JobKey) -> None:
    """The log has nothing of this job any more, not even a tombstone: it left while nobody looked."""
    with transaction(connection):
        record = select_record(connection, key)
        if record is not None:
            delete_jobs(connection, [record])
            update_totals(connection, [(record, None)])
