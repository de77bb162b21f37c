"""Fixtures that every kind of test may use: a real nats-server with the streams of Headrace."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from headrace.local.nats_server import NatsServer
from shared.jetstream.connection import Broker, connect
from shared.jetstream.event_log import Log
from shared.jetstream.stream_config import ProvisionSettings
from shared.provision import provision
from shared.settings import BrokerSettings
from tests.docker_engine import engine_is_available

# A deadline in wall-clock time measures the machine. All else is as hypothesis has it, in CI too.
settings.register_profile("headrace", deadline=None)
settings.load_profile("headrace")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where nobody looks, a skipped test is a test that did not pass."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    skipped = reporter.stats.get("skipped", [])
    if os.environ.get("CI") and skipped and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{len(skipped)} skipped, which fails in CI", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@asynccontextmanager
async def running_nats_server(directory: Path) -> AsyncIterator[NatsServer]:
    """A running nats-server: in a container where there is a Docker engine, else a process."""
    password = "test-password"
    if engine_is_available():
        from tests.nats_container import ContainerNatsServer  # noqa: PLC0415 - it takes a second

        container = ContainerNatsServer(directory, user="test", password=password, sync="fast")
        await container.start()
        try:
            yield container
        finally:
            await container.remove()
    else:
        server = NatsServer(directory, user="test", password=password, sync="fast")
        await server.start()
        try:
            yield server
        finally:
            await server.kill()


def settings_of(server: NatsServer) -> BrokerSettings:
    """How to reach that server."""
    return BrokerSettings(nats_url=server.url, nats_user=server.user, nats_password=server.password)


@pytest.fixture
async def nats_server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A nats-server of this test's own."""
    async with running_nats_server(tmp_path / "nats") as server:
        yield server


@pytest.fixture
def broker_settings(nats_server: NatsServer) -> BrokerSettings:
    """How to reach it."""
    return settings_of(nats_server)


@pytest.fixture
async def broker(broker_settings: BrokerSettings) -> AsyncIterator[Broker]:
    """A connection to a server on which every stream and durable exists."""
    async with connect(broker_settings, service="test") as connected:
        await provision(connected, ProvisionSettings())
        yield connected


@pytest.fixture
def log(broker: Broker) -> Log:
    """The log on that connection."""
    return Log(broker)
