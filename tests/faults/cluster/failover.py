"""How long the log takes no events when servers of a cluster are deposed, killed, or frozen; run by hand.

``python -m tests.faults.cluster.failover``: one writer appends as fast as it is answered. The longest time
between two answers is what a client waits.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from shared.jetstream.errors import BrokerError
from shared.jetstream.event_log import Log
from tests import builders
from tests.faults.cluster.servers import Cluster, cluster_of_three

PATIENCE_S = 60.0
SETTLED = 50
"""Answers before and after, so that nothing of one disturbance is counted with the next."""

Disturb = Callable[[Cluster], Awaitable[None]]


class Writer:
    """Appends until cancelled, and remembers the longest wait."""

    def __init__(self, log: Log) -> None:
        """Begin with none."""
        self._log = log
        self._answered = asyncio.Event()
        self._count = 0
        self.longest_s = 0.0

    async def run(self) -> None:
        """Append one job after the other."""
        clock = asyncio.get_running_loop().time
        last = clock()
        while True:
            await self._log.append(builders.queued(builders.job_id()), expected=0, patience_s=PATIENCE_S)
            now = clock()
            self.longest_s, last = max(self.longest_s, now - last), now
            self._count += 1
            self._answered.set()

    async def settled(self) -> None:
        """Wait for some more answers."""
        wanted = self._count + SETTLED
        while self._count < wanted:
            self._answered.clear()
            await self._answered.wait()


async def stop_leader(cluster: Cluster) -> None:
    """Stop it as an upgrade does, and start it again."""
    leader = await cluster.leader()
    await leader.stop()
    await leader.start()


async def kill_leader(cluster: Cluster) -> None:
    """Kill it, and start it when another one leads."""
    leader = await cluster.leader()
    await leader.kill()
    await cluster.leader()
    await leader.start()


async def freeze_leader(cluster: Cluster) -> None:
    """Stop its process, and let it go on when another one leads."""
    leader = await cluster.leader()
    leader.freeze()
    while await cluster.leader() is leader:  # noqa: ASYNC110 - each question waits for its answer
        await asyncio.sleep(0.05)
    leader.thaw()


async def kill_two(cluster: Cluster) -> None:
    """Kill two, see that nothing is taken, and start both."""
    killed = cluster.others(await cluster.leader())
    for server in killed:
        await server.kill()
    async with cluster.broker() as broker:
        try:
            await broker.request(f"jobs.x.{builders.job_id()}.queued", b"", timeout_s=2.0)
        except BrokerError:
            await cluster.start_all()
            return
    raise AssertionError("an event was taken without a quorum")


async def kill_all(cluster: Cluster) -> None:
    """Kill all three and start them again."""
    await asyncio.gather(*(server.kill() for server in cluster.servers))
    await cluster.start_all()


DISTURBANCES: tuple[Disturb, ...] = (
    Cluster.depose,
    stop_leader,
    kill_leader,
    freeze_leader,
    kill_two,
    kill_all,
)


async def measure(disturb: Disturb) -> float:
    """The longest wait of the one writer, on a cluster of its own."""
    with tempfile.TemporaryDirectory() as directory:
        async with cluster_of_three(Path(directory)) as cluster, cluster.broker() as broker:
            writer = Writer(Log(broker))
            running = asyncio.create_task(writer.run())
            await writer.settled()
            await disturb(cluster)
            await writer.settled()
            running.cancel()
            return writer.longest_s


async def main() -> None:
    """Three times each."""
    for disturb in DISTURBANCES:
        waits = sorted([await measure(disturb) for _ in range(3)])
        name = disturb.__name__.replace("_", " ")
        sys.stdout.write(f"{name:14} {waits[0]:5.1f} {waits[1]:5.1f} {waits[2]:5.1f} s\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
