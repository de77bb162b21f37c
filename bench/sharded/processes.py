"""Worker processes of one server, as the benchmark starts, begins and ends them."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from bench.sharded.layout import Layout
from bench.sharded.server import MappedServer
from bench.sharded.worker import READY, Order, Role


def order(
    server: MappedServer, layout: Layout, role: Role, *, number: int = 0, users: int = 0, jobs: int = 0
) -> Order:
    """An order for a process that works on this server."""
    return Order(
        nats_url=server.url,
        nats_user=server.user,
        nats_password=server.password,
        role=role,
        shards=layout.shards,
        number=number,
        users=users,
        jobs=jobs,
    )


@asynccontextmanager
async def workers(orders: Sequence[Order]) -> AsyncIterator[list[Process]]:
    """Processes that are connected and wait for `begin`; those that are left at the end are killed."""
    processes: list[Process] = []
    try:
        for one in orders:
            words = ("-m", "bench.sharded.worker", msgspec.json.encode(one).decode())
            processes.append(
                await asyncio.create_subprocess_exec(sys.executable, *words, stdin=PIPE, stdout=PIPE)
            )
        for process in processes:
            if await _line(process) != READY:
                raise RuntimeError("a worker did not start")
        yield processes
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


def begin(processes: Sequence[Process]) -> None:
    """Let them work."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"begin\n")


async def ended(processes: Sequence[Process]) -> Counter[str]:
    """Wait until all have ended by themselves; what they have counted, together."""
    counts = Counter[str]()
    for process in processes:
        counts.update(msgspec.json.decode(await _line(process), type=dict[str, int]))
    return counts


async def end(processes: Sequence[Process]) -> Counter[str]:
    """Tell them that there is no more; what they have counted, together."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    return await ended(processes)


async def _line(process: Process) -> bytes:
    """The next line. Raises RuntimeError if the process has ended instead."""
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError(f"a worker ended with {await process.wait()}")
    return line
