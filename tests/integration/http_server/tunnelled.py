"""An api's server with its tunnels, a small application, and a notifier that does what a test says."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import uvloop
from starlette.applications import Starlette

from services.api.events_tunnel.notifier_side import Upstream
from services.api.events_tunnel.protocol import FILES_EACH, EventsHttpProtocol
from shared.service.http_server.server import listen, serve_http
from shared.settings import HttpSettings
from tests.integration.http_server.conftest import ROUTES

BUFFER_BYTES = 64 * 1024
STREAM = b"GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n"
HANDSHAKE = b"GET /v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawNotifier:
    """Speaks byte by byte. `heads` are those it was sent, `behind` all bytes behind them."""

    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    behind: bytes = b""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """A head has come."""

    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """A client's connection has ended."""

    async def keep(self, reader: asyncio.StreamReader) -> None:
        """Read to the end."""
        with suppress(ConnectionError):
            while piece := await reader.read(65_536):
                self.behind += piece


async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One short answer."""
    writer.write(PLAIN)
    await writer.drain()


@asynccontextmanager
async def notifier(speak: Speak = plain) -> AsyncIterator[RawNotifier]:
    """Listens; `speak` is called behind each head, and the connection ends with it."""
    raw = RawNotifier()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            raw.heads.append(await reader.readuntil(b"\r\n\r\n"))
            raw.asked.set()
            await speak(reader, writer)
            if writer.can_write_eof():
                writer.write_eof()
            await raw.keep(reader)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            raw.gone.set()

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    async with await asyncio.start_server(serve, sock=listener, limit=BUFFER_BYTES):
        raw.port = listener.getsockname()[1]
        yield raw


class Api:
    """An api's server in a thread, on the loop that services have: buffers and back-pressure are its work."""

    def __init__(self, port: int, settings: HttpSettings) -> None:
        """Its tunnels lead to this port, or to itself for 0."""
        self._listener = listen("127.0.0.1", 0)
        self.port = self._listener.getsockname()[1]
        self.upstream = Upstream("127.0.0.1", port or self.port)
        self._settings = settings
        self._working = asyncio.create_task(asyncio.to_thread(self._work))

    async def end(self) -> None:
        """As a service ends."""
        if not self._working.done():
            self._loop.call_soon_threadsafe(self._serving.cancel)
        await asyncio.wait({self._working})

    def _work(self) -> None:
        with (
            suppress(asyncio.CancelledError),
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            self._loop = runner.get_loop()
            self._serving = self._loop.create_task(self._serve())
            self._loop.run_until_complete(self._serving)

    async def _serve(self) -> None:
        http = partial(EventsHttpProtocol, upstream=self.upstream)
        app = Starlette(routes=ROUTES)
        await serve_http(
            app, self._listener, self._settings, service="test", http=http, files_each=FILES_EACH
        )


@asynccontextmanager
async def api_before(port: int, **changes: float | str) -> AsyncIterator[Api]:
    """A server whose tunnels lead to this port, or to itself for 0."""
    api = Api(port, HttpSettings(**changes))  # type: ignore[arg-type]  # the caller names real fields
    try:
        yield api
    finally:
        await api.end()
