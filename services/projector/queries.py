"""The requests of `contract.view_api` as SQL, each answered from one snapshot, with its checkpoint.

Statements are built from constant clauses; client values are always bound, never interpolated.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from services.projector.rows import decode_record, microseconds, select_checkpoint, select_record
from shared.contract.view_api import (
    PAGE_BYTES_MAX,
    DeadQuestion,
    JobAnswer,
    JobQuestion,
    JobsAnswer,
    JobsQuestion,
    StatsAnswer,
    UsageAnswer,
    UsageQuestion,
)
from shared.domain.record import JobRecord

Values = dict[str, str | int]
SEQUENCE_MAX = 2**63 - 1

_OF_ALL = ("jobs", "jobs.user_id = :user_id")
# CROSS JOIN fixes the order: the label's rows are read newest first, and each leads to its job.
_OF_LABEL = (
    "labels CROSS JOIN jobs USING (user_id, queued_sequence)",
    "labels.user_id = :user_id AND labels.name = :name AND labels.value = :value",
)


def find_job(connection: sqlite3.Connection, question: JobQuestion) -> JobAnswer:
    """The job with its result, if it belongs to that user."""
    with snapshot(connection):
        return JobAnswer(
            checkpoint=select_checkpoint(connection).sequence,
            job=select_record(connection, (question.user_id, question.job_id)),
        )


def list_jobs(connection: sqlite3.Connection, question: JobsQuestion) -> JobsAnswer:
    """A page of a user's jobs, newest first, without their large columns."""
    statement, values = jobs_statement(question)
    with snapshot(connection):
        checkpoint = select_checkpoint(connection).sequence
        return _page(connection.execute(statement, values), question.limit, checkpoint)


def list_dead(connection: sqlite3.Connection, question: DeadQuestion) -> JobsAnswer:
    """A page of all users' dead letters, newest first, without their large columns."""
    before = SEQUENCE_MAX if question.before is None else question.before
    with snapshot(connection):
        checkpoint = select_checkpoint(connection).sequence
        rows = connection.execute(
            """
            SELECT record FROM jobs WHERE reason = 'executor_lost' AND queued_sequence < ?
            ORDER BY queued_sequence DESC LIMIT ?
            """,
            (before, question.limit + 1),
        )
        return _page(rows, question.limit, checkpoint)


def count_jobs(connection: sqlite3.Connection) -> StatsAnswer:
    """The number of jobs of each status, including zero."""
    with snapshot(connection):
        return StatsAnswer(
            checkpoint=select_checkpoint(connection).sequence,
            jobs=dict(connection.execute("SELECT status, jobs FROM totals").fetchall()),
        )


def find_usage(connection: sqlite3.Connection, question: UsageQuestion) -> UsageAnswer:
    """What one user holds; zero if the view has no job of the user."""
    with snapshot(connection):
        checkpoint = select_checkpoint(connection).sequence
        row = connection.execute(
            "SELECT jobs, log_bytes, artifact_bytes FROM usage WHERE user_id = ?", (question.user_id,)
        ).fetchone()
    jobs, log_bytes, artifact_bytes = row or (0, 0, 0)
    return UsageAnswer(checkpoint=checkpoint, jobs=jobs, log_bytes=log_bytes, artifact_bytes=artifact_bytes)


def jobs_statement(question: JobsQuestion) -> tuple[str, Values]:
    """The statement of a page and its parameters; it reads one extra row to know whether more follow.

    `created_from` is inclusive, `created_to` is exclusive.
    """
    source, owner = _OF_ALL if question.label is None else _OF_LABEL
    order = "jobs.queued_sequence" if question.label is None else "labels.queued_sequence"
    clauses = [owner, f"{order} < :before"]
    values: Values = {
        "user_id": question.user_id,
        "before": SEQUENCE_MAX if question.before is None else question.before,
        "rows": question.limit + 1,
    }
    if question.label is not None:
        values |= {"name": question.label[0], "value": question.label[1]}
    if question.status is not None:
        clauses.append("jobs.status = :status")
        values["status"] = question.status
    if question.language is not None:
        clauses.append("jobs.language = :language")
        values["language"] = question.language
    if question.session is not None:
        clauses.append("jobs.session = :session")
        values["session"] = question.session
    if question.created_from is not None:
        clauses.append("jobs.created_at_us >= :created_from")
        values["created_from"] = microseconds(question.created_from)
    if question.created_to is not None:
        clauses.append("jobs.created_at_us < :created_to")
        values["created_to"] = microseconds(question.created_to)
    parts = ("SELECT jobs.record FROM", source, "WHERE", " AND ".join(clauses))
    return " ".join((*parts, "ORDER BY", order, "DESC LIMIT :rows")), values


def _page(rows: Iterable[tuple[bytes]], limit: int, checkpoint: int) -> JobsAnswer:
    """As many rows as requested and as fit, at least one; a further row shows that more follow."""
    jobs: list[JobRecord] = []
    room = PAGE_BYTES_MAX
    for (record,) in rows:
        room -= len(record)
        if len(jobs) == limit or (jobs and room < 0):
            return JobsAnswer(checkpoint=checkpoint, jobs=tuple(jobs), before=jobs[-1].queued_sequence)
        jobs.append(decode_record(record))
    return JobsAnswer(checkpoint=checkpoint, jobs=tuple(jobs), before=None)


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """A read transaction: everything read inside comes from one snapshot."""
    with connection:
        connection.execute("BEGIN")
        yield
