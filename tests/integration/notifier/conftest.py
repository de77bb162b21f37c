"""Notifiers to test: one in this process over the test's own server, and real processes."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headrace.local.nats_server import NatsServer, free_port
from services.notifier.app import TRANSPORTS, open_notifier
from services.notifier.connections.transport import TransportFactory
from services.notifier.settings import NotifierSettings
from shared.auth import LEEWAY_S, SCOPE_JOBS, Tokens
from shared.jetstream.connection import Broker, connect
from shared.jetstream.event_log import Log
from shared.service.http_server.server import listen
from shared.service.runtime import Service
from shared.settings import BrokerSettings, TokenSettings
from tests import builders
from tests.integration.notifier.writer import Writer

SECRET = "a secret of the tests, long enough for HS256"

Serve = Callable[..., Awaitable[str]]


def token(
    user: str = builders.USER,
    *,
    lasts_s: float = 3_600,
    scopes: frozenset[str] = frozenset({SCOPE_JOBS}),
) -> str:
    """A token that is accepted for `lasts_s`, the leeway included."""
    lifetime = timedelta(seconds=lasts_s - LEEWAY_S)
    return Tokens(TokenSettings(token_secret=SECRET)).issue(
        user, lifetime=lifetime, now=datetime.now(UTC), scopes=scopes
    )


@asynccontextmanager
async def serving(
    broker_settings: BrokerSettings,
    transports: Sequence[TransportFactory] = TRANSPORTS,
    **changes: float | str,
) -> AsyncIterator[str]:
    """A notifier in this process, caught up; gives the URL of its socket."""
    settings = NotifierSettings(
        token_secret=SECRET,
        nats_url=broker_settings.nats_url,
        nats_user=broker_settings.nats_user,
        nats_password=broker_settings.nats_password,
        **changes,  # type: ignore[arg-type]  # the caller names real fields
    )
    async with connect(settings, service="notifier") as broker:
        notifier = await open_notifier(Service("notifier"), settings, broker, transports)
        listener = listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        working = asyncio.create_task(notifier.work(listener))
        try:
            async with asyncio.timeout(30):
                await notifier.log_follower.caught_up.wait()
                await notifier.feed_follower.caught_up.wait()
            yield f"ws://127.0.0.1:{port}/v1/ws"
        finally:
            working.cancel()
            await asyncio.wait({working})


@pytest.fixture
async def serve(broker: Broker, broker_settings: BrokerSettings) -> AsyncIterator[Serve]:
    """Start a notifier with changed settings."""
    async with AsyncExitStack() as stack:

        async def start(**changes: float | str) -> str:
            return await stack.enter_async_context(serving(broker_settings, TRANSPORTS, **changes))

        yield start


@pytest.fixture
async def url(serve: Serve) -> str:
    """A notifier with the default settings."""
    return await serve()


@pytest.fixture
def writer(broker: Broker, log: Log) -> Writer:
    """Writes jobs as the api and an executor would."""
    return Writer(broker, log)


@dataclass
class NotifierProcess:
    """``python -m services.notifier`` and what it wrote to standard error."""

    process: Process
    url: str
    lines: list[str]
    reading: asyncio.Task[None]

    async def ended(self) -> int:
        """Wait for its end; returns the exit status."""
        status = await self.process.wait()
        await self.reading
        return status


Start = Callable[..., Awaitable[NotifierProcess]]


@pytest.fixture
async def start_process(broker: Broker, nats_server: NatsServer) -> AsyncIterator[Start]:
    """Start a notifier as a process of its own, listening."""
    started: list[NotifierProcess] = []

    async def start(**settings: object) -> NotifierProcess:
        port = free_port()
        changes = {f"HEADRACE_{name.upper()}": str(value) for name, value in settings.items()}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.notifier",
            stderr=PIPE,
            cwd=Path(__file__).parents[3],
            env={
                **os.environ,
                **nats_server.environment,
                "HEADRACE_TOKEN_SECRET": SECRET,
                "HEADRACE_NOTIFIER_PORT": str(port),
                **changes,
            },
        )
        lines: list[str] = []
        listening = asyncio.Event()
        reading = asyncio.create_task(_read(process, lines, listening))
        notifier = NotifierProcess(process, f"ws://127.0.0.1:{port}/v1/ws", lines, reading)
        started.append(notifier)
        async with asyncio.timeout(20):
            await listening.wait()
        return notifier

    yield start
    for notifier in started:
        if notifier.process.returncode is None:
            notifier.process.kill()
        await notifier.ended()


async def _read(process: Process, lines: list[str], listening: asyncio.Event) -> None:
    assert process.stderr is not None
    async for line in process.stderr:
        lines.append(line.decode())
        if '"listening"' in lines[-1]:
            listening.set()
