"""Chunks that an application writes at once are part of its response, in their place, while there is room."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive, Scope, Send

from shared.service.http_server.chunks import CHUNKS, ChunkWriter, chunk_of
from shared.service.http_server.server import listen, serve_http
from shared.settings import HttpSettings
from tests.integration.http_server.raw import GET

LIMIT = 64 * 1024
PATIENCE_S = 30


@asynccontextmanager
async def connection_to(
    serve: "Application",
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    task = asyncio.create_task(serve_http(serve, listener, HttpSettings(), service="test"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LIMIT)
    try:
        writer.write(GET)
        async with asyncio.timeout(PATIENCE_S):
            yield reader, writer
    finally:
        writer.close()
        task.cancel()
        await asyncio.wait({task})


class Application:
    """Answers one request in the steps of a test, and keeps what `write_now` told."""

    def __init__(self) -> None:
        self.told: list[bool] = []
        self.chunks: ChunkWriter
        self.receive: Receive
        self.filled = asyncio.Event()
        self.went_on = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.chunks = scope["state"][CHUNKS]
        self.receive = receive
        await self.answer(send)

    async def answer(self, send: Send) -> None:
        self.write(b"before the head")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        self.write(b"a")
        await send({"type": "http.response.body", "body": b"b", "more_body": True})
        self.write(b"c" * 300)
        await send({"type": "http.response.body", "body": b"d", "more_body": False})
        self.write(b"after the end")

    def write(self, content: bytes) -> bool:
        self.told.append(self.chunks.write_now(chunk_of(content)))
        return self.told[-1]


class FixedLength(Application):
    """Its response is not in chunks."""

    async def answer(self, send: Send) -> None:
        head = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        self.write(b"no chunk here")
        await send({"type": "http.response.body", "body": b"ok", "more_body": False})


class Flood(Application):
    """Writes until nothing more is taken."""

    async def answer(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while self.write(b"x" * 10_000):
            pass
        self.filled.set()
        await self.went_on.wait()
        await send({"type": "http.response.body", "body": b"y", "more_body": False})


class Gone(Application):
    """Writes once more when its client has left."""

    async def answer(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        self.write(b"a")
        while (await self.receive())["type"] != "http.disconnect":
            pass
        self.write(b"z")
        self.filled.set()


async def body_of(reader: asyncio.StreamReader) -> list[bytes]:
    """The chunks of the answer."""
    await reader.readuntil(b"\r\n\r\n")
    chunks = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        chunks.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return chunks


async def test_they_come_in_the_order_in_which_they_were_written() -> None:
    application = Application()
    async with connection_to(application) as (reader, _):
        assert await body_of(reader) == [b"a", b"b", b"c" * 300, b"d"]
    assert application.told == [False, True, True, False]


async def test_a_response_of_a_known_length_has_none() -> None:
    application = FixedLength()
    async with connection_to(application) as (reader, _):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"chunked" not in head
        assert await reader.readexactly(2) == b"ok"
    assert application.told == [False]


async def test_nothing_is_written_for_a_client_that_has_not_read_what_was() -> None:
    application = Flood()
    async with connection_to(application) as (reader, _):
        await application.filled.wait()
        application.went_on.set()
        assert await body_of(reader) == [*[b"x" * 10_000] * sum(application.told), b"y"]
    assert 0 < sum(application.told) == len(application.told) - 1


async def test_nothing_is_written_once_the_client_is_gone() -> None:
    application = Gone()
    async with connection_to(application) as (reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        await application.filled.wait()
    assert application.told == [True, False]
