"""Fixtures that every kind of test may use: a real nats-server with the streams of Headrace."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headrace.local.nats_server import NatsServer
from shared.broker import Broker, connect
from shared.log import Log
from shared.settings import BrokerSettings
from shared.streams import ProvisionSettings, provision


@pytest.fixture
async def nats_server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A nats-server of this test's own, with JetStream and nothing in it."""
    server = NatsServer(tmp_path / "nats", user="test", password="test-password", sync="fast")
    await server.start()
    yield server
    await server.kill()


@pytest.fixture
def broker_settings(nats_server: NatsServer) -> BrokerSettings:
    """How to reach that server."""
    return BrokerSettings(
        nats_url=nats_server.url, nats_user=nats_server.user, nats_password=nats_server.password
    )


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
