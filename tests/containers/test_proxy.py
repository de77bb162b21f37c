"""A browser's page at the proxy's own address is a page of the notifier's host."""

import json

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from tests.containers.stack import Stack


def opening(stack: Stack, origin: str) -> connect:
    """A handshake that a page of this origin makes."""
    url = stack.url.replace("http", "ws", 1) + "/v1/ws"
    return connect(url, origin=Origin(origin), subprotocols=[Subprotocol("headrace.v1")])


async def first_message(stack: Stack, socket: ClientConnection) -> str:
    """The type of the answer to a good token."""
    await socket.send(json.dumps({"type": "connection_init", "token": stack.token("alice")}))
    return str(json.loads(await socket.recv())["type"])


async def test_a_page_of_the_proxys_own_origin_may_connect(stack: Stack) -> None:
    async with opening(stack, stack.url) as socket:
        assert await first_message(stack, socket) == "connection_ack"


async def test_a_page_of_another_origin_may_not(stack: Stack) -> None:
    async with opening(stack, "https://elsewhere.example") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await first_message(stack, socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
