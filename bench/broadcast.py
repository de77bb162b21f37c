"""The reference of the fan-out: a bare uvicorn that broadcasts the publisher's messages to all sockets.

``python -m bench.broadcast PORT``: same server, listening socket and options as the notifier; no broker, no
tokens, no subscriptions, no cursors, no queues. A client that does not read would stop it.
"""

import asyncio
import sys

import uvloop
from starlette.types import Receive, Scope, Send

from services.notifier.app import SERVER_OPTIONS
from services.notifier.transports.headrace_v1.messages import SUBPROTOCOL
from shared.observability.logs import configure
from shared.service.http_server.server import listen, serve_http
from shared.settings import HttpSettings

PUBLISH = "/publish"
HELLO = "hello"

_subscribers: set[Send] = set()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """One socket: the publisher's, or a subscriber's."""
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
    if scope["path"] == PUBLISH:
        await _publish(receive)
        return
    _subscribers.add(send)
    await send({"type": "websocket.send", "text": HELLO})
    while (await receive())["type"] != "websocket.disconnect":
        pass
    _subscribers.discard(send)


async def _publish(receive: Receive) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        for subscriber in tuple(_subscribers):
            await subscriber({"type": "websocket.send", "text": message["text"]})


if __name__ == "__main__":
    configure("broadcast")
    listener = listen("127.0.0.1", int(sys.argv[1]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            serve_http(
                app,
                listener,
                HttpSettings(http_address_connections_max=12_000, http_user_connections_max=12_000),
                service="broadcast",
                **SERVER_OPTIONS,
            )
        )
