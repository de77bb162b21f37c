"""The log on a real server: one winner per expectation, every unknown outcome resolved, reads in order."""

import asyncio
from typing import Any

import pytest

from headrace.local.nats_server import NatsServer
from shared.contract.codec import encode
from shared.contract.subjects import JOBS, job_event, job_events, user_events
from shared.domain.events import Event, SourceFile
from shared.domain.job import Expired, Finished, NoJob, Running
from shared.jetstream.connection import Broker
from shared.jetstream.errors import UnreachableError
from shared.jetstream.event_log import Appended, Conflict, Log
from shared.jetstream.message import Message
from shared.jetstream.requests import OnReply
from shared.jetstream.stored_message import Entry, read_batch
from tests import builders

PATIENCE_S = 20.0


async def test_a_job_is_read_back_as_it_was_appended(log: Log) -> None:
    first = await log.append(builders.queued(), expected=0, patience_s=PATIENCE_S)
    assert isinstance(first, Appended)
    second = await log.append(builders.running(), expected=first.sequence, patience_s=PATIENCE_S)
    assert isinstance(second, Appended)

    history = await log.read_job(builders.USER, builders.JOB)

    assert [entry.event() for entry in history.entries] == [builders.queued(), builders.running()]
    assert isinstance(history.state, Running)
    assert history.last_sequence == second.sequence


async def test_an_unknown_job_is_nothing(log: Log) -> None:
    history = await log.read_job(builders.USER, builders.JOB)
    assert history.state == NoJob()
    assert history.last_sequence == 0


async def test_an_append_that_expects_the_past_is_refused_with_the_present(log: Log) -> None:
    first = await log.append(builders.queued(), expected=0, patience_s=PATIENCE_S)
    assert isinstance(first, Appended)
    assert await log.append(builders.queued(), expected=0, patience_s=PATIENCE_S) == Conflict(first.sequence)


async def test_one_of_many_racing_writers_wins(log: Log) -> None:
    for _ in range(50):
        job = builders.job_id()
        queued = await log.append(builders.queued(job), expected=0, patience_s=PATIENCE_S)
        assert isinstance(queued, Appended)
        racers = [
            log.append(event, expected=queued.sequence, patience_s=PATIENCE_S)
            for event in (
                builders.running(job, executor_id="x1"),
                builders.running(job, executor_id="x2"),
                builders.cancelled(job),
                builders.running(job, executor_id="x3"),
            )
        ]
        results = await asyncio.gather(*racers)
        winners = [result for result in results if isinstance(result, Appended)]
        assert len(winners) == 1
        assert {result for result in results if isinstance(result, Conflict)} == {
            Conflict(winners[0].sequence)
        }
        assert len((await log.read_job(builders.USER, job)).entries) == 2


async def test_an_append_whose_answer_was_lost_is_recognised_as_its_own(log: Log, broker: Broker) -> None:
    """The same event id is already stored, as after a publish that timed out but was delivered later."""
    subject = job_event(builders.USER, builders.JOB, "queued")
    headers = {
        "Nats-Msg-Id": "an-event-id",
        "Nats-Expected-Last-Subject-Sequence": "0",
        "Nats-Expected-Last-Subject-Sequence-Subject": subject.replace(".queued", ".*"),
    }
    await broker.request(subject, encode(builders.queued()), headers=headers)
    again = await log._try_store(  # noqa: SLF001 - one publish with a chosen event id is what is tested
        subject, encode(builders.queued()), headers, JOBS
    )
    assert again == Appended(1)


async def test_an_append_waits_for_a_server_that_restarts(log: Log, nats_server: NatsServer) -> None:
    await nats_server.kill()
    appending = asyncio.create_task(log.append(builders.queued(), expected=0, patience_s=30))
    await nats_server.start()
    assert isinstance(await appending, Appended)
    assert len((await log.read_job(builders.USER, builders.JOB)).entries) == 1


async def test_an_append_without_a_server_says_that_its_outcome_is_unknown(
    log: Log, nats_server: NatsServer
) -> None:
    await nats_server.kill()
    with pytest.raises(UnreachableError):
        await log.append(builders.queued(), expected=0, patience_s=0.2)


