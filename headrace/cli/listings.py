"""Columns and cells of the command line's lists."""

from collections.abc import Iterable
from datetime import UTC, datetime

from headrace.cli.listing import Cell, Column, Listing
from headrace.cli.readable import ago, duration, size
from headrace.cli.render import colour_of
from headrace.client.models import Artifacts
from shared.domain.record import JobSummary

JOB = Column("job", "job_id")
STATUS = Column("status", "status")
LANGUAGE = Column("language", "language")
REASON = Column("reason", "reason")
JOBS = (JOB, STATUS, LANGUAGE, Column("created", "created_at"), Column("took", "took_ms", True), REASON)
STATES = (
    JOB,
    Column("user", "user_id"),
    STATUS,
    Column("attempt", "attempt", True),
    LANGUAGE,
    Column("last event", "last_sequence"),
    REASON,
)
ARTIFACTS = (
    Column("path", "path"),
    Column("size", "size", True),
    Column("sha256", "sha256"),
    Column("skipped", "skipped"),
)


def jobs_listing(jobs: Iterable[JobSummary], now: datetime | None = None) -> Listing:
    """Jobs, one a row."""
    now = now or datetime.now(UTC)
    return Listing(JOBS, [_job_row(job, now) for job in jobs])


def _job_row(job: JobSummary, now: datetime) -> list[Cell]:
    return [
        Cell(job.job_id),
        status_cell(job),
        Cell(job.language),
        Cell(ago(job.created_at, now), job.created_at),
        took_cell(job),
        Cell(job.reason or ""),
    ]


def states_listing(jobs: Iterable[JobSummary]) -> Listing:
    """Jobs as they stood at some moment, one a row."""
    rows = [
        [
            Cell(job.job_id),
            Cell(job.user_id),
            status_cell(job),
            Cell(str(job.attempt)),
            Cell(job.language),
            Cell(f"#{job.last_sequence}", job.last_sequence),
            Cell(job.reason or ""),
        ]
        for job in jobs
    ]
    return Listing(STATES, rows)


def artifacts_listing(listed: Artifacts) -> Listing:
    """A job's artifacts, one a row; a file that is not kept has the reason."""
    kept = [
        [Cell(one.path), Cell(size(one.size), one.size), Cell(one.sha256), Cell("")]
        for one in listed.artifacts
    ]
    skipped = [
        [Cell(one.path), Cell(""), Cell(""), Cell(one.reason, style="yellow")] for one in listed.skipped
    ]
    return Listing(ARTIFACTS, kept + skipped)


def status_cell(job: JobSummary) -> Cell:
    """The job's status, in its colour."""
    return Cell(job.status, style=colour_of(job.status))


def took_cell(job: JobSummary) -> Cell:
    """Duration of the last attempt, from its start to its end; empty before it starts."""
    ms = took_ms(job)
    return Cell("") if ms is None else Cell(duration(ms), ms)


def took_ms(job: JobSummary) -> int | None:
    """The same in milliseconds."""
    if job.started_at is None or job.finished_at is None:
        return None
    return round((job.finished_at - job.started_at).total_seconds() * 1000)
