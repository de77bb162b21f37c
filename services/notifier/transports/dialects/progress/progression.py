"""How far one job has come, as one connection is told it, from notes of the feed and events of the log.

The feed may lose notes and repeat one, and a stale executor may still write notes of an earlier attempt. What
comes out never falls within an attempt, names each stage's end once, and begins at 0 in every attempt. Pure.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import msgspec

from shared.domain.record import JobRecord
from shared.domain.result import StageReport

WITHOUT_VERDICT = frozenset({"rejected", "sandbox_error"})
"""Reasons of failure that say nothing of a stage: those that were run had ended well."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A `job.progress`, of any version."""

    attempt: int
    stage: str
    percent: int
    message: str
    time: datetime
    remaining_s: float | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """The job has come so far. `percent` is 0 to 100, `remaining_s` is of the stage."""

    attempt: int
    stage: str
    percent: int
    message: str
    remaining_s: float | None
    time: datetime


@dataclass(frozen=True, slots=True)
class StageEnded:
    """A stage ended well; what it used is known at the job's end."""

    attempt: int
    stage: str
    report: StageReport | None
    time: datetime


Step: TypeAlias = Update | StageEnded


class Progression:
    """Of one job, for one connection."""

    def __init__(self) -> None:
        """Begin before the first attempt."""
        self.attempt = 0
        self.latest: Update | None = None
        self._first_stage: str | None = None
        self._stages: list[str] = []
        self._ended: set[str] = set()
        self._seen: set[tuple[str, int, str]] = set()

    def begin(self, attempt: int, time: datetime) -> list[Step]:
        """An attempt has begun. A further one starts again at 0, in the stage with which the first began."""
        if attempt <= self.attempt:
            return []
        self.attempt, self.latest = attempt, None
        self._stages, self._ended, self._seen = [], set(), set()
        if self._first_stage is None:
            return []
        return [self._start(self._first_stage, time)]

    def take(self, note: Note) -> list[Step]:
        """The feed has a note."""
        if note.attempt < self.attempt:
            return []
        steps = self.begin(note.attempt, note.time)
        key = note.stage, note.percent, note.message
        is_of_earlier_stage = note.stage in self._stages[:-1]
        if key in self._seen or is_of_earlier_stage:
            return steps
        self._seen.add(key)
        if note.stage not in self._stages:
            steps += self._next_stage(note)
        if self.latest is None and note.percent > 0:
            steps.append(self._start(note.stage, note.time))
        steps.append(self._update(note))
        return steps

    def finish(self, job: JobRecord) -> list[StageEnded]:
        """The job has ended: the stages that ended well and were not told yet."""
        assert job.finished_at is not None, "it has ended"
        self.begin(job.attempt, job.finished_at)
        untold = [report for report in _ended_well(job) if report.name not in self._ended]
        self._ended.update(report.name for report in untold)
        return [StageEnded(job.attempt, report.name, report, job.finished_at) for report in untold]

    def _next_stage(self, note: Note) -> list[Step]:
        """A stage begins only after the one before it has ended well."""
        steps: list[Step] = []
        if self._stages and self._stages[-1] not in self._ended:
            self._ended.add(self._stages[-1])
            steps.append(StageEnded(self.attempt, self._stages[-1], None, note.time))
        self._stages.append(note.stage)
        self._first_stage = self._first_stage or note.stage
        return steps

    def _start(self, stage: str, time: datetime) -> Update:
        self.latest = Update(self.attempt, stage, 0, f"attempt {self.attempt} started", None, time)
        return self.latest

    def _update(self, note: Note) -> Update:
        least = 0 if self.latest is None else self.latest.percent
        self.latest = Update(
            attempt=self.attempt,
            stage=note.stage,
            percent=min(max(note.percent, least), 100),
            message=note.message or note.stage,
            remaining_s=note.remaining_s,
            time=note.time,
        )
        return self.latest


def present_state(steps: list[Step], attempt: int) -> list[Step]:
    """Of all steps so far, what a new subscriber is told: the attempt's ended stages, and its last update."""
    current = [step for step in steps if step.attempt == attempt]
    ended: list[Step] = [step for step in current if isinstance(step, StageEnded)]
    updates = [step for step in current if isinstance(step, Update)]
    return ended + updates[-1:]


def _ended_well(job: JobRecord) -> tuple[StageReport, ...]:
    """Every stage before the last one has; the last one if nothing else is wrong."""
    reports = () if job.result is None else job.result.stages
    is_whole = job.status == "completed" or job.reason in WITHOUT_VERDICT
    return reports if is_whole else reports[:-1]
