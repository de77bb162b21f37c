"""What one job costs each process: processor time, wake-ups, messages.

``python -m bench.costs [prints|reads]``: one user's jobs, one at a time, as `bench.latency` has them.
Processor time and voluntary context switches are the kernel's counts of each process, messages those that the
streams have stored. Cells are not among the processes: what their programs used is in the results.
"""

import asyncio
import os
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from bench.latency import one_job
from bench.measure import chosen_program, console
from headrace.client.client import open_client
from headrace.client.endpoint import local_endpoint
from headrace.local.supervisor import Stack, private_stack
from shared.contract.subjects import FEED, JOBS
from shared.jetstream.connection import Broker, connect
from shared.settings import BrokerSettings

JOBS_COUNT = 300
WARM_UP = 50
SERVICES = "services.api", "services.executor", "services.projector", "services.notifier"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Count:
    """Of one process since it began: milliseconds of processor time, and how often it waited."""

    cpu_ms: float
    waits: int


def find_processes() -> dict[str, int]:
    """This process's own services, by name, and itself as the client."""
    found = {"client": os.getpid()}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text().split("\0")
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == os.getpid():
            service = next((name for name in SERVICES if name in words), None)
            name = "nats-server" if "nats-server" in words[0] else service
            if name is not None:
                found[name.removeprefix("services.")] = int(process.name)
    return found


def count(pid: int) -> Count:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    waits = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        waits += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))
    return Count((int(fields[11]) + int(fields[12])) * 1000 / TICKS_PER_S, waits)


async def stored(broker: Broker, stream: str) -> int:
    """How many messages a stream ever had."""
    return int((await broker.api(f"STREAM.INFO.{stream}"))["state"]["last_seq"])


def settings_of(stack: Stack) -> BrokerSettings:
    """A connection of the benchmark's own."""
    nats = stack.nats
    return BrokerSettings(nats_url=nats.url, nats_user=nats.user, nats_password=nats.password)


async def measure() -> None:
    """Print a row for each process, and one for the streams."""
    program = chosen_program()
    async with (
        private_stack() as stack,
        connect(settings_of(stack), service="test") as broker,
        open_client(local_endpoint(stack.directory, stack.address)) as client,
        aclosing(client.follow("*", after="start")) as events,
    ):
        for _ in range(WARM_UP):
            await one_job(client, events, program)
        processes = find_processes()
        before = {name: count(pid) for name, pid in processes.items()}
        messages = await stored(broker, JOBS), await stored(broker, FEED)
        for _ in range(JOBS_COUNT):
            await one_job(client, events, program)
        after = {name: count(pid) for name, pid in processes.items()}
        more = await stored(broker, JOBS) - messages[0], await stored(broker, FEED) - messages[1]
    for name, used in after.items():
        cpu_ms = (used.cpu_ms - before[name].cpu_ms) / JOBS_COUNT
        waits = (used.waits - before[name].waits) / JOBS_COUNT
        console.print(f"{name:<14} {cpu_ms:6.2f} ms {waits:6.1f} waits a job, {program.name}")
    of_jobs, of_feed = more[0] / JOBS_COUNT, more[1] / JOBS_COUNT
    console.print(f"{'messages':<14} {of_jobs:6.2f} of JOBS, {of_feed:.2f} of FEED a job")


if __name__ == "__main__":
    asyncio.run(measure())
