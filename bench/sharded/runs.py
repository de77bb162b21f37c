"""The two runs of the prototype, each on a server of its own: the whole protocol, and appends alone."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.sharded.checker import Violation
from bench.sharded.layout import Layout
from bench.sharded.processes import begin, end, ended, order, workers
from bench.sharded.reader import Reader, reading
from bench.sharded.server import sharded_server
from bench.sharded.submitter import SUBMITTERS
from headrace.local.nats_server import Sync

EXECUTORS = 2
APPENDERS = 2
ENDED_WITHIN_S = 300.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did. `used_s` is the server's processor time, `clients_s` that of all workers."""

    stored: int
    refused: int
    jobs: int
    seconds: float
    used_s: float
    clients_s: float
    events: Counter[str]
    users: dict[int, int]
    violations: list[Violation]


async def run_protocol(layout: Layout, *, users: int, jobs: int, sync: Sync = "always") -> Outcome:
    """Submit so many jobs of each user, execute them beside rivals, and judge the log."""
    with TemporaryDirectory(prefix="headrace-") as directory:
        async with sharded_server(Path(directory), layout, sync=sync) as server:
            submitting = [
                order(server, layout, "submitter", number=number, users=users, jobs=jobs)
                for number in range(SUBMITTERS)
            ]
            executing = [order(server, layout, "executor", number=number) for number in range(EXECUTORS)]
            rival = order(server, layout, "rival")
            async with (
                reading(server.settings, layout, jobs=users * jobs) as reader,
                workers([*submitting, *executing, rival]) as processes,
            ):
                used_s, began = server.used_s, time.perf_counter()
                begin(processes)
                counts = await ended(processes[:SUBMITTERS])
                async with asyncio.timeout(ENDED_WITHIN_S):
                    await reader.all_ended.wait()
                seconds, used_s = time.perf_counter() - began, server.used_s - used_s
                counts += await end(processes[SUBMITTERS:])
                await reader.read_all()
            return _outcome(reader, counts, users * jobs, seconds, used_s)


async def run_appends(layout: Layout, *, at_once: int, jobs: int, sync: Sync = "always") -> Outcome:
    """Write so many jobs, `at_once` of them at a time; then judge the log."""
    with TemporaryDirectory(prefix="headrace-") as directory:
        async with sharded_server(Path(directory), layout, sync=sync) as server:
            orders = [
                order(
                    server,
                    layout,
                    "appender",
                    number=number,
                    users=at_once // APPENDERS,
                    jobs=jobs // APPENDERS,
                )
                for number in range(APPENDERS)
            ]
            written = jobs // APPENDERS * APPENDERS
            async with workers(orders) as processes:
                used_s, began = server.used_s, time.perf_counter()
                begin(processes)
                counts = await ended(processes)
                seconds, used_s = time.perf_counter() - began, server.used_s - used_s
            async with reading(server.settings, layout, jobs=written) as reader:
                await reader.read_all()
            return _outcome(reader, counts, written, seconds, used_s)


def _outcome(reader: Reader, counts: Counter[str], jobs: int, seconds: float, used_s: float) -> Outcome:
    violations = reader.checker.violations(jobs=jobs)
    if counts["stored"] != reader.checker.events.total():
        violations.append(Violation("uncounted", -1, counts["stored"], "?"))
    return Outcome(
        stored=counts["stored"],
        refused=counts["refused"],
        jobs=jobs,
        seconds=seconds,
        used_s=used_s,
        clients_s=counts["processor_ms"] / 1000,
        events=reader.checker.events,
        users={shard: len(found) for shard, found in sorted(reader.checker.users.items())},
        violations=violations,
    )
