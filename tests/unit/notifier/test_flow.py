"""A large message goes out in pieces of one frame, and nothing comes between them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect
from uvicorn.config import Config
from uvicorn.server import ServerState
from wsproto import ConnectionType, WSConnection, events

from services.notifier.transports.websocket.flow import PIECE_BYTES, FlowProtocol, flow_of
from tests.unit.notifier.wires import Wire


class Pair:
    """A server's protocol and a client that speak over what the test carries from one to the other."""

    def __init__(self) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
            self.flow = flow_of(scope)
            await receive()
            await send({"type": "websocket.accept"})
            self.accepted.set()
            await self.over.wait()

        self.accepted, self.over = asyncio.Event(), asyncio.Event()
        config = Config(app, ws=FlowProtocol, ws_ping_interval=None, log_config=None)
        config.load()
        self.server = FlowProtocol(config=config, server_state=ServerState(), app_state={})
        self.wire = Wire()
        self.client = WSConnection(ConnectionType.CLIENT)
        self.moves = 0

    async def open(self) -> None:
        self.server.connection_made(self.wire)
        self.server.data_received(self.client.send(events.Request(host="x", target="/")))
        await self.accepted.wait()
        self.wire.protocol = self.server
        assert isinstance(self.read()[0], events.AcceptConnection)

    def move(self) -> None:
        self.moves += 1

    def read(self) -> list[Any]:
        if content := self.wire.read():
            self.client.receive_data(content)
        return list(self.client.events())

    async def read_until(self, sent: asyncio.Future[None]) -> list[Any]:
        found: list[Any] = []
        while not sent.done():
            await asyncio.sleep(0)
            found += self.read()
        return found + self.read()


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    pair = Pair()
    await pair.open()
    yield pair
    pair.over.set()
    await asyncio.gather(*pair.server.tasks)


def text_of(found: list[Any]) -> str:
    return "".join(one.data for one in found if isinstance(one, events.TextMessage))


@pytest.mark.clause("1.1")
@pytest.mark.parametrize("size", [1, 125, 126, 65_535, 65_536, 20 * PIECE_BYTES + 1])
async def test_it_is_one_frame_of_any_size(pair: Pair, size: int) -> None:
    content = b"x" * size
    sending = asyncio.ensure_future(pair.flow.send_text(content, pair.move))
    await asyncio.sleep(0)
    found = await pair.read_until(sending)
    await sending
    assert text_of(found) == content.decode()
    assert found[-1].message_finished
    assert pair.moves == -(-size // PIECE_BYTES)


@pytest.mark.clause("9.1")
async def test_it_waits_for_its_client(pair: Pair) -> None:
    sending = asyncio.ensure_future(pair.flow.send_text(b"x" * 4 * PIECE_BYTES, pair.move))
    for moves in (1, 2, 3):
        await asyncio.sleep(0)
        assert (pair.moves, sending.done()) == (moves, False)
        pair.read()
    await pair.read_until(sending)
    await sending


async def test_the_last_of_several_pings_is_answered_after_the_message(pair: Pair) -> None:
    sending = asyncio.ensure_future(pair.flow.send_text(b"x" * 3 * PIECE_BYTES, pair.move))
    await asyncio.sleep(0)
    for payload in (b"1", b"2", b"3"):
        pair.server.data_received(pair.client.send(events.Ping(payload)))
    found = await pair.read_until(sending)
    await sending
    assert len(text_of(found)) == 3 * PIECE_BYTES
    assert [one.payload for one in found if isinstance(one, events.Pong)] == [b"3"]


@pytest.mark.parametrize("count", [10_000])
async def test_pings_that_are_not_read_do_not_grow(pair: Pair, count: int) -> None:
    pair.server.pause_writing()
    for _ in range(count):
        pair.server.data_received(pair.client.send(events.Ping(b"x" * 100)))
    assert pair.wire.written == b""
    assert [type(one) for one in [*pair.read(), *pair.read()]] == [events.Pong]


async def test_a_close_of_the_client_is_answered_after_the_message(pair: Pair) -> None:
    sending = asyncio.ensure_future(pair.flow.send_text(b"x" * 3 * PIECE_BYTES, pair.move))
    await asyncio.sleep(0)
    pair.server.data_received(pair.client.send(events.CloseConnection(1000)))
    found = await pair.read_until(sending)
    with pytest.raises(WebSocketDisconnect):
        await sending
    assert isinstance(found[-1], events.CloseConnection)
    assert pair.wire.is_closed


async def test_a_client_that_is_lost_in_the_middle_ends_it(pair: Pair) -> None:
    sending = asyncio.ensure_future(pair.flow.send_text(b"x" * 3 * PIECE_BYTES, pair.move))
    await asyncio.sleep(0)
    pair.server.connection_lost(None)
    with pytest.raises(WebSocketDisconnect):
        await sending


async def test_what_is_given_up_is_not_kept_for_its_client(pair: Pair) -> None:
    sending = asyncio.ensure_future(pair.flow.send_text(b"x" * 3 * PIECE_BYTES, pair.move))
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.wait({sending})
    pair.flow.give_up()
    assert pair.wire.is_aborted
