"""The whole stack as a user starts it: nats-server and the four services as processes on free ports."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from headrace.client.client import AsyncClient
from headrace.client.endpoint import LOCAL_USER
from headrace.local.stack import tokens_of
from headrace.local.supervisor import Stack, run_stack
from shared.contract.codec import EventObject
from shared.jetstream.connection import Broker, connect
from shared.settings import BrokerSettings
from tests.http_client import http_client

HERE = Path(__file__).parent
TERMINAL = frozenset({"job.completed.v1", "job.failed.v1", "job.timeout.v1", "job.cancelled.v1"})
PATIENCE_S = 90.0
"""Of a client's calls: on a busy machine an answer may take longer than users should have to wait."""


class User:
    """One user of a running stack."""

    def __init__(self, name: str, client: AsyncClient, token: str, stack: Stack) -> None:
        self.name = name
        self.client = client
        self.token = token
        self.stack = stack

    async def run(self, language: str, code: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Submit a program and wait for its end; returns the finished job as JSON has it."""
        job = await self.client.submit({"language": language, "code": code, **more})
        await self.until_terminal(job.job_id)
        found: dict[str, Any] = msgspec.to_builtins(await self.client.get(job.job_id))
        return found

    async def until_terminal(self, job_id: str) -> list[EventObject]:
        """Every event and note of a job, watched live until it ends."""
        async with asyncio.timeout(60):
            return [event async for event in self.client.follow(job_id)]

    async def until(self, job_id: str, kind: str) -> EventObject:
        """The job's first event of a kind, for example ``running``."""
        async with asyncio.timeout(60):
            async for event in self.client.follow(job_id):
                if event.type.split(".")[1] == kind:
                    return event
        raise AssertionError(f"{job_id} ended without {kind}")


_numbers = itertools.count(1)


@asynccontextmanager
async def user_of(stack: Stack, name: str = "", **claims: Any) -> AsyncIterator[User]:  # noqa: ANN401 - claims
    """A user with a token of this stack; without a name a new one, of whom nothing is stored."""
    name = name or f"user-{next(_numbers)}"
    tokens = tokens_of(stack.directory)
    token = tokens.issue(name, lifetime=timedelta(hours=1), now=datetime.now(UTC), **claims)
    address = stack.address
    async with AsyncClient(
        address.api_url, token, websocket_url=address.websocket_url, patience_s=PATIENCE_S
    ) as client:
        yield User(name, client, token, stack)


@asynccontextmanager
async def broker_of(stack: Stack) -> AsyncIterator[Broker]:
    """A connection of the test's own to the log, answered where the api is: projectors answer only there."""
    settings = BrokerSettings(
        nats_url=stack.nats.url, nats_user=stack.nats.user, nats_password=stack.nats.password
    )
    async with connect(settings, service="api") as broker:
        yield broker


def assert_nothing_was_refused(stack: Stack) -> None:
    """No service tried what its NATS user may not do."""
    logs = {path.name: path.read_text() for path in stack.directory.glob("*.log")}
    assert logs
    assert [name for name, text in logs.items() if "broker_refused" in text] == []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test runs on the loop of the stack that it shares. Its fixtures do so too, and say it themselves."""
    for item in items:
        shares = isinstance(item, pytest.Function) and "shared_stack" in item.fixturenames
        if shares and item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """One stack for all tests that do not disturb it: a start costs as much as some hundred of their jobs.

    Each has users of its own, and asserts nothing of what all users have together.
    """
    async with run_stack(tmp_path_factory.mktemp("stack") / "data") as stack:
        yield stack
        assert_nothing_was_refused(stack)


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A stack of the test's own, to be broken."""
    async with run_stack(tmp_path / "data") as running:
        yield running
        assert_nothing_was_refused(running)


@pytest_asyncio.fixture(loop_scope="session")
async def alice(shared_stack: Stack) -> AsyncIterator[User]:
    """A user of the shared stack, in each test a new one."""
    async with user_of(shared_stack) as user:
        yield user


@pytest_asyncio.fixture(loop_scope="session")
async def local(shared_stack: Stack) -> AsyncIterator[User]:
    """The user in whose name commands ask that name none: tests of other modules are this user too."""
    async with user_of(shared_stack, LOCAL_USER) as user:
        yield user


@pytest_asyncio.fixture(loop_scope="session")
async def http(shared_stack: Stack, alice: User) -> AsyncIterator[httpx.AsyncClient]:
    """Bare HTTP to the shared stack in the name of alice."""
    headers = {"Authorization": f"Bearer {alice.token}"}
    async with http_client(base_url=shared_stack.address.api_url, headers=headers) as client:
        yield client
