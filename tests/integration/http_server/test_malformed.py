"""No byte of a request or of a WebSocket makes a service fail: no 500, and no traceback in its log."""

import asyncio
import random
from contextlib import suppress

import pytest

from tests.integration.http_server.raw import Client, connected
from tests.integration.http_server.services import Target

VALUES = (
    *(b"", b"\xff\xfe", b"http://[::1", b"%", b"%zz", b"\xc3\xa9", b"xn--\x80", b"xn--a", b"a" * 300, b"["),
    *(
        b",,,",
        b";q=",
        b"-1",
        b"1e9",
        b"0x10",
        b"9" * 30,
        b'"',
        b'W/"',
        b"Bearer",
        b"Bearer \xff",
        b"Bearer ...",
    ),
    *(b"respond-async, wait=" + b"9" * 30, b"wait=\xb2", b"\xb2", b"Basic Og==", b"bytes=0-", b"websocket"),
)
FIELDS = (
    *(
        b"Host",
        b"Origin",
        b"Authorization",
        b"Content-Type",
        b"Accept",
        b"Prefer",
        b"If-Match",
        b"If-None-Match",
    ),
    *(b"Idempotency-Key", b"X-Request-Id", b"traceparent", b"Last-Event-ID", b"Content-Length", b"Expect"),
    *(b"Transfer-Encoding", b"Connection", b"Upgrade", b"Access-Control-Request-Method", b"X-Forwarded-For"),
    *(b"Sec-WebSocket-Key", b"Sec-WebSocket-Version", b"Sec-WebSocket-Protocol", b"Sec-WebSocket-Extensions"),
)
TARGETS = (
    *(
        b"*",
        b"//",
        b"/%ff",
        b"/%00",
        b"/\xff",
        b"/v1/jobs/%ff",
        b"/v1/jobs/%00",
        b"/v1/jobs/..%2f..",
        b"?",
        b"/#",
    ),
    *(
        b"/v1/jobs?limit=%ff",
        b"/v1/jobs?cursor=%F0%9F%98%80",
        b"/v1/jobs?label=%ff=%00",
        b"/v1/jobs?session=%00",
    ),
    *(b"/v1/events?user_id=%ff", b"/v1/stream?job_id=%ff", b"/v1/stream?after=%00", b"/v1/ws?x=%ff"),
    *(
        b"http://[::1/v1/jobs",
        b"http://x:99999/",
        b"/v1/sessions/%ff",
        b"/v1/jobs/%ff/artifacts/%ff",
        b"/docs?%",
    ),
    *(b"/v1/languages/%ff", b"/metrics?%ff", b"/readyz?verbose=%ff", b"/v1/jobs/%ff/events?after=%ff"),
)
METHODS = (b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH", b"TRACE", b"M-SEARCH")
HANDSHAKE = {
    b"Host": b"x",
    b"Connection": b"Upgrade",
    b"Upgrade": b"websocket",
    b"Sec-WebSocket-Version": b"13",
    b"Sec-WebSocket-Key": b"AAAAAAAAAAAAAAAAAAAAAA==",
    b"Sec-WebSocket-Protocol": b"headrace.v1",
}
AT_ONCE = 20


def request(method: bytes, target: bytes, fields: dict[bytes, bytes]) -> bytes:
    lines = [name + b": " + value for name, value in fields.items()]
    return b"\r\n".join([method + b" " + target + b" HTTP/1.1", *lines, b"", b""])


async def first_of(target: Target, said: bytes) -> bytes:
    """The first bytes of the answer. No answer within a second is one that waits for more."""
    async with connected(target.port) as client:
        await client.say(said)
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(1):
                return await client.reader.read(64)
    return b""


async def none_fails(target: Target, requests: list[bytes]) -> None:
    for begin in range(0, len(requests), AT_ONCE):
        some = requests[begin : begin + AT_ONCE]
        told = await asyncio.gather(*(first_of(target, one) for one in some))
        assert [one for one, answer in zip(some, told, strict=True) if b" 500 " in answer] == []


async def test_no_target_or_method(target: Target, token: str) -> None:
    known = {b"Host": b"x", b"Connection": b"close", b"Authorization": b"Bearer " + token.encode()}
    unknown = {b"Host": b"x", b"Connection": b"close"}
    await none_fails(
        target,
        [request(b"GET", one, fields) for one in TARGETS for fields in (known, unknown)]
        + [request(method, b"/v1/jobs", {**known, b"Content-Length": b"0"}) for method in METHODS],
    )


async def test_no_field(target: Target, token: str) -> None:
    known = {b"Host": b"x", b"Connection": b"close", b"Authorization": b"Bearer " + token.encode()}
    await none_fails(
        target, [request(b"GET", b"/v1/jobs", {**known, name: value}) for name in FIELDS for value in VALUES]
    )


async def test_no_handshake(target: Target) -> None:
    await none_fails(
        target,
        [request(b"GET", b"/v1/ws", {**HANDSHAKE, name: value}) for name in FIELDS for value in VALUES],
    )


async def test_no_bytes_at_all(target: Target) -> None:
    """The same every time: a failure can be looked into."""
    choose = random.Random(13)  # noqa: S311 - no secret
    whole = request(b"GET", b"/v1/ws?a=b", HANDSHAKE)
    spoilt: list[bytes] = []
    for _ in range(300):
        said = bytearray(whole)
        for _ in range(choose.randint(1, 4)):
            said[choose.randrange(len(said))] = choose.randrange(256)
        spoilt.append(bytes(said))
    await none_fails(target, spoilt)


def frame(opcode: int, payload: bytes, *, is_final: bool = True) -> bytes:
    """A client's frame of fewer than 126 bytes; its mask changes nothing."""
    return bytes([opcode | (0x80 if is_final else 0), 0x80 | len(payload)]) + bytes(4) + payload


async def upgraded(client: Client) -> None:
    await client.say(request(b"GET", b"/v1/ws", HANDSHAKE))
    async with asyncio.timeout(30):
        assert b" 101 " in await client.reader.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize("target", ["notifier"], indirect=True)
@pytest.mark.parametrize(
    "said",
    [
        pytest.param([], id="nothing", marks=pytest.mark.full),
        pytest.param([frame(9, b"ping") * 200_000], id="pings"),
        pytest.param([frame(10, b"") * 200_000], id="pongs", marks=pytest.mark.full),
        pytest.param(
            [frame(1, b"{", is_final=False), frame(0, b"", is_final=False) * 200_000], id="fragments"
        ),
        pytest.param(
            [frame(1, b"a", is_final=False), *[frame(0, b"a" * 125, is_final=False) * 500] * 20],
            id="long",
            marks=pytest.mark.full,
        ),
        pytest.param([frame(1, b"{}") * 200_000], id="messages", marks=pytest.mark.full),
        pytest.param(
            [b"\x81\xff" + b"\x7f" + b"\xff" * 11, *[b"a" * 100_000] * 100], id="a frame without end"
        ),
        pytest.param([frame(1, b"\xff\xfe")], id="no UTF-8"),
        pytest.param([frame(3, b"")], id="no such frame", marks=pytest.mark.full),
        pytest.param([b"\x81\x05hello"], id="no mask"),
        pytest.param([frame(8, b"\x03")], id="half a code", marks=pytest.mark.full),
        pytest.param([frame(8, b"\x00\x00")], id="no code", marks=pytest.mark.full),
        pytest.param([frame(9, b"", is_final=False)], id="half a ping", marks=pytest.mark.full),
    ],
)
async def test_no_frames_before_the_token(target: Target, said: list[bytes]) -> None:
    """The service ends the connection by itself, and answers others as ever."""
    async with connected(target.port) as client:
        await upgraded(client)
        saying = asyncio.create_task(client.say(*said))
        await client.to_end()
        saying.cancel()
    assert b" 200 " in await first_of(target, target.honest)
