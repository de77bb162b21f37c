"""The client and a notifier that misbehaves: it resumes after the last event, or says why it cannot."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from headrace.client.client import AsyncClient, open_client
from headrace.client.credentials import TokenSource
from headrace.client.endpoint import Endpoint
from headrace.client.errors import ClosedError, HistoryLostError, ProblemAnswerError, ProtocolError
from headrace.client.subscription import SUBPROTOCOL, Gap
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
    *connections: Sequence[dict[str, Any] | int], token: TokenSource = "token", good: str | None = None
) -> AsyncIterator[tuple[AsyncClient, list[str]]]:
    """Each connection is answered with its list of messages; a number closes with that code.

    Where there is a `good` token, another one is closed with 4401 and uses up no list.
    """
    scripts = list(connections)
    asked: list[str] = []

    async def answer(connection: ServerConnection) -> None:
        shown = json.loads(await connection.recv())["token"]
        if good is not None and shown != good:
            await connection.close(4401, "expired")
            return
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
        endpoint = Endpoint("http://127.0.0.1:1", f"ws://127.0.0.1:{port}/v1/ws", token)
        async with open_client(endpoint) as client:
            yield client, asked


SUBSCRIBED: dict[str, Any] = {"type": "subscribed", "id": "1", "from": "7-0", "to": "7-0"}
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
        told: list[Gap] = []
        shown = [shown.cursor async for shown in client.follow(builders.JOB, on_gap=told.append)]
        assert shown == ["1-0"]
        assert [(each.after, each.until, each.reason) for each in told] == [("0-0", "9-0", "feed_expired")]


async def test_what_happens_between_now_and_the_first_event_is_not_missed() -> None:
    async with notifier([SUBSCRIBED, 1012], [SUBSCRIBED, event(8, "completed"), COMPLETE]) as (client, asked):
        assert [shown.cursor async for shown in client.follow(builders.JOB, after="now")] == ["8-0"]
        assert asked == ["now", "7-0"]


async def test_a_refusal_ends_it() -> None:
    refusal = {"type": "error", "id": "1", "code": "unknown_job", "detail": "no", "temporary": False}
    async with notifier([refusal]) as (client, _):
        with pytest.raises(ProblemAnswerError):
            await cursors(client)


@pytest.mark.parametrize("code", [4400, 4401, 4403, 4406, 4409])
async def test_a_close_that_coming_back_would_not_change_ends_it(code: int) -> None:
    async with notifier([SUBSCRIBED, code]) as (client, _):
        with pytest.raises(ClosedError) as closed:
            await cursors(client)
        assert closed.value.code == code


def tokens(*given: str) -> tuple[Callable[[], str], list[str]]:
    """One after the other, the last for ever; and those that were handed out."""
    left = list(given)
    handed_out: list[str] = []

    def token() -> str:
        handed_out.append(left.pop(0) if len(left) > 1 else left[0])
        return handed_out[-1]

    return token, handed_out


async def test_a_token_that_expired_is_replaced_by_a_fresh_one() -> None:
    token, handed_out = tokens("old", "new")
    async with notifier([SUBSCRIBED, event(1), 4401], [SUBSCRIBED, COMPLETE], token=token) as (client, asked):
        assert await cursors(client) == ["1-0"]
        assert asked == ["start", "1-0"]
        assert handed_out == ["old", "new"]


async def test_a_token_that_has_aged_in_our_hands_is_replaced_too() -> None:
    token, handed_out = tokens("old", "new")
    async with notifier([SUBSCRIBED, COMPLETE], token=token, good="new") as (client, _):
        assert await cursors(client) == []
        assert handed_out == ["old", "new"]


async def test_a_fresh_token_that_is_refused_ends_it() -> None:
    token, handed_out = tokens("bad", "bad as well")
    async with notifier(token=token, good="another") as (client, _):
        with pytest.raises(ClosedError, match="4401"):
            await cursors(client)
        assert handed_out == ["bad", "bad as well"]


async def test_every_connection_has_a_fresh_token() -> None:
    async def token() -> str:
        handed_out.append(f"token {len(handed_out)}")
        return handed_out[-1]

    handed_out: list[str] = []
    async with notifier([SUBSCRIBED, 1012], [SUBSCRIBED, COMPLETE], token=token) as (client, _):
        assert await cursors(client) == []
        assert handed_out == ["token 0", "token 1"]


async def test_what_is_no_message_is_no_reason_to_come_back() -> None:
    async with notifier([SUBSCRIBED, {"type": "event", "event": {}}]) as (client, _):
        with pytest.raises(ProtocolError, match="not a message"):
            await cursors(client)
