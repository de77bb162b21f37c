"""Requests to the view over NATS request/reply, and their replies.

The api sends them, the projector replies. A request that cannot be decoded gets a `ViewProblem`.
"""

from datetime import datetime
from typing import TypeAlias

from shared.domain.contract_struct import ContractStruct
from shared.domain.record import JobRecord, JobSummary, OpenStatus

PAGE_MAX = 100
PAGE_BYTES_MAX = 1024 * 1024
"""JSON bytes of a page's jobs: a page of jobs with many labels ends early, but has at least one job."""


class JobQuestion(ContractStruct, frozen=True, kw_only=True):
    """`view.job`: one job of one user."""

    user_id: str
    job_id: str


class JobAnswer(ContractStruct, frozen=True, kw_only=True, tag="job"):
    """The job, or None if the view does not have it (yet). `checkpoint` is the last folded sequence."""

    checkpoint: int
    job: JobRecord | None


class JobsQuestion(ContractStruct, frozen=True, kw_only=True):
    """`view.jobs`: a page of one user's jobs, newest first, with a `queued_sequence` below `before`."""

    user_id: str
    status: OpenStatus | None = None
    language: str | None = None
    session: str | None = None
    label: tuple[str, str] | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    before: int | None = None
    limit: int = 20


class JobsAnswer(ContractStruct, frozen=True, kw_only=True, tag="jobs"):
    """One page of `view.jobs` or `view.dead`; `before` continues it, None at the end."""

    checkpoint: int
    jobs: tuple[JobSummary, ...]
    before: int | None


class DeadQuestion(ContractStruct, frozen=True, kw_only=True):
    """`view.dead`: a page of all users' jobs that lost their executor too often, newest first."""

    before: int | None = None
    limit: int = 20


class StatsAnswer(ContractStruct, frozen=True, kw_only=True, tag="stats"):
    """`view.stats`: how many jobs of each status there are."""

    checkpoint: int
    jobs: dict[str, int]


class UsageQuestion(ContractStruct, frozen=True, kw_only=True):
    """`view.usage`: one user's usage of the log and of the store of artifacts."""

    user_id: str


class UsageAnswer(ContractStruct, frozen=True, kw_only=True, tag="usage"):
    """Bytes of the user's events and of the files that they name, and the number of these jobs."""

    checkpoint: int
    jobs: int
    log_bytes: int
    artifact_bytes: int


class ViewProblem(ContractStruct, frozen=True, kw_only=True, tag="problem"):
    """The request failed."""

    detail: str


ViewAnswer: TypeAlias = JobAnswer | JobsAnswer | StatsAnswer | UsageAnswer | ViewProblem
