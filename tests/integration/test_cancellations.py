"""Stopping a job, whoever asks: the outcome as a value, and decided again when the job moves on meanwhile."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from shared.domain.decisions import CommandContext, Refuse
from shared.domain.events import JobCancelled, JobCancelRequested, kind_of
from shared.jetstream.cancel import Cancellations, Requested, Stale
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.job_history import History as JobHistory
from shared.jetstream.job_record import record_of
from tests import builders
from tests.integration.notifier.writer import Writer

MOMENT = CommandContext(datetime(2026, 1, 2, tzinfo=UTC), "req-9")


class MovingLog(Log):
    """The log, in which the job starts just after it was read for the first time."""

    def __init__(self, broker: Broker, writer: Writer) -> None:
        super().__init__(broker)
        self._writer = writer
        self.reads = 0

    async def read_job(self, user_id: str, job_id: str, *, min_sequence: int | None = None) -> JobHistory:
        history = await super().read_job(user_id, job_id, min_sequence=min_sequence)
        self.reads += 1
        if self.reads == 1:
            await self._writer.append(builders.running(job_id))
        return history


async def test_a_job_that_starts_meanwhile_is_asked_to_stop(broker: Broker) -> None:
    writer = Writer(broker, Log(broker))
    job = builders.job_id()
    await writer.append(builders.queued(job))
    log = MovingLog(broker, writer)
    outcome = await Cancellations(log, patience_s=5).cancel(builders.USER, job, MOMENT)
    assert isinstance(outcome, Requested)
    assert (outcome.job.status, outcome.job.attempt) == ("running", 1)
    assert log.reads == 2
    *_, last = (await log.read_job(builders.USER, job)).entries
    assert isinstance(last.event(), JobCancelRequested)


async def test_a_condition_holds_until_the_event_is_stored(broker: Broker) -> None:
    """The job starts between the look at it and the append: what the caller saw is not there any more."""
    writer = Writer(broker, Log(broker))
    job = builders.job_id()
    seen = await writer.append(builders.queued(job))
    log = MovingLog(broker, writer)
    outcome = await Cancellations(log, patience_s=5).cancel_if(builders.USER, job, MOMENT, expected=seen)
    history = await log.read_job(builders.USER, job)
    assert outcome == Stale(history.last_sequence)
    assert [kind_of(entry.event()) for entry in history.entries] == ["queued", "running"]


async def test_the_outcomes(broker: Broker, log: Log) -> None:
    cancellations = Cancellations(log, patience_s=5)
    job = builders.job_id()
    assert await cancellations.cancel(builders.USER, job, MOMENT) == Refuse("unknown_job")
    assert isinstance(await log.append(builders.queued(job), expected=0, patience_s=5), Appended)
    assert await cancellations.cancel("bob", job, MOMENT) == Refuse("unknown_job")
    requested = await cancellations.cancel(builders.USER, job, MOMENT)
    *_, last = (await log.read_job(builders.USER, job)).entries
    cancelled = last.event()
    assert isinstance(cancelled, JobCancelled)
    assert isinstance(requested, Requested)
    assert (requested.job.status, requested.job.last_sequence) == ("cancelled", last.sequence)
    assert (cancelled.by, cancelled.request_id, cancelled.attempt) == (builders.USER, "req-9", None)
    assert await cancellations.cancel(builders.USER, job, MOMENT) == Refuse("already_finished")


@pytest.mark.parametrize("status", ["queued", "running", "asked to stop"])
async def test_a_cancel_takes_three_round_trips(
    broker: Broker, log: Log, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the job ends, its events, and the append: the answer is folded from what is known then."""
    writer = Writer(broker, log)
    job = builders.job_id()
    await writer.append(builders.queued(job))
    if status != "queued":
        await writer.append(builders.running(job))
    cancellations = Cancellations(log, patience_s=5)
    if status == "asked to stop":
        await cancellations.cancel(builders.USER, job, MOMENT)
    subjects: list[str] = []
    publish = broker.publish

    async def counted(
        subject: str, payload: bytes, *, reply: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        subjects.append(subject)
        await publish(subject, payload, reply=reply, headers=headers)

    monkeypatch.setattr(broker, "publish", counted)
    outcome = await cancellations.cancel(builders.USER, job, MOMENT)
    asked = len(subjects)
    assert isinstance(outcome, Requested)
    assert asked == (2 if status == "asked to stop" else 3), subjects
    assert outcome.job == record_of(await log.read_entries(builders.USER, job), reader="test")
