"""The notifier's server, socket and options with an echo behind them, for conformance tests only.

``python -m tests.conformance.echo PORT``. No route of a service echoes anything.
"""

import asyncio
import sys

import uvloop
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from services.notifier.app import SERVER_OPTIONS
from shared.observability.logs import configure
from shared.service.http_server.server import listen, serve_http
from shared.settings import HttpSettings


async def echo(websocket: WebSocket) -> None:
    """Every message back, in its own kind."""
    await websocket.accept()
    while (message := await websocket.receive())["type"] == "websocket.receive":
        await websocket.send({**message, "type": "websocket.send"})


def main(port: int, **options: object) -> None:
    """Serve until killed."""
    configure("echo")
    listener = listen("127.0.0.1", port)
    app = Starlette(routes=[WebSocketRoute("/", echo)])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            serve_http(
                app,
                listener,
                HttpSettings(),
                service="echo",
                **{**SERVER_OPTIONS, **options},
            )
        )


if __name__ == "__main__":
    main(int(sys.argv[1]))
