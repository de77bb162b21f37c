"""Attacks on the real services before a token is shown: others are answered meanwhile, and nothing stays."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.integration.http_server.raw import ENDS_WITHIN_S, Client, connected, ended, status_of
from tests.integration.http_server.services import Target, neighbour_of, until_alone
from tests.system.largest import forget_peak, resident_bytes
from tests.undebugged import undebugged

# Their neighbour must be answered as fast as ever.
pytestmark = pytest.mark.alone

MIB = 1024 * 1024
MEMORY_MAX_BYTES = 48 * MIB
"""What a service may hold more after an attack than before: its own caches, and what malloc keeps."""

HEAD = b"GET /livez HTTP/1.1\r\nHost: x\r\n"


async def crowd(stack: AsyncExitStack, target: Target, size: int, said: bytes) -> list[Client]:
    """So many clients, each of which has said this at once: a first byte that comes late is not answered."""
    undebugged()
    clients = []
    for _ in range(size):
        clients.append(await stack.enter_async_context(connected(target.port)))
        await clients[-1].say(said)
    return clients


async def all_ended(clients: list[Client]) -> list[bytes]:
    """What each was told until the service ended its connection."""
    async with asyncio.timeout(ENDS_WITHIN_S):
        return await asyncio.gather(*(client.to_end() for client in clients))


@pytest.mark.parametrize("size", [16, pytest.param(100, marks=pytest.mark.full)])
async def test_a_header_without_end(target: Target, size: int) -> None:
    before = target.memory_bytes()
    async with asyncio.timeout(ENDS_WITHIN_S), neighbour_of(target) as neighbour:
        while not neighbour.measured.is_set():
            told = await ended(target.port, [HEAD + b"X: ", *[b"a" * MIB] * size])
            assert status_of(told) == 431
    await until_alone(target)
    assert target.memory_bytes() - before < MEMORY_MAX_BYTES


@pytest.mark.full
async def test_many_headers_without_end(target: Target) -> None:
    """Each unfinished head is within the bound of one; together they are not, and some are told so."""
    before = target.memory_bytes()
    async with neighbour_of(target), AsyncExitStack() as stack:
        clients = await crowd(stack, target, 150, HEAD + b"X: " + b"a" * 50_000)
        statuses = {status_of(told) for told in await all_ended(clients)}
    assert statuses <= {408, 431, 503}
    await until_alone(target)
    assert target.memory_bytes() - before < MEMORY_MAX_BYTES


@pytest.mark.parametrize(
    ("said", "status"),
    [
        pytest.param(b"", None, id="idle", marks=pytest.mark.full),
        pytest.param(HEAD, 408, id="half a head"),
        pytest.param(b"G", 408, id="one byte", marks=pytest.mark.full),
    ],
)
async def test_six_hundred_unfinished(target: Target, said: bytes, status: int | None) -> None:
    before = target.memory_bytes()
    async with neighbour_of(target), AsyncExitStack() as stack:
        told = await all_ended(await crowd(stack, target, 600, said))
        assert {status_of(one) if one else None for one in told} == {status}
    await until_alone(target)
    assert target.memory_bytes() - before < MEMORY_MAX_BYTES


@pytest.mark.parametrize(
    "is_known", [pytest.param(False, marks=pytest.mark.full), True], ids=["no token", "token"]
)
@pytest.mark.full
async def test_three_hundred_bodies_short_of_their_end(target: Target, token: str, *, is_known: bool) -> None:
    """Without a token none is read; with one, as many as the user's share has room for."""
    bearer = b"Authorization: Bearer " + token.encode() + b"\r\n" if is_known else b""
    head = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + bearer
    body = head + b"Content-Length: 1000000\r\n\r\n" + b" " * 999_900
    before = target.memory_bytes()
    forget_peak(target.pid)
    async with neighbour_of(target), AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(target.port)) for _ in range(300)]
        told = await asyncio.gather(*(attack(client, body) for client in clients))
    await until_alone(target)
    assert resident_bytes(target.pid, "VmHWM") - before < 3 * MEMORY_MAX_BYTES
    assert target.memory_bytes() - before < MEMORY_MAX_BYTES
    statuses = {status_of(one) for one in told if one}
    if is_known and target.name == "api":
        assert 429 in statuses <= {408, 429, 503}
    else:
        assert statuses <= {401, 404, 503}


async def attack(client: Client, said: bytes) -> bytes:
    """Say it for as long as it is taken, and read until the end."""
    saying = asyncio.create_task(client.say(said))
    try:
        return await client.to_end()
    finally:
        saying.cancel()


async def test_clients_that_leave_in_the_middle(target: Target, token: str) -> None:
    """The fixture looks into the log: there is nothing to say about it."""
    head = b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer "
    said = head + token.encode() + b"\r\nContent-Length: 1000\r\n\r\n{"
    for piece in (b"", b"G", HEAD, said, said[:-1], target.honest, target.honest * 3):
        for _ in range(5):
            async with connected(target.port) as client:
                await client.say(piece)
                client.writer.write_eof()
            async with connected(target.port) as client:
                await client.say(piece)
                client.writer.transport.abort()
    await until_alone(target)
