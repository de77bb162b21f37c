"""What one notifier process delivers, against a bare uvicorn that broadcasts and does nothing else.

``python -m bench.fanout``: the fourth row of the performance budget. 1,000 subscribers, the same messages,
the same clients, and both sides in turn: latency at five messages a second, the most deliveries a second, and
memory per idle connection. Then the notifier alone: what 50 clients that stop reading cost the others.
"""

import asyncio
import resource
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench.fanout_clients import text_frame
from bench.fanout_sides import (
    ClientProcesses,
    NotifierSide,
    Side,
    broadcast_side,
    client_processes,
    memory_kib,
    notifier_side,
    processor_s,
    token,
)
from bench.measure import console, ratio, summary
from headrace.local.nats_server import NatsServer
from shared.jetstream.connection import connect
from shared.jetstream.stream_config import ProvisionSettings
from shared.provision import provision
from shared.settings import BrokerSettings

ROUNDS = 5
SUBSCRIBERS = 1_000
PER_S = 5
STEADY_S = 5
BURST = 200
IDLE = 3_000
STALLED = 50
FLOODED_USER = "flooded"
FLOOD_PER_S = 40
FLOOD_PADDING = "y" * 16 * 1024


async def steadily(publish: Callable[[], Awaitable[None]], per_s: int, seconds: float) -> None:
    """Send at a fixed rate, each message at its time, independent of how long the previous one took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as group:
        for number in range(int(per_s * seconds)):
            await asyncio.sleep(began + number / per_s - loop.time())
            group.create_task(_await(publish()))


async def _await(publishing: Awaitable[None]) -> None:
    await publishing


async def latencies(side: Side, clients: ClientProcesses) -> list[float]:
    """Milliseconds of every delivery at the steady rate."""
    await clients.expect(SUBSCRIBERS * PER_S * STEADY_S)
    await steadily(side.publish, PER_S, STEADY_S)
    return await clients.latencies_ms()


@dataclass(frozen=True, slots=True)
class Burst:
    """How fast a burst was delivered, and the server's processor time for each delivery."""

    per_s: float
    cpu_us: float


async def burst(side: Side, clients: ClientProcesses) -> Burst:
    """Measure a burst at full speed, from the first message sent to the last one delivered."""
    used = processor_s(side.process)
    await clients.expect(SUBSCRIBERS * BURST)
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(BURST):
            group.create_task(_await(side.publish()))
    await clients.latencies_ms()
    deliveries = SUBSCRIBERS * BURST
    return Burst(
        deliveries / (time.perf_counter() - began),
        (processor_s(side.process) - used) / deliveries * 1e6,
    )


