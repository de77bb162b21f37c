"""The body of an audit ends whole, or without its last chunk: a client cannot take one for the other."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from services.api.audit import routes
from shared.contract.codec import EventObject
from shared.jetstream.errors import UnreachableError
from tests import builders
from tests.unit.test_replay import shown

EVENT = shown(builders.queued(), 1, builders.NOON)


class Told:
    """A reading that tells one event, and then ends as it is told to."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure

    async def events(self) -> AsyncGenerator[list[EventObject], None]:
        yield [EVENT]
        if self.failure is not None:
            raise self.failure


async def sent(reading: Told, *, stalls: bool = False) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []

    async def send(message: Any) -> None:  # noqa: ANN401 - a message of ASGI
        messages.append(message)
        if stalls and message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async with asyncio.timeout(30):
        await routes.NdjsonResponse(reading, {}).stream_response(send)  # type: ignore[arg-type]
    return messages


async def test_a_whole_body_has_its_last_chunk() -> None:
    head, body, last = await sent(Told())
    assert head["status"] == 200
    assert body["more_body"]
    assert (last["body"], last["more_body"]) == (b"", False)


async def test_a_failure_in_the_middle_leaves_it_out() -> None:
    messages = await sent(Told(UnreachableError("the log was silent")))
    assert [message.get("more_body") for message in messages] == [None, True]


async def test_so_does_a_client_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "STALLED_S", 0.01)
    messages = await sent(Told(), stalls=True)
    assert [message.get("more_body") for message in messages] == [None, True]
