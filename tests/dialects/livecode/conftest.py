"""The api with the dialect over a real log, asked without a socket; no executor runs, so jobs stay queued."""

from collections.abc import AsyncIterator

import pytest

from shared.jetstream.connection import Broker
from tests.dialects.livecode.client import LiveCode, livecode_api


@pytest.fixture
async def live(broker: Broker) -> AsyncIterator[LiveCode]:
    """In the name of the tests' user; requests without a token are refused."""
    async with livecode_api(broker) as client:
        yield client


@pytest.fixture
async def nobody(broker: Broker) -> AsyncIterator[LiveCode]:
    """Without a token, where there is a user for that."""
    async with livecode_api(broker, livecode_user="anonymous") as client:
        del client.http.headers["Authorization"]
        yield client
