"""The client and a notifier that misbehaves: it resumes after the last event, or says why it cannot."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from headrace.client import AsyncClient, Endpoint, open_client
from headrace.errors import HistoryLostError, ProblemAnswerError, ProtocolError
from headrace.subscription import SUBPROTOCOL
from tests import builders


def event(number: int, kind: str = "output") -> dict[str, Any]:
    shown = {
        "cursor": f"{number}-0",
        "type": f"job.{kind}.v1",
        "job_id": builders.JOB,
        "time": "2026-01-02T12:00:00Z",
        "stored_at": "2026-01-02T12:00:00Z",
        "data": {},
    }
    return {"type": "event", "id": "1", "event": shown}


@asynccontextmanager
async def notifier(
    *connections: Sequence[dict[str, Any] | int],
) -> AsyncIterator[tuple[AsyncClient, list[str]]]:
    """Each connection is answered with its list of messages; a number closes with that code."""
    scripts = list(connections)
    asked: list[str] = []

    async def answer(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(json.dumps({"type": "connection_ack"}))
        asked.append(json.loads(await connection.recv())["after"])
        for message in scripts.pop(0):
            if isinstance(message, int):
                await connection.close(message, "as scripted")
                return
            await connection.send(json.dumps(message))
        await connection.wait_closed()

    async with serve(answer, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as server:
        port = server.sockets[0].getsockname()[1]
        endpoint = Endpoint("http://127.0.0.1:1", f"ws://127.0.0.1:{port}/v1/ws", "token")
        async with open_client(endpoint) as client:
            yield client, asked


SUBSCRIBED: dict[str, Any] = {"type": "subscribed", "id": "1"}
COMPLETE: dict[str, Any] = {"type": "complete", "id": "1"}


async def cursors(client: AsyncClient) -> list[str]:
    return [shown.cursor async for shown in client.follow(builders.JOB)]


@pytest.mark.parametrize("code", [1012, 1011, 4408, 4420, 4503])
async def test_resumes_after_the_last_event(code: int) -> None:
    first: list[dict[str, Any] | int] = [SUBSCRIBED, event(1), event(2), code]
    second = [SUBSCRIBED, event(3, "completed"), COMPLETE]
    async with notifier(first, second) as (client, asked):
        assert await cursors(client) == ["1-0", "2-0", "3-0"]
        assert asked == ["start", "2-0"]


async def test_tries_again_what_is_temporary() -> None:
    unavailable = {"type": "error", "id": "1", "code": "unavailable", "detail": "later", "temporary": True}
    first, second, third = [unavailable], [SUBSCRIBED, event(1), unavailable], [SUBSCRIBED, COMPLETE]
    async with notifier(first, second, third) as (client, asked):
        assert await cursors(client) == ["1-0"]
        assert asked == ["start", "start", "1-0"]


async def test_answers_pings_and_ignores_what_it_does_not_know() -> None:
    async with notifier([SUBSCRIBED, {"type": "ping"}, {"type": "news"}, event(1), COMPLETE]) as (client, _):
        assert await cursors(client) == ["1-0"]


async def test_lost_history_is_told() -> None:
    gap = {"type": "gap", "id": "1", "from": "0-0", "to": "9-0", "reason": "log_purged"}
    async with notifier([SUBSCRIBED, gap]) as (client, _):
        with pytest.raises(HistoryLostError, match="9-0"):
            await cursors(client)


async def test_lost_output_is_no_error() -> None:
    gap = {"type": "gap", "id": "1", "from": "0-0", "to": "9-0", "reason": "feed_expired"}
    async with notifier([SUBSCRIBED, gap, event(1), COMPLETE]) as (client, _):
        assert await cursors(client) == ["1-0"]


async def test_a_refusal_ends_it() -> None:
    refusal = {"type": "error", "id": "1", "code": "unknown_job", "detail": "no", "temporary": False}
    async with notifier([refusal]) as (client, _):
        with pytest.raises(ProblemAnswerError):
            await cursors(client)


@pytest.mark.parametrize("code", [4400, 4401, 4403, 4406, 4409])
async def test_a_close_that_coming_back_would_not_change_ends_it(code: int) -> None:
    async with notifier([SUBSCRIBED, code]) as (client, _):
        with pytest.raises(ProtocolError, match=str(code)):
            await cursors(client)
