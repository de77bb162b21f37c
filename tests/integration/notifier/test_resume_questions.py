"""What a resume asks of the server: the same, whatever history its user has."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from services.notifier.app import TRANSPORTS, open_notifier
from services.notifier.settings import NotifierSettings
from shared.domain.cursor import microseconds
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from shared.service.http_server.server import listen
from shared.service.runtime import Service
from shared.settings import BrokerSettings
from tests import builders
from tests.integration.notifier.asking import Asked, operations, whole_users
from tests.integration.notifier.client import connected
from tests.integration.notifier.conftest import SECRET, token
from tests.integration.notifier.writer import Writer

MANY = 300
AT_ONCE = 20


async def _serve(stack: AsyncExitStack, broker: Asked, settings: BrokerSettings) -> str:
    """A notifier whose questions are counted."""
    changed = NotifierSettings(
        token_secret=SECRET,
        nats_url=settings.nats_url,
        nats_user=settings.nats_user,
        nats_password=settings.nats_password,
    )
    notifier = await open_notifier(Service("notifier"), changed, broker, TRANSPORTS)
    listener = listen("127.0.0.1", 0)
    working = asyncio.create_task(notifier.work(listener))

    async def stop() -> None:
        working.cancel()
        await asyncio.wait({working})

    stack.push_async_callback(stop)
    async with asyncio.timeout(30):
        await notifier.log_follower.caught_up.wait()
        await notifier.feed_follower.caught_up.wait()
    return f"ws://127.0.0.1:{listener.getsockname()[1]}/v1/ws"


@pytest.mark.clause("6.2")
async def test_with_few_jobs_and_with_many(
    broker: Broker, broker_settings: BrokerSettings, log: Log, writer: Writer
) -> None:
    """One that is an event behind, at a notifier that began after the event."""
    noted: dict[int, list[str]] = {}
    for jobs in (2, MANY):
        await writer.run_jobs(jobs, at_once=2)
        last = max(writer.events)
        seen_at = await log.stored_at(last)
        assert seen_at is not None
        asked = Asked(broker)
        async with AsyncExitStack() as stack:
            url = await _serve(stack, asked, broker_settings)
            async with connected(url, token=token()) as client:
                with asked.noting() as questions:
                    await client.subscribe("*", after=f"{last - 1}-{microseconds(seen_at)}")
                    assert (await client.event())["seq"] == last
        assert whole_users(questions) == []
        noted[jobs] = operations(questions)
    assert sorted(noted[MANY]) == ["DIRECT.GET.JOBS", "STREAM.INFO.FEED", "STREAM.INFO.JOBS"]
    assert noted[2] == noted[MANY]


@pytest.mark.clause("6.2")
async def test_with_nothing_missed_nothing_is_read(
    broker: Broker, broker_settings: BrokerSettings, writer: Writer
) -> None:
    asked = Asked(broker)
    async with AsyncExitStack() as stack:
        url = await _serve(stack, asked, broker_settings)
        async with connected(url, token=token()) as client:
            await client.subscribe("*")
            await writer.run_job(builders.job_id())
            cursor = (await client.until_terminal())[-1]["cursor"]
        with asked.noting() as questions:
            clients = [await stack.enter_async_context(connected(url, token=token())) for _ in range(AT_ONCE)]
            async with asyncio.timeout(30):
                await asyncio.gather(*(one.subscribe("*", after=cursor) for one in clients))
            end = await writer.append(builders.queued(builders.job_id()))
            assert [(await one.event())["seq"] for one in clients] == [end] * AT_ONCE
    assert set(operations(questions)) <= {"STREAM.INFO.JOBS", "STREAM.INFO.FEED"}
