"""Events under the api's port: one request a tunnel, nothing hidden behind it, an end whatever happens."""

import asyncio
import os
import socket
from contextlib import AsyncExitStack

import pytest

from services.api.events_tunnel import tunnel
from shared.service.http_server.connection import LINGER_BYTES
from tests.integration.http_server.raw import GET, Client, connected, ended, status_of
from tests.integration.http_server.tunnelled import (
    BUFFER_BYTES,
    HANDSHAKE,
    PLAIN,
    STREAM,
    SWITCHED,
    RawNotifier,
    api_before,
    notifier,
)

SECRET = b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.9.9.9\r\n\r\n"
"""What an attacker would like the notifier to see."""

HELD_MAX = 2_000_000
SOCKETS_MAX = 16 * 1024 * 1024
"""What the kernel holds of a connection at most, in both of its buffers (tcp(7))."""
"""What one way may hold: the tunnel's 32 KiB; what the kernel keeps of three connections, most of it
RECEIVE_BYTES, doubled; and the buffers of the test's own streams."""

TOTAL_BYTES = 24 * 1024 * 1024


async def closed(raw: RawNotifier) -> None:
    """The notifier has seen the end of its connection: nothing can come any more."""
    async with asyncio.timeout(20):
        await raw.gone.wait()


async def test_an_answer_passes_and_the_connection_ends() -> None:
    async with notifier() as raw, api_before(raw.port) as api:
        told = await ended(api.port, [STREAM])
        await closed(raw)
    assert told == PLAIN
    assert len(raw.heads) == 1
    assert raw.heads[0].startswith(b"GET /v1/stream HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 127.0.0.1\r\n")


CHUNKED = b"POST /v1/stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
SIZED = b"POST /v1/stream HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
BOTH = (
    b"POST /v1/stream HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([STREAM + SECRET], id="behind the head"),
        pytest.param([STREAM, SECRET], id="later"),
        pytest.param([SIZED % len(SECRET) + SECRET], id="as a body"),
        pytest.param([SIZED % 0 + SECRET], id="behind an empty body"),
        pytest.param([SIZED % 3 + SECRET], id="behind a short body"),
        pytest.param([CHUNKED + b"%x\r\n" % len(SECRET) + SECRET + b"\r\n0\r\n\r\n"], id="in a chunk"),
        pytest.param([CHUNKED + b"0\r\n\r\n" + SECRET], id="behind the last chunk"),
        pytest.param([HANDSHAKE + SECRET], id="behind a handshake that is refused"),
        pytest.param([HANDSHAKE, SECRET], id="later than a handshake that is refused"),
        pytest.param([HANDSHAKE.replace(b"/v1/ws", b"/v1/stream") + SECRET], id="a handshake elsewhere"),
        pytest.param([HANDSHAKE.replace(b"websocket", b"h2c") + SECRET], id="another upgrade"),
        pytest.param([HANDSHAKE.replace(b"GET", b"POST") + SECRET], id="a handshake by POST"),
        pytest.param([STREAM.replace(b"\r\n\r\n", b"\r\nConnection: host\r\n\r\n") + SECRET], id="no host"),
        pytest.param(
            [STREAM.replace(b"/v1/stream", b"http://metrics/v1/%73tream") + SECRET], id="absolute and encoded"
        ),
    ],
)
async def test_nothing_hides_behind_a_request(parts: list[bytes]) -> None:
    async with notifier() as raw, api_before(raw.port) as api:
        told = await ended(api.port, parts)
        await closed(raw)
    assert told == PLAIN
    (head,) = raw.heads
    assert raw.behind == b""
    assert head.split(b"\r\n")[0] in {
        b"GET /v1/stream HTTP/1.1",
        b"POST /v1/stream HTTP/1.1",
        b"GET /v1/ws HTTP/1.1",
        b"POST /v1/ws HTTP/1.1",
    }
    assert b"metrics" not in head
    assert b"10.9.9.9" not in head
    assert b"\r\nhost: x\r\n" in head
    assert b"transfer-encoding" not in head
    assert b"content-length" not in head


@pytest.mark.parametrize(
    "request_", [BOTH, STREAM.replace(b"Host", b"Host: y\r\nHost"), STREAM.replace(b" HTTP", b" x HTTP")]
)
async def test_what_can_be_read_in_two_ways_reaches_nobody(request_: bytes) -> None:
    async with notifier() as raw, api_before(raw.port) as api:
        told = await ended(api.port, [request_ + SECRET])
    assert status_of(told) == 400
    assert raw.heads == []


@pytest.mark.parametrize(
    "target", [b"//v1/ws", b"/v1/ws/", b"/v1/x/../ws", b"/v1/%2577s", b"/metrics", b"http://notifier/metrics"]
)
async def test_what_is_not_the_notifier_s_is_the_application_s(target: bytes) -> None:
    async with notifier() as raw, api_before(raw.port) as api, connected(api.port) as client:
        await client.say(HANDSHAKE.replace(b"/v1/ws", target))
        assert await client.answer() == 404
    assert raw.heads == []