async def test_replay_reads_a_range_of_one_user_across_batches(log: Log) -> None:
    for _ in range(300):
        job = builders.job_id()
        await log.append(builders.queued(job), expected=0, patience_s=PATIENCE_S)
        await log.append(builders.queued(job, "bob"), expected=0, patience_s=PATIENCE_S)

    sequences = [entry.sequence async for entry in log.replay(user_events("bob"))]
    assert sequences == list(range(2, 601, 2))
    part = [entry.sequence async for entry in log.replay(user_events("bob"), after=4, up_to=10)]
    assert part == [6, 8, 10]


async def test_a_history_ends_with_its_terminal_event(log: Log) -> None:
    sequence = 0
    for event in (builders.queued(), builders.running(), builders.completed()):
        appended = await log.append(event, expected=sequence, patience_s=PATIENCE_S)
        assert isinstance(appended, Appended)
        sequence = appended.sequence
    assert isinstance((await log.read_job(builders.USER, builders.JOB)).state, Finished)


async def test_large_events_come_in_bounded_batches(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten events of 1 MB are more than one answer may hold; nothing is missing all the same."""
    source = (SourceFile(name="main.py", content="x" * 1_000_000),)
    for _ in range(10):
        await log.append(builders.queued(builders.job_id(), files=source), expected=0, patience_s=PATIENCE_S)
    sizes: list[int] = []

    async def counted(*arguments: Any) -> tuple[list[Entry], bool]:  # noqa: ANN401 - passed on
        batch, more = await read_batch(*arguments)
        sizes.append(len(batch))
        return batch, more

    monkeypatch.setattr("shared.jetstream.event_log.read_batch", counted)
    assert [entry.sequence async for entry in log.replay("jobs.*.*.*")] == list(range(1, 11))
    assert len(sizes) > 1
    assert max(sizes) < 10


async def test_a_history_that_ends_in_a_tombstone_is_nothing_else(broker: Broker, log: Log) -> None:
    """A server that dies while it purges may leave any part of what was before."""
    life: list[Event] = [builders.queued(), builders.running(), builders.completed(), builders.expired()]
    for sequence, event in enumerate(life):
        await log.append(event, expected=sequence, patience_s=PATIENCE_S)
    await broker.api(f"STREAM.MSG.DELETE.{JOBS}", {"seq": 1})
    history = await log.read_job(builders.USER, builders.JOB)
    assert history.state == Expired(builders.expired())
    await log.purge_before(builders.USER, builders.JOB, 4)
    await log.purge_before(builders.USER, builders.JOB, 4)
    assert [entry.sequence for entry in (await log.read_job(builders.USER, builders.JOB)).entries] == [4]


async def test_the_log_forgets_an_event_with_a_time_to_live(log: Log) -> None:
    result = await log.append(builders.expired(), expected=0, patience_s=PATIENCE_S, ttl_s=1)
    assert result == Appended(1)
    async with asyncio.timeout(PATIENCE_S):
        while await log.last(job_events(builders.USER, builders.JOB)) is not None:
            pass


class Lossy(Broker):
    """A connection on which the message of one sequence is lost, `losses` times."""

    def __init__(self, broker: Broker, sequence: int, losses: int) -> None:
        self.__dict__ = dict(broker.__dict__)
        self._sequence = str(sequence)
        self.losses = losses

    async def collect(self, subject: str, payload: bytes, on_reply: OnReply, *, timeout_s: float) -> None:
        def receive(message: Message) -> bool:
            if self.losses and (message.headers or {}).get("Nats-Sequence") == self._sequence:
                self.losses -= 1
                return False
            return on_reply(message)

        await super().collect(subject, payload, receive, timeout_s=timeout_s)


@pytest.mark.parametrize("sequence", [1, 2, 3])
async def test_a_batch_that_has_lost_a_message_is_no_batch(broker: Broker, log: Log, sequence: int) -> None:
    """Its messages come one by one, and a connection may break and be made again between two of them."""
    for _ in range(3):
        await log.append(builders.queued(builders.job_id()), expected=0, patience_s=PATIENCE_S)
    lossy = Lossy(broker, sequence, 1)
    with pytest.raises(UnreachableError, match="not whole"):
        await read_batch(lossy, JOBS, "jobs.*.*.*", 1)
    assert lossy.losses == 0
    entries, more = await read_batch(lossy, JOBS, "jobs.*.*.*", 1)
    assert [entry.sequence for entry in entries] == [1, 2, 3]
    assert not more
