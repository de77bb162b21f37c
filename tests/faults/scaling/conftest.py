"""Executors that the test starts and ends, and what the log tells of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headrace.local.nats_server import NatsServer
from shared.jetstream.connection import Broker
from tests.faults.scaling.chronicle import Chronicle, chronicled
from tests.faults.scaling.executors import Executors


@pytest.fixture
async def executors(nats_server: NatsServer, broker: Broker, tmp_path: Path) -> AsyncIterator[Executors]:
    started = Executors(nats_server, broker, tmp_path)
    yield started
    await started.end()


@pytest.fixture
async def chronicle(broker: Broker) -> AsyncIterator[Chronicle]:
    async with chronicled(broker) as told:
        yield told