async def test_a_request_in_line_behind_another_one_is_not_passed_on() -> None:
    async with notifier() as raw, api_before(raw.port) as api:
        told = await ended(api.port, [GET + STREAM])
    assert told.startswith(b"HTTP/1.1 200")
    assert told.endswith(b"hello")
    assert told.count(b"HTTP/1.1 ") == 1
    assert raw.heads == []


async def test_a_connection_that_served_the_application_may_become_a_tunnel() -> None:
    async with notifier() as raw, api_before(raw.port) as api, connected(api.port) as client:
        await client.say(GET)
        assert await client.answer() == 200
        await client.say(STREAM)
        assert await client.to_end() == PLAIN
    assert len(raw.heads) == 1


async def test_a_websocket_is_two_ways_of_bytes() -> None:
    mine, theirs = os.urandom(300_000), os.urandom(700_000)

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in (SWITCHED[:5], SWITCHED[5:20], SWITCHED[20:] + theirs):
            writer.write(part)
            await writer.drain()
        assert await reader.readexactly(len(mine)) == mine
        writer.write(b"end")

    async with notifier(speak) as raw, api_before(raw.port) as api, connected(api.port) as client:
        await client.say(HANDSHAKE)
        assert await client.reader.readuntil(b"\r\n\r\n") == SWITCHED
        sending = asyncio.create_task(client.say(mine))
        assert await client.to_end() == theirs + b"end"
        await sending
        await closed(raw)
    assert b"\r\nconnection: upgrade\r\nupgrade: websocket\r\n" in raw.heads[0]
    assert api.upstream.tunnels == 0


async def test_what_a_client_says_before_the_agreement_is_not_said() -> None:
    """RFC 6455, 4.1: it has to wait. What came with its head is lost, what came later waits."""
    agree = asyncio.Event()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await agree.wait()
        writer.write(SWITCHED)
        assert await reader.readexactly(5) == b"later"

    async with notifier(speak) as raw, api_before(raw.port) as api, connected(api.port) as client:
        await client.say(HANDSHAKE + b"with it")
        await raw.asked.wait()
        await client.say(b"later")
        agree.set()
        assert await client.to_end() == SWITCHED


@pytest.mark.parametrize("request_", [HANDSHAKE, STREAM])
async def test_what_follows_an_answer_that_is_no_agreement_is_thrown_away(request_: bytes) -> None:
    said = asyncio.Event()

    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(PLAIN)
        await said.wait()

    async with notifier(speak) as raw, api_before(raw.port) as api:
        client = await narrow(api.port)
        await client.say(request_)
        assert await client.reader.readexactly(len(PLAIN)) == PLAIN
        # More than all buffers hold, so that some of it was read.
        await client.say(SECRET, *[b"x" * 65_536] * 64)
        said.set()
        await closed(raw)
        client.writer.close()
    assert raw.behind == b""


async def test_without_a_notifier_there_is_a_503_to_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with api_before(port) as api:
        for request in (STREAM, HANDSHAKE, SIZED % 10 + b"0123456789"):
            told = await ended(api.port, [request.replace(b"Host", b"Authorization: Bearer hidden\r\nHost")])
            assert status_of(told) == 503
            assert b"urn:headrace:problem:unavailable" in told
            assert b"\r\nretry-after: 2\r\n" in told
            assert b"\r\nconnection: close\r\n" in told
        async with connected(api.port) as client:
            await client.say(GET)
            assert await client.answer() == 200
    assert api.upstream.tunnels == 0
    assert "hidden" not in "".join(capsys.readouterr())


@pytest.mark.parametrize("begun", [b"", SWITCHED[:7]])
@pytest.mark.parametrize("request_", [STREAM, HANDSHAKE])
async def test_a_notifier_that_ends_without_an_answer(request_: bytes, begun: bytes) -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)

    async with notifier(speak) as raw, api_before(raw.port) as api:
        told = await ended(api.port, [request_])
    if request_ == STREAM and begun:
        assert told == begun
    else:
        assert status_of(told) == 503


