"""A proxy that lets bytes through to a client only so fast. What it does not take stays with the server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

PIECE_BYTES = 16 * 1024
BUFFER_BYTES = 64 * 1024
MB_PER_S = 1_000_000


@asynccontextmanager
async def throttled(url: str, bytes_per_s: float) -> AsyncIterator[str]:
    """The same URL through a proxy whose every connection reads at most so many bytes a second."""
    address = urlsplit(url)

    async def serve(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        plug = socket.socket()
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        plug.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plug, (address.hostname, address.port))
        server, to_server = await asyncio.open_connection(sock=plug, limit=PIECE_BYTES)
        ways = {
            asyncio.ensure_future(_pass(client, to_server, None)),
            asyncio.ensure_future(_pass(server, to_client, bytes_per_s)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)
            to_server.transport.abort()
            to_client.close()

    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with proxy:
        port = proxy.sockets[0].getsockname()[1]
        yield url.replace(address.netloc, f"127.0.0.1:{port}")


async def _pass(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, bytes_per_s: float | None
) -> None:
    clock = asyncio.get_running_loop().time
    begun, passed = clock(), 0
    with suppress(ConnectionError):
        while piece := await source.read(PIECE_BYTES):
            target.write(piece)
            await target.drain()
            passed += len(piece)
            if bytes_per_s is not None:
                await asyncio.sleep(max(0.0, begun + passed / bytes_per_s - clock()))
