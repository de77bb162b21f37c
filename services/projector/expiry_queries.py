"""Selects what the view must drop: expired jobs, and what may be left of jobs with a tombstone.

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
    """A job whose retention time is over."""

    user_id: str
    job_id: str

    @property
    def key(self) -> JobKey:
        """Its key in the view."""
        return self.user_id, self.job_id


def select_due(connection: sqlite3.Connection, now_us: int, limit: int) -> list[Due]:
    """Some of the jobs that expired by `now_us`, the earliest first."""
    rows = connection.execute(
        "SELECT user_id, job_id FROM jobs WHERE expires_at_us <= ? ORDER BY expires_at_us LIMIT ?",
        (now_us, limit),
    )
    return [Due(*row) for row in rows]


def select_leftovers(connection: sqlite3.Connection, limit: int) -> list[PendingCleanup]:
    """Some of the expired jobs still to be cleaned up, the oldest tombstones first."""
    rows = connection.execute(
        "SELECT user_id, job_id, tombstone, attempts, artifacts FROM expired ORDER BY tombstone LIMIT ?",
        (limit,),
    )
    return [PendingCleanup(*row) for row in rows]


def forget_leftovers(connection: sqlite3.Connection, cleared: PendingCleanup) -> None:
    """The cleanup of a job is complete."""
    connection.execute(
        "DELETE FROM expired WHERE user_id = ? AND job_id = ? AND tombstone = ?",
        (cleared.user_id, cleared.job_id, cleared.tombstone),
    )


def forget_job(connection: sqlite3.Connection, key: JobKey) -> None:
    """The log has no event of this job any more, not even a tombstone: it left while the projector was
    down."""
    with transaction(connection):
        record = select_record(connection, key)
        if record is not None:
            delete_jobs(connection, [record])
            update_totals(connection, [(record, None)])