async def test_a_notifier_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel, "ANSWER_S", 0.1)
    never = asyncio.Event()

    async def speak(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        assert await reader.read() == b""
        never.set()

    async with notifier(speak) as raw, api_before(raw.port) as api:
        for request in (STREAM, HANDSHAKE):
            never.clear()
            assert status_of(await ended(api.port, [request])) == 503
            await never.wait()


async def test_an_api_that_leads_to_itself_does_not_call_itself_for_ever() -> None:
    async with api_before(0) as api:
        told = await ended(api.port, [STREAM])
        assert status_of(told) == 503
        assert b"HEADRACE_API_EVENTS_UPSTREAM names an api" in told


async def test_a_client_that_does_not_read_holds_the_notifier_and_no_memory() -> None:
    sent = 0

    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(SWITCHED)
        while sent < TOTAL_BYTES:
            writer.write(sent.to_bytes(8) * 2_048)
            sent += 16_384
            await writer.drain()

    async with notifier(speak) as raw, api_before(raw.port) as api:
        client = await narrow(api.port)
        await client.say(HANDSHAKE)
        await client.reader.readexactly(len(SWITCHED))
        for begin in range(0, TOTAL_BYTES, 16_384):
            assert await client.reader.readexactly(16_384) == begin.to_bytes(8) * 2_048
            assert sent - begin <= HELD_MAX
        assert await client.to_end() == b""
        client.writer.close()


async def test_a_client_that_floods_is_held_by_the_notifier() -> None:
    taken = sent = 0
    done = asyncio.Event()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        writer.write(SWITCHED)
        while taken < TOTAL_BYTES:
            assert await reader.readexactly(16_384) == taken.to_bytes(8) * 2_048
            taken += 16_384
            assert sent - taken <= HELD_MAX
        done.set()

    async with notifier(speak) as raw, api_before(raw.port) as api:
        client = await narrow(api.port)
        await client.say(HANDSHAKE)
        await client.reader.readexactly(len(SWITCHED))
        while sent < TOTAL_BYTES:
            await client.say(sent.to_bytes(8) * 2_048)
            sent += 16_384
        async with asyncio.timeout(20):
            await done.wait()
        client.writer.close()


async def test_a_flood_behind_an_ordinary_request_goes_nowhere() -> None:
    sent = 0
    is_flooded = asyncio.Event()

    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(PLAIN[:-5])
        await is_flooded.wait()
        writer.write(PLAIN[-5:])

    async def flood(client: Client) -> None:
        nonlocal sent
        while True:
            client.writer.write(b"x" * 65_536)
            await client.writer.drain()
            sent += 65_536
            if sent >= LINGER_BYTES:
                is_flooded.set()

    async with notifier(speak) as raw, api_before(raw.port) as api, connected(api.port) as client:
        await client.say(SIZED % 2**40)
        flooding = asyncio.create_task(flood(client))
        async with asyncio.timeout(30):
            assert await client.reader.readexactly(len(PLAIN)) == PLAIN
        flooding.cancel()
    assert raw.behind == b""
    assert sent < LINGER_BYTES + SOCKETS_MAX


async def test_half_of_all_places_stay_for_the_api() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCHED)
        await reader.read()

    async with (
        notifier(speak) as raw,
        api_before(raw.port, http_connections_max=10) as api,
        AsyncExitStack() as stack,
    ):
        clients = [await stack.enter_async_context(connected(api.port)) for _ in range(6)]
        for client in clients[:5]:
            await client.say(HANDSHAKE)
            assert await client.reader.readexactly(len(SWITCHED)) == SWITCHED
        await clients[5].say(HANDSHAKE)
        told = await clients[5].to_end()
        assert status_of(told) == 503
        assert b"too-many-connections" in told
        async with connected(api.port) as other:
            await other.say(GET)
            assert await other.answer() == 200
        clients[0].writer.close()
        await closed(raw)
        assert api.upstream.tunnels == 4
        async with connected(api.port) as again:
            await again.say(HANDSHAKE)
            assert await again.reader.readexactly(len(SWITCHED)) == SWITCHED


@pytest.mark.parametrize(
    ("trusted", "said", "named"),
    [("", b"10.1.2.3", b"127.0.0.1"), ("127.0.0.1", b"10.6.6.6, 10.1.2.3", b"10.1.2.3")],
)
async def test_the_notifier_is_told_the_client_that_the_api_knows(
    trusted: str, said: bytes, named: bytes
) -> None:
    async with notifier() as raw, api_before(raw.port, http_trusted_proxies=trusted) as api:
        await ended(api.port, [STREAM.replace(b"Host", b"X-Forwarded-For: " + said + b"\r\nHost")])
    fields = [line for line in raw.heads[0].split(b"\r\n") if b"forwarded" in line]
    assert fields == [b"x-forwarded-for: " + named]


async def test_an_api_that_ends_does_not_wait_for_its_tunnels() -> None:
    """Neither for one that is idle, nor one whose client reads nothing, nor one without an answer yet."""
    answers = {b"idle": SWITCHED, b"stalled": SWITCHED + b"x" * 4_000_000, b"silent": b""}

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (answer,) = [answers[name] for name in answers if b"?" + name in raw.heads[-1]]
        writer.write(answer)
        await writer.drain()
        await reader.read()

    async with notifier(speak) as raw, api_before(raw.port) as api, AsyncExitStack() as stack:
        clients = {name: await narrow(api.port) for name in answers}
        for name, client in clients.items():
            stack.callback(client.writer.close)
            await client.say(HANDSHAKE.replace(b"/v1/ws", b"/v1/ws?" + name))
            await client.reader.readexactly(len(SWITCHED) if answers[name] else 0)
            await raw.asked.wait()
            raw.asked.clear()
        loop = asyncio.get_running_loop()
        began = loop.time()
        await api.end()
        assert loop.time() - began < 4
        assert await clients[b"idle"].to_end() == b""
        assert status_of(await clients[b"silent"].to_end()) == 503
        assert len(await clients[b"stalled"].to_end()) < 4_000_000
        assert api.upstream.tunnels == 0


async def narrow(port: int) -> Client:
    """A client whose kernel keeps little for it."""
    plug = socket.socket()
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    plug.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plug, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=plug, limit=BUFFER_BYTES)
    return Client(reader, writer)
