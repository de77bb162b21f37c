"""A head is bounded in bytes and in fields, and one of an honest size is taken."""

import pytest

from tests.integration.http_server.conftest import Serve
from tests.integration.http_server.raw import GET, connected, ended, status_of

KIB = 1024
ENDLESS = 64
PIECE = b"a" * 64 * KIB
HOST = b"GET / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        pytest.param([HOST + b"X: ", *[PIECE] * ENDLESS], 431, id="a value without end"),
        pytest.param([HOST, *[PIECE] * ENDLESS], 431, id="a name without end"),
        pytest.param([HOST, *[b"a: b\r\n" * 11_000] * ENDLESS], 431, id="fields without end"),
        pytest.param([HOST + b"X: y\r\n", *[b" fold\r\n" * 9_000] * ENDLESS], 400, id="folds without end"),
        pytest.param([b"GET /", *[PIECE] * ENDLESS], 414, id="a URL without end"),
        pytest.param([PIECE] * ENDLESS, 400, id="a method without end"),
        pytest.param([HOST + b"a: b\r\n" * 100 + b"\r\n"], 431, id="101 fields"),
        pytest.param([HOST + b"X: " + b"a" * 18 * KIB + b"\r\n\r\n"], 431, id="a value of 18 KiB"),
        pytest.param([b"GET /" + b"a" * 18 * KIB + b" HTTP/1.1\r\nHost: x\r\n\r\n"], 414, id="18 KiB of URL"),
        pytest.param([HOST + (b"X: " + b"a" * 16 * KIB + b"\r\n") * 5 + b"\r\n"], 431, id="80 KiB in all"),
    ],
)
async def test_a_head_that_is_too_large_is_refused(serve: Serve, parts: list[bytes], status: int) -> None:
    port = await serve()
    told = await ended(port, parts)
    assert status_of(told) == status
    assert b"application/problem+json" in told
    assert b"connection: close" in told


async def test_a_request_line_and_a_field_of_16_kib_each_are_taken(serve: Serve) -> None:
    async with connected(await serve()) as client:
        line = b"GET /?" + b"a" * 16 * KIB + b" HTTP/1.1\r\nHost: x\r\n"
        await client.say(line, b"Authorization: Bearer " + b"a" * 16 * KIB + b"\r\n\r\n")
        assert await client.answer() == 200
        await client.say(HOST + b"a: b\r\n" * 99 + b"\r\n")
        assert await client.answer() == 200


@pytest.mark.parametrize("step", [1, 7, 1_000])
async def test_a_head_may_come_in_pieces(serve: Serve, step: int) -> None:
    request = HOST + b"X: " + b"a" * 300 + b"\r\n\r\n"
    async with connected(await serve()) as client:
        for begin in range(0, len(request), step):
            await client.say(request[begin : begin + step])
        assert await client.answer() == 200


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: [1:2]\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x/y@z\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x:99999\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
    ],
)
async def test_what_can_be_read_in_two_ways_is_refused(serve: Serve, head: bytes) -> None:
    told = await ended(await serve(), [head])
    assert status_of(told) == 400
    assert told.count(b"HTTP/1.1 ") == 1


async def test_requests_in_line_are_bounded_and_those_before_are_answered(serve: Serve) -> None:
    told = await ended(await serve(), [GET * 500])
    answers = told.count(b"HTTP/1.1 200")
    assert 1 < answers < 20
    assert told.count(b"connection: close") == 1
