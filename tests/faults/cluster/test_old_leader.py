"""A leader that was frozen answers as of then, until it hears that there is another one: nobody believes it.

Seen on a real cluster (docs/decisions/0022): its STREAM.INFO ends where it ended, it names itself the leader,
and it refuses appends as conflicts with events of long ago. Here a real server's answers are made old, a few
of them, because the real thing lasts for milliseconds.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.projector.database import open_database
from services.projector.log_identity import compare
from services.projector.rows import clear_view, select_checkpoint
from services.projector.view import apply_entries
from shared.contract.subjects import JOBS
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import IN_PROCESS, Appended, Conflict, Log
from shared.jetstream.follower import Follower
from shared.jetstream.message import Message
from shared.jetstream.stored_message import NO_MESSAGE, Entry
from tests import builders

COUNT = 30
WRONG_SEQUENCE = 10071
PATIENCE_S = 10.0


class OldLeader(Broker):
    """A connection whose answers about the log are old, `lies` times; `end` is the last sequence of then."""

    def __init__(self, broker: Broker, *, end: int, lies: int, refusal: int = WRONG_SEQUENCE) -> None:
        self.__dict__ = broker.__dict__
        self._end = end
        self._lies = lies
        self._refusal = refusal

    @property
    def was_believed(self) -> bool:
        return self._lies > 0

    async def api_answer(self, operation: str, body: object = None, *, timeout_s: float = 2.0) -> bytes:
        told = await super().api_answer(operation, body, timeout_s=timeout_s)
        answer = json.loads(told)
        if self._lies > 0 and operation == f"STREAM.INFO.{JOBS}":
            self._lies -= 1
            answer["state"]["last_seq"] = self._end
            return json.dumps(answer).encode()
        if (
            self._lies > 0
            and operation.startswith("STREAM.MSG.GET.")
            and int(answer.get("message", {}).get("seq", 0)) > self._end
        ):
            self._lies -= 1
            return json.dumps({"error": {"err_code": NO_MESSAGE, "description": "no message found"}}).encode()
        return told

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 2.0,
    ) -> Message:
        if self._lies > 0 and subject.startswith("jobs."):
            self._lies -= 1
            return Refusal(subject, self._refusal)
        return await super().request(subject, payload, headers=headers, timeout_s=timeout_s)


class Refusal:
    """What an old leader says to an append that follows an event that it does not know."""

    def __init__(self, subject: str, code: int) -> None:
        self.subject = subject
        self.reply = ""
        self.headers: dict[str, str] | None = None
        error = {"code": 400, "err_code": code, "description": "wrong last sequence: 0"}
        self.data = json.dumps({"error": error}).encode()


async def append_jobs(log: Log, count: int) -> None:
    for _ in range(count):
        await log.append(builders.queued(builders.job_id()), expected=0, patience_s=PATIENCE_S)


async def test_an_append_that_is_refused_for_an_old_event_is_made_again(broker: Broker, log: Log) -> None:
    job = builders.job_id()
    first = await log.append(builders.queued(job), expected=0, patience_s=PATIENCE_S)
    assert isinstance(first, Appended)
    old = OldLeader(broker, end=0, lies=2)
    event = builders.running(job)
    result = await Log(old).append(event, expected=first.sequence, patience_s=PATIENCE_S)
    assert isinstance(result, Appended)
    assert not old.was_believed


async def test_an_append_that_is_still_under_way_is_made_again(broker: Broker) -> None:
    """A leader that has lost its quorum says so of a repeated message, until it has one again."""
    old = OldLeader(broker, end=0, lies=2, refusal=IN_PROCESS)
    result = await Log(old).append(builders.queued(), expected=0, patience_s=PATIENCE_S)
    assert isinstance(result, Appended)
    assert not old.was_believed


async def test_a_log_that_did_lose_its_end_is_believed_in_the_end(log: Log) -> None:
    result = await log.append(builders.running(builders.job_id()), expected=99, patience_s=0.3)
    assert result == Conflict(0)


@pytest.mark.parametrize("lies", [1, 3])
async def test_a_follower_does_not_begin_anew(broker: Broker, log: Log, lies: int) -> None:
    await append_jobs(log, COUNT)
    seen: list[int] = []
    old = OldLeader(broker, end=2, lies=0)

    async def handle(batch: list[Entry]) -> None:
        seen.extend(entry.sequence for entry in batch)

    follower = Follower(old, JOBS, handle, service="test")
    following = asyncio.create_task(follower.run())
    async with asyncio.timeout(30):
        await follower.wait_for(COUNT)
        consumers = (await broker.api(f"CONSUMER.NAMES.{JOBS}"))["consumers"]
        (name,) = (name for name in consumers if name.startswith("test-"))
        old.__dict__.update(_end=2, _lies=lies)
        await broker.api(f"CONSUMER.DELETE.{JOBS}.{name}")
        await append_jobs(log, 1)
        await follower.wait_for(COUNT + 1)
    following.cancel()
    assert not old.was_believed
    assert seen == list(range(1, COUNT + 2))


async def test_a_view_is_not_made_anew(broker: Broker, log: Log, tmp_path: Path) -> None:
    await append_jobs(log, COUNT)
    entries = [entry async for entry in log.replay("jobs.>")]
    created = (await broker.api(f"STREAM.INFO.{JOBS}"))["created"]
    async with open_database(tmp_path / "view.sqlite") as database:
        await database.writer.call(clear_view, created)
        await database.writer.call(apply_entries, entries)
        old = OldLeader(broker, end=2, lies=2)
        _, _, why = await compare(old, database)
        assert why is None
        assert not old.was_believed
        assert (await database.writer.call(select_checkpoint)).sequence == COUNT
        _, _, why = await compare(OldLeader(broker, end=2, lies=100), database)
        assert why == f"the view is at {COUNT}, JOBS ends at 2"