async def idle_kib(side: Side, clients: ClientProcesses) -> float:
    """Memory per idle connection, in KiB."""
    before = memory_kib(side.process)
    for number in range(IDLE // 100):
        await clients.connect(side, 100, f"idle {number}")
    return (memory_kib(side.process) - before) / IDLE


async def compare(ours: NotifierSide, bare: Side) -> None:
    """Compare the latency and the rate of both sides, in turn."""
    p99: dict[Side, list[float]] = {ours: [], bare: []}
    bursts: dict[Side, list[Burst]] = {ours: [], bare: []}
    async with client_processes() as our_clients, client_processes() as bare_clients:
        await our_clients.connect(ours, SUBSCRIBERS)
        await bare_clients.connect(bare, SUBSCRIBERS)
        sides: list[tuple[Side, ClientProcesses]] = [(bare, bare_clients), (ours, our_clients)]
        for side, clients in sides:
            await burst(side, clients)
        for _ in range(ROUNDS):
            for side, clients in sides:
                p99[side].append(summary(await latencies(side, clients)).percentile(99))
                bursts[side].append(await burst(side, clients))
    most = {side: summary([one.per_s for one in found]) for side, found in bursts.items()}
    cost = {side: summary([one.cpu_us for one in found]) for side, found in bursts.items()}
    at = f"{SUBSCRIBERS} subscribers, {PER_S}/s"
    console.print(summary(p99[bare]).row(f"bare broadcast, p99 at {at}", "ms"))
    console.print(summary(p99[ours]).row(f"notifier, p99 at {at}", "ms"))
    console.print(most[bare].row("bare broadcast, deliveries", "/s"))
    console.print(most[ours].row("notifier, deliveries", "/s"))
    console.print(cost[bare].row("bare broadcast, processor time of a delivery", "µs"))
    console.print(cost[ours].row("notifier, processor time of a delivery", "µs"))
    ratio("fanout", most[ours].median, most[bare].median, "higher")
    ratio("fanout_cpu", cost[ours].median, cost[bare].median, "lower")
    ratio("fanout_p99", summary(p99[ours]).median, summary(p99[bare]).median, "lower")


async def compare_memory(ours: NotifierSide, bare: Side) -> None:
    """Idle connections of each side, to processes that had none before."""
    found: dict[Side, float] = {}
    for side in (bare, ours):
        async with client_processes() as clients:
            found[side] = await idle_kib(side, clients)
    console.print(
        f"{IDLE} idle connections: bare {found[bare]:.1f} KiB each, notifier {found[ours]:.1f} KiB each"
    )
    ratio("fanout_memory", found[ours], found[bare], "lower")


async def with_stalled(ours: NotifierSide, clients: ClientProcesses) -> list[float]:
    """The steady rate, while others of a user who is sent much more have stopped reading."""
    async with AsyncExitStack() as open_ones:
        for number in range(STALLED):
            open_ones.callback((await stalled_client(ours, number)).close)
        return await under_flood(ours, clients)


async def under_flood(ours: NotifierSide, clients: ClientProcesses) -> list[float]:
    """The steady rate beside a flood for another user."""

    async def flood() -> None:
        await ours.publish(FLOODED_USER, FLOOD_PADDING)

    flooding = asyncio.create_task(steadily(flood, FLOOD_PER_S, 60))
    try:
        return await latencies(ours, clients)
    finally:
        flooding.cancel()
        with suppress(asyncio.CancelledError):
            await flooding


async def stalled_client(ours: NotifierSide, number: int) -> socket.socket:
    """A subscriber with a small window that never reads."""
    order = ours.order(1)
    plug = socket.socket()
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    plug.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(plug, ("127.0.0.1", order["port"]))
    await loop.sock_sendall(
        plug,
        f"GET {order['path']} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: headrace.v1\r\n\r\n".encode(),
    )
    assert (await loop.sock_recv(plug, 4_096)).startswith(b"HTTP/1.1 101")
    subscribe = {"type": "subscribe", "id": f"stalled {number}", "job_id": "*", "after": "now"}
    for message in ({"type": "connection_init", "token": token(FLOODED_USER)}, subscribe):
        await loop.sock_sendall(plug, text_frame(msgspec.json.encode(message).decode()))
    return plug


async def compare_stalled(ours: NotifierSide) -> None:
    """The same healthy clients with and without the stalled ones, in turn."""
    without: list[float] = []
    beside: list[float] = []
    async with client_processes() as clients:
        await clients.connect(ours, SUBSCRIBERS)
        await under_flood(ours, clients)
        for _ in range(ROUNDS):
            without.append(summary(await under_flood(ours, clients)).percentile(99))
            beside.append(summary(await with_stalled(ours, clients)).percentile(99))
    console.print(summary(without).row("healthy p99, nobody stalls", "ms"))
    console.print(summary(beside).row(f"healthy p99, {STALLED} do not read", "ms"))
    ratio("fanout_stalled", summary(beside).median, summary(without).median, "lower")


async def measure() -> None:
    """Print every comparison."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    with TemporaryDirectory(prefix="headrace-") as directory:
        nats = NatsServer(Path(directory) / "nats", user="bench", password="bench-only")
        await nats.start()
        settings = BrokerSettings(nats_url=nats.url, nats_user=nats.user, nats_password=nats.password)
        try:
            async with connect(settings, service="bench") as broker:
                await provision(broker, ProvisionSettings())
                async with notifier_side(nats, broker) as ours, broadcast_side() as bare:
                    await compare_memory(ours, bare)
                async with notifier_side(nats, broker) as ours, broadcast_side() as bare:
                    await compare(ours, bare)
                    await compare_stalled(ours)
        finally:
            await nats.stop()


if __name__ == "__main__":
    asyncio.run(measure())
