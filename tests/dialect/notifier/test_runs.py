"""The dialect on the real notifier beside its own transports: the same jobs, each in its own words."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from services.notifier.app import TRANSPORTS
from services.notifier.transports import sse
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from shared.settings import BrokerSettings
from tests import builders
from tests.dialect import notifier as dialect
from tests.dialect.notifier.endpoint import extract_credentials
from tests.http_client import http_client
from tests.integration.notifier.client import Shown, connected
from tests.integration.notifier.conftest import serving, token
from tests.integration.notifier.sse import get, http, listed, streaming
from tests.integration.notifier.writer import Writer, ended

WITH_DIALECT = (*TRANSPORTS, dialect.transport)
JOB = builders.JOB
OUTPUT = ["one", "two\n", "three"]
SHOWN = [
    {"kind": "watching"},
    *({"kind": "out", "text": text} for text in OUTPUT),
    {"kind": "end", "code": 0},
]


@pytest.fixture
async def url(broker_settings: BrokerSettings, broker: Broker) -> AsyncIterator[str]:
    """A notifier with all three transports."""
    async with serving(broker_settings, WITH_DIALECT) as served:
        yield served


@pytest.fixture
def writer(broker: Broker, log: Log) -> Writer:
    """Writes jobs as the api and an executor would."""
    return Writer(broker, log)


@asynccontextmanager
async def runs(url: str, sent: str | None, query: str = "") -> AsyncIterator[ClientConnection]:
    """A client of the dialect."""
    headers = {} if sent is None else {"X-Api-Token": sent}
    async with connect(url.replace("/v1/ws", f"/runs/watch{query}"), additional_headers=headers) as client:
        yield client


async def watch(client: ClientConnection, run: str) -> None:
    await client.send(json.dumps({"op": "watch", "run": run}))


async def until_closed(client: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    """Every message, and the close code."""
    messages = [json.loads(text) async for text in texts(client)]
    assert client.close_code is not None
    return messages, client.close_code


async def texts(client: ClientConnection) -> AsyncIterator[str | bytes]:
    """Every message, however the connection is closed."""
    with suppress(ConnectionClosed):
        while True:
            yield await client.recv()


async def finish(writer: Writer) -> None:
    """What a job prints, and its end."""
    last = 0
    for text in OUTPUT:
        last = await writer.note(JOB, content=text)
    await writer.append(ended(builders.completed(JOB), last))


async def test_one_live_job_in_three_formats(url: str, writer: Writer) -> None:
    """Their subscriptions have the same ids, so nothing but the encoding tells their texts apart."""
    await writer.append(builders.queued(JOB))
    await writer.append(builders.running(JOB))
    async with (
        asyncio.timeout(60),
        connected(url, token=token()) as by_job_id,
        connected(url, token=token()) as by_stream,
        streaming(url, token(), JOB) as stream,
        runs(url, token()) as client,
    ):
        await by_job_id.subscribe(JOB, id=JOB)
        await by_stream.subscribe(JOB, id="stream")
        await stream.expect("subscribed")
        await watch(client, JOB)
        assert json.loads(await client.recv()) == SHOWN[0]
        await finish(writer)
        in_stream = await stream.until_terminal()
        assert await by_job_id.until_terminal(JOB) == in_stream
        assert await by_stream.until_terminal("stream") == in_stream
        assert await until_closed(client) == (SHOWN[1:], 1000)
    assert [event["data"]["content"] for event in in_stream if "seq" not in event] == OUTPUT


async def test_the_history_of_a_job_that_has_ended(url: str, writer: Writer) -> None:
    await writer.append(builders.queued(JOB))
    await writer.append(builders.running(JOB))
    await finish(writer)
    async with asyncio.timeout(60), runs(url, token()) as client:
        await watch(client, JOB)
        assert await until_closed(client) == (SHOWN, 1000)


async def test_errors_have_its_own_shape(url: str, writer: Writer) -> None:
    for query, sent in (("", None), ("", "no token"), (f"?x-api-token={token()}", None)):
        async with asyncio.timeout(60), runs(url, sent, query) as client:
            assert await until_closed(client) == ([{"kind": "oops", "why": "who are you?"}], 4000)
    async with asyncio.timeout(60), runs(url, token()) as client:
        for unknown in ("?", builders.job_id()):
            await watch(client, unknown)
            assert json.loads(await client.recv()) == {"kind": "oops", "why": "unknown_job"}
        await client.send("watch!")
        assert await until_closed(client) == ([{"kind": "oops", "why": "say what to watch"}], 4000)
    elsewhere = await get(url, "/runs/elsewhere")
    assert (elsewhere.status_code, elsewhere.json()) == (404, {"oops": "Not Found"})
    ours = await get(url, "/elsewhere")
    assert ours.headers["content-type"] == "application/problem+json", "and the notifier keeps its own"


async def test_operators_see_it_beside_the_others(url: str, writer: Writer) -> None:
    await writer.append(builders.queued(JOB))
    async with asyncio.timeout(60), connected(url, token=token()), runs(url, token()) as client:
        await watch(client, JOB)
        await client.recv()
        connections: list[Shown] = (await listed(url))["connections"]
    assert [(one["transport"], one["user_id"]) for one in connections] == [
        ("websocket", builders.USER),
        ("runs", builders.USER),
    ]
    assert connections[1]["subscriptions"] == [{"id": JOB, "job_id": JOB}]


async def test_the_bound_of_connections_holds_for_it(broker_settings: BrokerSettings, broker: Broker) -> None:
    async with (
        asyncio.timeout(60),
        serving(broker_settings, WITH_DIALECT, notifier_connections_max=1) as url,
        runs(url, token()),
        runs(url, token()) as one_more,
    ):
        assert await until_closed(one_more) == ([], 4000)


async def test_another_header_for_a_transport_of_the_notifier(
    broker_settings: BrokerSettings, broker: Broker, writer: Writer
) -> None:
    await writer.run_job(JOB)
    with_header = partial(sse.transport, extract_credentials=extract_credentials)
    async with (
        asyncio.timeout(60),
        serving(broker_settings, (with_header,)) as url,
        http_client(timeout=60) as client,
    ):
        answers = [
            await client.get(http(url), params={"job_id": JOB}, headers={name: value})
            for name, value in (("X-Api-Token", token()), ("Authorization", f"Bearer {token()}"))
        ]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert answers[0].text.count("event: job.output.v1\n") == 3
