"""The proxy does what it says: bytes are late, cut up or held back, and arrive; or all ends at once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from tests.faults.proxy import Proxy

LETTER = bytes(range(256)) * 64


@dataclass
class Echo:
    """A server that sends back what it is sent, and remembers in which pieces it came."""

    port: int = 0
    pieces: list[int] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(1 << 20):
                self.pieces.append(len(piece))
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
            self.ended.set()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    running = Echo()
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    yield running
    server.close()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[Proxy]:
    async with Proxy("127.0.0.1", echo.port) as running:
        yield running


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def ends(proxy: Proxy) -> AsyncIterator[Ends]:
    """A client's end of a connection through the proxy, over which something has passed already."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"!")
    assert await reader.readexactly(1) == b"!"
    yield reader, writer
    writer.close()


async def test_everything_arrives_and_the_end_too(ends: Ends, echo: Echo) -> None:
    reader, writer = ends
    writer.write(LETTER)
    writer.write_eof()
    async with asyncio.timeout(30):
        assert await reader.read() == LETTER
        await echo.ended.wait()


async def test_bytes_go_alone(ends: Ends, proxy: Proxy, echo: Echo) -> None:
    proxy.weather.is_sliced = True
    reader, writer = ends
    writer.write(LETTER[:500])
    async with asyncio.timeout(30):
        assert await reader.readexactly(500) == LETTER[:500]
    assert len(echo.pieces) > 100


async def test_a_black_hole_holds_back_what_goes_on_afterwards(ends: Ends, proxy: Proxy, echo: Echo) -> None:
    reader, writer = ends
    proxy.weather.open.clear()
    writer.write(LETTER)
    late = asyncio.create_task(reader.readexactly(len(LETTER)))
    # A connection beside it is accepted, and nothing passes there either.
    _, beside = await asyncio.open_connection("127.0.0.1", proxy.port)
    done, _ = await asyncio.wait({late}, timeout=0.3)
    assert not done
    assert echo.pieces == [1]
    proxy.weather.clear()
    async with asyncio.timeout(30):
        assert await late == LETTER
    beside.close()


@pytest.mark.parametrize(
    ("weather", "at_least_s"), [({"latency_s": 0.1}, 0.2), ({"bytes_per_s": 5 * len(LETTER)}, 0.4)]
)
async def test_bytes_take_their_time(
    ends: Ends, proxy: Proxy, weather: dict[str, float], at_least_s: float
) -> None:
    reader, writer = ends
    for name, value in weather.items():
        setattr(proxy.weather, name, value)
    clock = asyncio.get_running_loop().time
    began = clock()
    writer.write(LETTER)
    assert await reader.readexactly(len(LETTER)) == LETTER
    assert clock() - began >= at_least_s


async def test_a_reset_is_seen_at_both_ends(ends: Ends, proxy: Proxy, echo: Echo) -> None:
    reader, _ = ends
    assert proxy.reset() == 1
    async with asyncio.timeout(30):
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        await echo.ended.wait()
    assert proxy.reset() == 0


async def test_a_server_that_is_gone_is_a_connection_that_ends(echo: Echo, proxy: Proxy, ends: Ends) -> None:
    async with Proxy("127.0.0.1", 1) as to_nobody, asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", to_nobody.port)
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        writer.close()
