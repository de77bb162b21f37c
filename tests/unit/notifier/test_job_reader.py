"""Sockets that wait for the same event of a job share one read of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from services.notifier.connections.registry import ClientRegistry
from services.notifier.transports.dialects.job_reader import JobReader
from shared.domain.record import JobRecord
from shared.jetstream.errors import UnreachableError
from tests import builders
from tests.builders import JOB, USER


class Stored:
    """A history that answers when it is told to."""

    def __init__(self) -> None:
        self.reads = 0
        self.may_answer = asyncio.Event()
        self.fails = False

    @asynccontextmanager
    async def place(self, user_id: str) -> AsyncIterator[None]:
        yield

    async def job(self, user_id: str, job_id: str) -> JobRecord | None:
        self.reads += 1
        await self.may_answer.wait()
        if self.fails:
            raise UnreachableError("no log")
        return builders.record()


class Registry:
    """As much of the registry as a reader uses."""

    def __init__(self, history: Stored) -> None:
        self.history = history


async def read_all(stored: Stored, *sequences: int | None) -> list[object]:
    reader = JobReader(cast("ClientRegistry", Registry(stored)))
    reading = [asyncio.create_task(reader.read(USER, JOB, sequence)) for sequence in sequences]
    await asyncio.sleep(0)
    stored.may_answer.set()
    return list(await asyncio.gather(*reading, return_exceptions=True))


async def test_one_event_is_read_once_for_all() -> None:
    stored = Stored()
    assert await read_all(stored, 7, 7, 7) == [builders.record()] * 3
    assert stored.reads == 1


async def test_another_event_and_a_question_are_read_anew() -> None:
    stored = Stored()
    await read_all(stored, 7, 8, None, None)
    assert stored.reads == 4


async def test_a_failure_reaches_all_and_is_not_kept() -> None:
    stored = Stored()
    stored.fails = True
    assert [type(one) for one in await read_all(stored, 7, 7)] == [UnreachableError] * 2
    stored.fails = False
    assert await read_all(stored, 7) == [builders.record()]


async def test_a_socket_that_ends_does_not_end_the_read_of_others() -> None:
    stored = Stored()
    reader = JobReader(cast("ClientRegistry", Registry(stored)))
    first, second = (asyncio.create_task(reader.read(USER, JOB, 7)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    stored.may_answer.set()
    assert await second == builders.record()


async def test_text_that_is_no_id_is_not_asked_for() -> None:
    stored = Stored()
    assert await JobReader(cast("ClientRegistry", Registry(stored))).read(USER, "no id") is None
    assert stored.reads == 0
