"""The log of a history, decoded once: the truth that everything else is compared with."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.contract.codec import decode_event, event_object
from shared.domain.events import (
    Event,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobQueued,
    JobRunning,
    JobTimeout,
)
from shared.domain.record import JobRecord, fold
from tests.faults.history import Stored, digest_of_event, digest_of_record

TERMINAL = (JobCompleted, JobFailed, JobTimeout, JobCancelled)
KEY_LABEL = "key"
"""Every submission of a run carries its Idempotency-Key as a label, so that the log tells of it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One event of the log: where, when, what."""

    sequence: int
    stored_at: datetime
    event: Event

    @property
    def is_terminal(self) -> bool:
        return isinstance(self.event, TERMINAL)

    def __str__(self) -> str:
        return f"{type(self.event).__name__} at {self.sequence}"


@dataclass(frozen=True, slots=True)
class Story:
    """All facts in the order of the log; by job; what clients are shown of each; each job's records."""

    facts: tuple[Fact, ...]
    of_job: Mapping[str, tuple[Fact, ...]]
    digests: Mapping[int, str]
    records: Mapping[tuple[str, int], str]
    """The digest of a job's record as of a sequence."""
    newest: Mapping[str, JobRecord]

    def queued(self, job_id: str) -> JobQueued | None:
        """How the job began, if it did."""
        for fact in self.of_job.get(job_id, ()):
            if isinstance(fact.event, JobQueued):
                return fact.event
        return None

    def attempts(self, job_id: str) -> list[tuple[Fact, JobRunning]]:
        """The job's attempts in the order of the log."""
        return [
            (fact, fact.event) for fact in self.of_job.get(job_id, ()) if isinstance(fact.event, JobRunning)
        ]

    def end(self, job_id: str) -> Fact | None:
        """The job's first terminal event."""
        return next((fact for fact in self.of_job.get(job_id, ()) if fact.is_terminal), None)


def story_of(log: Sequence[Stored]) -> Story:
    """Decode and fold. Raises UndecodableError, UnknownTagError."""
    facts: list[Fact] = []
    of_job: dict[str, list[Fact]] = defaultdict(list)
    digests: dict[int, str] = {}
    records: dict[tuple[str, int], str] = {}
    newest: dict[str, JobRecord] = {}
    for stored in log:
        payload = bytes(stored.event)
        event = decode_event(stored.subject, payload)
        fact = Fact(stored.sequence, stored.stored_at, event)
        facts.append(fact)
        of_job[event.job_id].append(fact)
        shown = event_object(payload, cursor="", stored_at=stored.stored_at, seq=stored.sequence)
        digests[stored.sequence] = digest_of_event(shown)
        record = fold(newest.get(event.job_id), event, stored.sequence)
        if record is not None:
            newest[event.job_id] = record
            records[event.job_id, stored.sequence] = digest_of_record(record)
    return Story(tuple(facts), {job: tuple(told) for job, told in of_job.items()}, digests, records, newest)
