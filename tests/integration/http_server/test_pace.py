"""A client that is too slow is ended, whatever it is slow with; one that keeps its pace is not."""

import asyncio
import contextlib
import socket

import pytest

from tests.integration.http_server.conftest import Serve
from tests.integration.http_server.raw import GET, connected, ended, status_of

HOST = b"GET / HTTP/1.1\r\nHost: x\r\n"
WHOLE = b"POST /whole HTTP/1.1\r\nHost: x\r\n"
LENGTH = WHOLE + b"Content-Length: 1000000\r\n\r\n"
CHUNKED = WHOLE + b"Transfer-Encoding: chunked\r\n\r\n"
LONG_S = 3_600.0
SHORT_S = 0.4
HALTED_S = 1.5
"""Less than the time for which an early answer's connection stays."""


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ("http_first_byte_s", []),
        ("http_first_byte_s", [b"\r\n"]),
        ("http_idle_s", [GET]),
        ("http_idle_s", [GET, b"\r\n"]),
    ],
)
async def test_a_silent_connection_is_closed(serve: Serve, setting: str, parts: list[bytes]) -> None:
    bounds = {"http_first_byte_s": LONG_S, "http_head_s": LONG_S, "http_idle_s": LONG_S, setting: SHORT_S}
    told = await ended(await serve(**bounds), parts)
    assert told.count(b"HTTP/1.1") == parts.count(GET)


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        pytest.param("http_head_s", [b"G"], id="a method"),
        pytest.param("http_head_s", [HOST], id="half a head"),
        pytest.param("http_head_s", [GET, HOST], id="half of the next head"),
        pytest.param("http_body_s", [LENGTH, b"a" * 999_900], id="a body without its end"),
        pytest.param("http_progress_s", [LENGTH, b"a" * 999_900], id="a body without progress"),
        pytest.param("http_progress_s", [LENGTH], id="no body"),
        pytest.param("http_progress_s", [CHUNKED], id="no chunk"),
        pytest.param("http_progress_s", [CHUNKED, b"5\r\nabc"], id="half a chunk"),
        pytest.param("http_progress_s", [CHUNKED, b"1;x=y"], id="half an extension"),
        pytest.param("http_progress_s", [CHUNKED, b"0\r\nX: y"], id="half a trailer"),
        pytest.param(
            "http_progress_s",
            [WHOLE + b"Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n"],
            id="100 continue",
        ),
    ],
)
async def test_a_slow_request_is_answered_408(serve: Serve, setting: str, parts: list[bytes]) -> None:
    bounds = {"http_head_s": LONG_S, "http_body_s": LONG_S, "http_progress_s": LONG_S, setting: SHORT_S}
    told = await ended(await serve(**bounds), parts)
    last = told[told.rindex(b"HTTP/1.1 4") :]
    assert status_of(last) == 408
    assert b"connection: close" in last


async def test_a_body_that_keeps_the_rate_is_taken(serve: Serve) -> None:
    """With one byte a second as the rate, a body in small parts is never late."""
    port = await serve(http_progress_s=1.0, http_bytes_per_s=1)
    async with connected(port) as client:
        await client.say(WHOLE + b"Content-Length: 60\r\n\r\n")
        for _ in range(60):
            await client.say(b"a")
            await asyncio.sleep(0.05)
        assert await client.answer() == 200


@pytest.mark.parametrize(
    "tail",
    [b"1;" + b"x" * 1_000_000, b"0\r\nX: " + b"y" * 1_000_000, b"1;xxxxxxxxxxxxxxxxxxx\r\na\r\n" * 50_000],
)
async def test_chunks_that_hold_nothing_are_refused(serve: Serve, tail: bytes) -> None:
    assert status_of(await ended(await serve(), [CHUNKED, tail])) == 413


async def test_chunks_of_one_byte_are_taken(serve: Serve) -> None:
    async with connected(await serve()) as client:
        await client.say(CHUNKED + b"1\r\na\r\n" * 100_000 + b"0\r\n\r\n")
        assert await client.answer() == 200


@pytest.mark.parametrize("reads", [0, 100], ids=["never reads", "reads too slowly"])
async def test_a_reader_that_is_too_slow_is_ended(serve: Serve, reads: int) -> None:
    """So its answer, which is larger than all buffers, is never complete."""
    port = await serve(http_progress_s=1.0, http_bytes_per_s=1_000_000)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_024)
    writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await read_slowly(reader, writer, reads)
    writer.transport.abort()


async def read_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int) -> None:
    """Read so much ten times a second, for as long as there is a connection."""
    async with asyncio.timeout(60):
        while True:
            await asyncio.sleep(0.1)
            writer.write(b"x")
            await writer.drain()
            await reader.readexactly(size)


async def test_a_refused_body_passes_by_so_that_its_answer_is_read(serve: Serve) -> None:
    """Closed at once, the kernel would reset the connection and the answer be lost."""
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n"
    told = await ended(await serve(), [request, b"a" * 8_000_000])
    assert status_of(told) == 200
    assert b"connection: close" in told
    assert told.endswith(b"hello")


async def test_a_client_that_only_sends_comes_to_a_halt_and_finds_its_answer(serve: Serve) -> None:
    """However much it sends: a client without threads looks for an answer when its sending blocks."""
    port = await serve()

    def send_and_look() -> bytes:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.settimeout(HALTED_S)
            with contextlib.suppress(TimeoutError):
                connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
                while True:
                    connection.sendall(b"a" * 1_000_000)
            return connection.recv(65_536)

    assert status_of(await asyncio.to_thread(send_and_look)) == 200


async def test_a_short_body_that_nobody_reads_costs_no_connection(serve: Serve) -> None:
    async with connected(await serve()) as client:
        await client.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        assert await client.answer() == 200
        await client.say(b"a" * 100 + GET)
        assert await client.answer() == 200
