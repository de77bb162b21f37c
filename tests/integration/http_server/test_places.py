"""Connections are counted to their address until a token is accepted, then to its user; all have a bound."""

import asyncio
from contextlib import AsyncExitStack

from shared.observability import metrics
from tests.integration.http_server.conftest import Serve
from tests.integration.http_server.raw import GET, Client, connected, status_of
from tests.metric_values import value_of

LONG_S = 3_600.0


def enter(user: bytes) -> bytes:
    return b"GET /enter HTTP/1.1\r\nHost: x\r\nUser: " + user + b"\r\n\r\n"


def forwarded(*addresses: bytes) -> bytes:
    return b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: " + b", ".join(addresses) + b"\r\n\r\n"


async def crowd(stack: AsyncExitStack, port: int, size: int, said: bytes = b"") -> list[Client]:
    """So many clients that have said this and are not finished."""
    clients = [await stack.enter_async_context(connected(port)) for _ in range(size)]
    for client in clients:
        await client.say(said)
    return clients


def refused(why: str) -> float:
    return value_of(metrics.HTTP_REFUSED, why=why)


async def test_of_an_address_without_a_token(serve: Serve) -> None:
    port = await serve(http_address_connections_max=3, http_first_byte_s=LONG_S)
    before = refused("address_connections")
    async with AsyncExitStack() as stack:
        clients = await crowd(stack, port, 3)
        (more,) = await crowd(stack, port, 1)
        told = await more.to_end()
        assert status_of(told) == 503
        assert b"retry-after: " in told
        await clients[0].say(enter(b"alice"))
        assert await clients[0].answer() == 200
        (another,) = await crowd(stack, port, 1, GET)
        assert await another.answer() == 200
    assert refused("address_connections") == before + 1


async def test_of_a_user(serve: Serve) -> None:
    port = await serve(http_user_connections_max=2, http_address_connections_max=2, http_idle_s=LONG_S)
    async with AsyncExitStack() as stack:
        for status in (200, 200, 503):
            (client,) = await crowd(stack, port, 1, enter(b"alice"))
            assert await client.answer() == status
        (other,) = await crowd(stack, port, 1, enter(b"bob"))
        assert await other.answer() == 200
        await other.say(enter(b"bob"))
        assert await other.answer() == 200


async def test_of_all_the_longest_silent_gives_way(serve: Serve) -> None:
    port = await serve(http_connections_max=3, http_first_byte_s=LONG_S, http_idle_s=LONG_S)
    async with AsyncExitStack() as stack:
        (speaker,) = await crowd(stack, port, 1, GET)
        assert await speaker.answer() == 200
        silent = await crowd(stack, port, 2)
        (honest,) = await crowd(stack, port, 1, GET)
        assert await honest.answer() == 200
        assert await silent[0].to_end() == b""
        await speaker.say(GET)
        assert await speaker.answer() == 200


async def test_of_all_there_is_an_end(serve: Serve) -> None:
    port = await serve(http_connections_max=2, http_idle_s=LONG_S)
    async with AsyncExitStack() as stack:
        for client in await crowd(stack, port, 2, GET):
            assert await client.answer() == 200
        (more,) = await crowd(stack, port, 1)
        assert status_of(await more.to_end()) == 503


async def test_unfinished_requests_of_an_address_are_bounded_in_bytes(serve: Serve) -> None:
    port = await serve(http_address_bytes_max=100_000, http_head_s=LONG_S)
    half = b"GET / HTTP/1.1\r\nHost: x\r\nX: ".ljust(30) + b"a" * 1_000
    async with AsyncExitStack() as stack:
        statuses: list[int] = []
        for _ in range(8):
            (client,) = await crowd(stack, port, 1, half)
            for _ in range(59):
                await client.say(b"a" * 1_000)
                await asyncio.sleep(0)
            statuses.append(503 if b"503" in await now(client) else 200)
        assert 503 in statuses
        assert statuses[0] == 200
        (honest,) = await crowd(stack, port, 1, GET)
        assert await honest.answer() == 200


async def now(client: Client) -> bytes:
    """What has come already, or comes at once."""
    try:
        async with asyncio.timeout(0.3):
            return await client.reader.read(65_536)
    except TimeoutError:
        return b""


async def test_behind_a_trusted_proxy_each_client_is_counted(serve: Serve) -> None:
    port = await serve(
        http_address_connections_max=1, http_trusted_proxies="127.0.0.0/8, 10.0.0.1", http_idle_s=LONG_S
    )
    cases = [
        (forwarded(b"192.0.2.1"), 200),
        (forwarded(b"192.0.2.2"), 200),
        (forwarded(b"192.0.2.1"), 503),
        # What the client wrote itself stands further left.
        (forwarded(b"192.0.2.9", b"192.0.2.1"), 503),
        (forwarded(b"192.0.2.1", b"10.0.0.1"), 503),
        (forwarded(b"2001:db8::1"), 200),
        (forwarded(b"2001:db8::ffff"), 503),
        (forwarded(b"2001:db8:0:1::1"), 200),
        (forwarded(b"nonsense"), 200),
    ]
    async with AsyncExitStack() as stack:
        for said, status in cases:
            (client,) = await crowd(stack, port, 1, said)
            assert await client.answer() == status, said


async def test_what_a_stranger_forwards_is_not_believed(serve: Serve) -> None:
    port = await serve(http_address_connections_max=1, http_idle_s=LONG_S)
    async with AsyncExitStack() as stack:
        (client,) = await crowd(stack, port, 1, forwarded(b"192.0.2.1"))
        assert await client.answer() == 200
        (more,) = await crowd(stack, port, 1, forwarded(b"192.0.2.2"))
        assert status_of(await more.to_end()) == 503


async def test_every_place_is_given_back(serve: Serve) -> None:
    port = await serve(http_address_connections_max=5, http_first_byte_s=1.0, http_head_s=1.0)
    for _ in range(2):
        async with AsyncExitStack() as stack:
            for client in await crowd(stack, port, 5, b"GET / HTTP/1.1\r\n"):
                assert status_of(await client.to_end()) == 408
    await none_is_taken()


async def none_is_taken() -> None:
    """A server learns a moment later that its peer has gone."""
    async with asyncio.timeout(30):
        while True:
            if not taken():
                return
            await asyncio.sleep(0.01)


def taken() -> float:
    """Places of this process's servers."""
    return sum(value_of(metrics.HTTP_CONNECTIONS, counted=counted) for counted in ("address", "user"))
