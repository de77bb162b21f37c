"""What the one stream JOBS carries: appends, readers, memory by subjects, consumers.

``python -m bench.one_stream [--events 1000000]``: appends are synced to disk, as they are by default, and
beside them not synced; the rest is measured on one long log, which is written without sync.
"""

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
from pathlib import Path

from bench.fanout_sides import memory_kib
from bench.filling import EVENTS_OF_A_JOB, fill, finished_job
from bench.measure import console, ratio, summary
from bench.sharded.layout import Layout
from bench.sharded.runs import run_appends
from bench.sharded.server import MappedServer, sharded_server
from headrace.local.nats_server import Sync
from shared.contract.subjects import JOBS
from shared.jetstream.connection import Broker, connect
from shared.jetstream.errors import JetStreamError
from shared.jetstream.follower import Follower
from shared.jetstream.stored_message import Entry

ONE = Layout(1)
AT_ONCE = (2, 32, 256)
JOBS_OF_A_RUN = 4_000
STEPS = 4
USERS = 10_000
READERS = (1, 4)
CONSUMERS = 1_100
KIB = 1024
SYNCS: tuple[Sync, ...] = ("always", "fast")


async def appends(rounds: int) -> None:
    """Events stored a second, by how many jobs are written at a time; synced and not, in turns."""
    for at_once in AT_ONCE:
        rates: dict[Sync, list[float]] = {sync: [] for sync in SYNCS}
        server: dict[Sync, list[float]] = {sync: [] for sync in SYNCS}
        for number in range(rounds + 1):
            for sync in SYNCS:
                outcome = await run_appends(
                    ONE, at_once=at_once, jobs=max(JOBS_OF_A_RUN * at_once // 256, 500), sync=sync
                )
                assert not outcome.violations, outcome.violations
                if number:
                    rates[sync].append(outcome.events.total() / outcome.seconds)
                    server[sync].append(outcome.used_s / outcome.events.total() * 1e6)
        for sync in SYNCS:
            console.print(
                summary(rates[sync]).row(f"events stored, {at_once} jobs at once, sync {sync}", "/s")
            )
            console.print(summary(server[sync]).row("  the server's processor time of each", "µs"))
        always, fast = (statistics.median(rates[sync]) for sync in SYNCS)
        ratio(f"one_stream_sync_{at_once}", always, fast, "higher")


async def memory(server: MappedServer, broker: Broker, events: int) -> None:
    """The server's memory as subjects are added: each event has a subject of its own."""
    console.print(f"{0:>9} subjects: memory {memory_kib(server.process) / KIB:7.1f} MiB")
    jobs = events // EVENTS_OF_A_JOB // STEPS
    for step in range(STEPS):
        first = step * jobs
        await fill(broker, (finished_job(f"user-{n % USERS}") for n in range(first, first + jobs)))
        state = (await broker.api(f"STREAM.INFO.{JOBS}"))["state"]
        console.print(
            f"{state['num_subjects']:>9} subjects: memory {memory_kib(server.process) / KIB:7.1f} MiB, "
            f"{state['bytes'] / state['messages']:.0f} bytes an event by the stream's account"
        )


async def restart(server: MappedServer, directory: Path) -> None:
    """Seconds until it answers again, its memory then, and the log's size on disk."""
    await server.stop()
    began = time.perf_counter()
    await server.start()
    seconds = time.perf_counter() - began
    stored = _stored_bytes(directory)
    console.print(
        f"restarted in {seconds:.2f} s: memory {memory_kib(server.process) / KIB:.1f} MiB, "
        f"blocks on disk {stored / KIB / KIB:.0f} MiB"
    )


async def readers(server: MappedServer, broker: Broker) -> None:
    """Events a second of one follower and of several in one process, and what each costs the server."""
    last = int((await broker.api(f"STREAM.INFO.{JOBS}"))["state"]["last_seq"])
    for count in READERS:
        used_s, mine_s, began = server.used_s, _own_s(), time.perf_counter()
        followers = [
            Follower(broker, JOBS, _ignore, service="bench", report_position=False) for _ in range(count)
        ]
        following = [asyncio.create_task(follower.run()) for follower in followers]
        await asyncio.gather(*(follower.wait_for(last) for follower in followers))
        seconds = time.perf_counter() - began
        for task in following:
            task.cancel()
        await asyncio.wait(following)
        delivered = last * count
        console.print(
            f"{count} readers: {last / seconds:.0f} events/s each; server "
            f"{(server.used_s - used_s) / delivered * 1e6:.1f} µs, "
            f"reader {(_own_s() - mine_s) / delivered * 1e6:.1f} µs an event"
        )


async def consumers(server: MappedServer, broker: Broker) -> None:
    """How many consumers the stream takes, why not more, and the memory of each."""
    before = memory_kib(server.process)
    made = 0
    try:
        for number in range(CONSUMERS):
            config = {
                "name": f"reader-{number}",
                "ack_policy": "none",
                "deliver_policy": "new",
                "mem_storage": True,
                "inactive_threshold": int(300e9),
            }
            body = {"stream_name": JOBS, "config": config, "action": "create"}
            await broker.api(f"CONSUMER.CREATE.{JOBS}.{config['name']}", body, timeout_s=10)
            made += 1
    except JetStreamError as error:
        console.print(f"refused: {error}")
    each = (memory_kib(server.process) - before) / max(made, 1)
    console.print(f"{made} consumers beside the durable, {each:.0f} KiB each")


def _stored_bytes(directory: Path) -> int:
    """What the blocks of all streams take."""
    return sum(path.stat().st_blocks * 512 for path in directory.rglob("*.blk"))


async def _ignore(_: list[Entry]) -> None:
    pass


def _own_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measure(events: int, rounds: int) -> None:
    """Print everything."""
    await appends(rounds)
    with tempfile.TemporaryDirectory(prefix="headrace-") as directory:
        async with sharded_server(Path(directory), ONE, sync="fast") as server:
            async with connect(server.settings, service="bench") as broker:
                await memory(server, broker, events)
                await readers(server, broker)
            await restart(server, Path(directory))
            async with connect(server.settings, service="bench") as broker:
                await consumers(server, broker)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    asyncio.run(measure(given.events, given.rounds))
