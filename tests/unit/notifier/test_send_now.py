"""Texts that are written at once and texts that wait for the writer: one order, one count, one end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.config import Config
from uvicorn.server import ServerState
from wsproto import ConnectionType, WSConnection, events

from services.notifier.connections.client_connection import ClientConnection, TransportProfile
from services.notifier.connections.close import COMPLETE, SLOW, Close
from services.notifier.connections.queue_shares import QueueShares
from services.notifier.connections.registry import ClientRegistry
from services.notifier.events.catch_up import CatchUp
from services.notifier.events.ends import EndFinder
from services.notifier.events.hub import Hub
from services.notifier.events.item import FRAMED_BYTES_MAX, Text
from services.notifier.events.outcomes import Ended, Refused
from services.notifier.events.stored_events import History
from services.notifier.settings import MIB, NotifierSettings
from services.notifier.transports.headrace_v1.close_codes import code_of
from services.notifier.transports.headrace_v1.encoding import ENCODING
from services.notifier.transports.websocket.flow import PIECE_BYTES, FlowProtocol
from services.notifier.transports.websocket.writer import run_connection
from shared.auth import Tokens
from shared.jetstream.cancel import Cancellations
from shared.jetstream.input_log import InputLog
from tests.unit.notifier.wires import KernelWire

PROFILE = TransportProfile("websocket", ENCODING, close_s=5.0)
END = Close(COMPLETE, "over")
QUEUE_BYTES_MAX = MIB
ENOUGH = 64 * MIB


class Socket:
    """One connection of the notifier over a socket that has as much room as the test says."""

    def __init__(self) -> None:
        notifier = NotifierSettings(token_secret="x" * 32, notifier_queue_bytes_max=QUEUE_BYTES_MAX)
        self.shares = QueueShares(64 * MIB, 512 * MIB)
        self._registry = ClientRegistry(
            notifier,
            Tokens(notifier),
            Hub(),
            cast("History", None),
            cast("EndFinder", None),
            cast("CatchUp", None),
            cast("Cancellations", None),
            cast("InputLog", None),
            self.shares,
        )
        config = Config(
            self._serve, interface="asgi3", ws=FlowProtocol, ws_ping_interval=None, log_config=None
        )
        config.load()
        self.server = FlowProtocol(config=config, server_state=ServerState(), app_state={})
        self.wire = KernelWire()
        self.opened = asyncio.Event()
        self.connection: ClientConnection
        self._client = WSConnection(ConnectionType.CLIENT)

    async def open(self) -> None:
        """Return when the writer waits for something to write."""
        self.server.connection_made(self.wire)
        self.wire.protocol = self.server
        self.wire.make_room(ENOUGH)
        self.server.data_received(self._client.send(events.Request(host="x", target="/")))
        async with asyncio.timeout(30):
            await self.opened.wait()
        await turns()
        assert self.connection.outbox.send_now is not None
        assert [type(one) for one in self.read()] == [events.AcceptConnection]
        self.wire.take_room()

    def send(self, event: events.Event) -> None:
        """From the client."""
        if not self.wire.is_closed:
            self.server.data_received(self._client.send(event))

    def read(self) -> list[Any]:
        """What has arrived at the client: whole messages, and control frames in their places."""
        self._client.receive_data(self.wire.read())
        return list(self._client.events())

    async def read_to_the_end(self) -> list[Any]:
        """With all the room that it takes."""
        self.wire.make_room(ENOUGH)
        found: list[Any] = []
        async with asyncio.timeout(30):
            while not any(isinstance(one, events.CloseConnection) for one in found):
                await asyncio.sleep(0)
                found += self.read()
        return found

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        self.connection = ClientConnection(self._registry, PROFILE, _nothing)
        self.opened.set()
        try:
            await run_connection(websocket, self.connection, _read(websocket), code_of)
        except WebSocketDisconnect:
            return


async def _read(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


def _nothing(subscription_id: str, outcome: Ended | Refused) -> None:
    """There are no subscriptions."""


@asynccontextmanager
async def open_socket() -> AsyncIterator[Socket]:
    socket = Socket()
    await socket.open()
    yield socket
    socket.server.connection_lost(None)
    async with asyncio.timeout(30):
        await asyncio.gather(*socket.server.tasks)
    assert socket.shares.held_bytes == 0
    assert socket.connection.outbox.waiting_bytes == 0


@pytest.fixture
async def socket() -> AsyncIterator[Socket]:
    async with open_socket() as socket:
        yield socket


def text(number: int, size: int, *, is_bulk: bool = True) -> Text:
    return Text(f"{number} ".encode().ljust(size, b"x"), is_bulk=is_bulk)


def texts_of(found: list[Any]) -> list[str]:
    messages, parts = [], list[str]()
    for one in found:
        if isinstance(one, events.TextMessage):
            parts.append(one.data)
            if one.message_finished:
                messages.append("".join(parts))
                parts = []
    return messages


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_small_text_for_a_socket_with_room_does_not_wait_for_the_writer(socket: Socket) -> None:
    socket.wire.make_room(ENOUGH)
    for number, size in enumerate([1, 125, 126, FRAMED_BYTES_MAX]):
        sent = text(number, size)
        socket.connection.outbox.put(sent)
        assert texts_of(socket.read()) == [sent.payload.decode()]
        assert (sent.holders, socket.connection.outbox.waiting_bytes) == (0, 0)


async def test_a_larger_one_waits_for_it(socket: Socket) -> None:
    socket.wire.make_room(ENOUGH)
    large = text(0, FRAMED_BYTES_MAX + 1)
    socket.connection.outbox.put(large)
    assert socket.read() == []
    await turns()
    assert texts_of(socket.read()) == [large.payload.decode()]
    assert large.frame is None


async def test_one_frame_is_made_for_all_who_are_sent_the_same(socket: Socket) -> None:
    shared = text(0, 500)
    frames = []
    async with open_socket() as other:
        for one in (socket, other):
            one.wire.make_room(ENOUGH)
            one.connection.outbox.put(shared)
            assert texts_of(one.read()) == [shared.payload.decode()]
            frames.append(shared.frame)
    assert frames[0] is frames[1] is not None


async def test_a_text_behind_one_that_has_not_left_waits(socket: Socket) -> None:
    """Part of the first is in the transport: a second one there would be counted nowhere."""
    outbox = socket.connection.outbox
    socket.wire.make_room(10)
    outbox.put(text(0, 100))
    assert outbox.waiting_bytes == 0
    outbox.put(text(1, 100))
    assert outbox.waiting_bytes == 100
    socket.wire.make_room(ENOUGH)
    outbox.put(text(2, 100))
    assert outbox.waiting_bytes == 200, "one that waits is not overtaken, whatever room there is now"
    await turns()
    assert [one.split()[0] for one in texts_of(socket.read())] == ["0", "1", "2"]
    outbox.put(text(3, 100))
    assert outbox.waiting_bytes == 0, "the writer is idle again"


async def test_a_close_follows_what_was_written_at_once(socket: Socket) -> None:
    socket.wire.make_room(ENOUGH)
    for number in range(3):
        socket.connection.send(text(number, 50, is_bulk=False))
    socket.connection.end(END)
    socket.connection.send(text(3, 50, is_bulk=False))
    found = await socket.read_to_the_end()
    assert [one.split()[0] for one in texts_of(found)] == ["0", "1", "2"]
    assert (type(found[-1]), found[-1].code) == (events.CloseConnection, 1000)


async def test_pings_of_both_sides_come_between_two_texts(socket: Socket) -> None:
    socket.wire.make_room(ENOUGH)
    socket.connection.outbox.put(text(0, 50))
    socket.send(events.Ping(b"of the client"))
    socket.connection.outbox.put(text(1, 50))
    assert socket.server.ping()
    socket.connection.outbox.put(text(2, 50))
    kinds = [events.TextMessage, events.Pong, events.TextMessage, events.Ping, events.TextMessage]
    assert [type(one) for one in socket.read()] == kinds


async def test_nothing_is_written_once_the_client_has_closed(socket: Socket) -> None:
    socket.wire.make_room(ENOUGH)
    outbox = socket.connection.outbox
    socket.send(events.CloseConnection(1000))
    outbox.put(text(0, 50))
    assert outbox.waiting_bytes == 50
    assert [type(one) for one in socket.read()] == [events.CloseConnection]


async def test_a_client_that_stops_reading_is_bounded_and_ended(socket: Socket) -> None:
    """As much as the bound waits, besides what the transport has; then there is no room, and it is unread."""
    outbox = socket.connection.outbox
    socket.wire.make_room(5_000)
    size = 1_000
    accepted = list[Text]()
    while outbox.put(one := text(len(accepted), size)):
        accepted.append(one)
        await turns(2)
        assert outbox.waiting_bytes < QUEUE_BYTES_MAX + size
        assert socket.wire.get_write_buffer_size() <= 2 * PIECE_BYTES
        assert len(accepted) < 2 * QUEUE_BYTES_MAX // size, "it takes more than the bound"
    assert outbox.waiting_bytes >= QUEUE_BYTES_MAX
    assert socket.shares.held_bytes == sum(one.held_bytes for one in accepted if one.holders)
    unread_since = outbox.unread_since
    assert unread_since is not None
    socket.connection.end_if_unread(unread_since)
    assert not outbox.closing.done(), "that was not before then"
    socket.connection.end_if_unread(unread_since + 1)
    assert outbox.closing.done()
    assert outbox.waiting_bytes <= size, "all but what is being written was dropped"
    found = await socket.read_to_the_end()
    shown = texts_of(found)
    assert shown == [one.payload.decode() for one in accepted[: len(shown)]]
    assert found[-1].code == code_of(Close(SLOW, ""))


async def test_a_mark_counts_what_was_written_at_once(socket: Socket) -> None:
    outbox = socket.connection.outbox
    before = outbox.mark
    socket.wire.make_room(10)
    outbox.put(text(0, 100))
    assert (outbox.mark - before, outbox.has_passed(outbox.mark)) == (100, True)
    outbox.put(text(1, 50))
    assert (outbox.mark - before, outbox.has_passed(outbox.mark)) == (150, False)


sizes = st.one_of(
    st.integers(8, 600),
    st.sampled_from([125, 126, FRAMED_BYTES_MAX, FRAMED_BYTES_MAX + 1, PIECE_BYTES, PIECE_BYTES + 1]),
    st.integers(8, 3 * PIECE_BYTES),
)
steps = st.one_of(
    st.tuples(st.just("bulk"), sizes),
    st.tuples(st.just("small"), st.integers(8, 600)),
    st.tuples(st.just("room"), st.one_of(st.integers(1, 1_000), st.integers(1, 4 * PIECE_BYTES))),
    st.tuples(st.just("turns"), st.integers(1, 4)),
    st.tuples(st.just("ping"), st.integers(0, 125)),
    st.tuples(st.just("read"), st.just(0)),
)


@pytest.mark.clause("9.1")
@settings(max_examples=80, deadline=None)
@given(plan=st.lists(steps, max_size=60))
async def test_however_much_room_there_is_texts_arrive_whole_in_order_and_before_the_close(
    plan: list[tuple[str, int]],
) -> None:
    async with open_socket() as socket:
        outbox = socket.connection.outbox
        accepted: list[Text] = []
        at_once = 0
        found: list[Any] = []
        for kind, size in plan:
            match kind:
                case "bulk" | "small":
                    one = text(len(accepted), size, is_bulk=kind == "bulk")
                    waited = outbox.waiting_bytes
                    if outbox.put(one):
                        accepted.append(one)
                        at_once += outbox.waiting_bytes == waited
                case "room":
                    socket.wire.make_room(size)
                case "turns":
                    await turns(size)
                case "ping":
                    socket.send(events.Ping(b"p" * size))
                case _:
                    found += socket.read()
            assert socket.wire.get_write_buffer_size() <= 2 * PIECE_BYTES + len(plan) * 127
            assert outbox.waiting_bytes < QUEUE_BYTES_MAX + 3 * PIECE_BYTES
        event("some at once, some queued" if 0 < at_once < len(accepted) else "all in one way")
        socket.connection.end(END)
        found += await socket.read_to_the_end()
        assert texts_of(found) == [one.payload.decode() for one in accepted]
        assert isinstance(found[-1], events.CloseConnection)
        assert outbox.has_passed(outbox.mark)
    assert [one.holders for one in accepted] == [0] * len(accepted)
