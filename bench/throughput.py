"""Finished Python jobs a second through the whole system, against bare interpreters a second.

``python -m bench.throughput [prints|reads]``: the second row of the performance budget. Both sides run as
many programs at a time as the executor has slots. The jobs belong to many users, because one user's run one
by one; each user has one socket open all the time.
"""

import asyncio
import os
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from bench.measure import chosen_program, console, interpreter, ratio, summary
from bench.published.programs import Program
from headrace.client.client import AsyncClient, open_client
from headrace.client.endpoint import local_endpoint
from headrace.local.supervisor import Stack, private_stack

ROUNDS = 5
USERS = 20
JOBS_PER_USER = 10
TOTAL = USERS * JOBS_PER_USER
TERMINAL = frozenset({"job.completed.v1", "job.failed.v1", "job.timeout.v1", "job.cancelled.v1"})


class Finished:
    """Counts the terminal events that arrive at the open sockets of all users."""

    def __init__(self) -> None:
        """None yet."""
        self._count = 0
        self._changed = asyncio.Event()

    async def watch(self, client: AsyncClient) -> None:
        """Follow one user's jobs until cancelled, over one socket."""
        async for event in client.follow("*", after="start"):
            if event.type in TERMINAL:
                self._count += 1
                self._changed.set()

    async def reach(self, count: int) -> None:
        """Return when so many have arrived."""
        while self._count < count:
            self._changed.clear()
            await self._changed.wait()


async def jobs_a_second(
    clients: list[AsyncClient], finished: Finished, round_number: int, program: Program
) -> float:
    """Submit everything, wait for every terminal event at its user's socket."""

    async def one_user(client: AsyncClient) -> None:
        for _ in range(JOBS_PER_USER):
            await client.submit({"language": "python", "code": program.code, "stdin": program.stdin})

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(one_user(client))
        group.create_task(finished.reach(TOTAL * round_number))
    return TOTAL / (time.perf_counter() - began)


async def interpreters_a_second(python: str, at_once: int, program: Program) -> float:
    """The same programs without any sandbox, `at_once` at a time."""
    slots = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with slots:
            process = await asyncio.create_subprocess_exec(
                python, "-I", "-c", program.code, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL
            )
            await process.communicate(program.stdin.encode())

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(TOTAL):
            group.create_task(one())
    return TOTAL / (time.perf_counter() - began)


async def _clients(stack: Stack, open_clients: AsyncExitStack) -> AsyncIterator[AsyncClient]:
    for number in range(USERS):
        endpoint = local_endpoint(stack.directory, stack.address, f"user-{number}")
        yield await open_clients.enter_async_context(open_client(endpoint))


async def measure() -> None:
    """Print both sides and their ratio."""
    python, program = interpreter(), chosen_program()
    at_once = os.cpu_count() or 2
    ours: list[float] = []
    bare: list[float] = []
    async with private_stack() as stack, AsyncExitStack() as open_clients:
        clients = [client async for client in _clients(stack, open_clients)]
        finished = Finished()
        watching = [asyncio.create_task(finished.watch(client)) for client in clients]
        await jobs_a_second(clients, finished, 1, program)
        for number in range(2, ROUNDS + 2):
            bare.append(await interpreters_a_second(python, at_once, program))
            ours.append(await jobs_a_second(clients, finished, number, program))
        for task in watching:
            task.cancel()
        await asyncio.wait(watching)
    console.print(summary(bare).row(f"bare {python} -I -c, {program.name}, {at_once} at a time", "/s"))
    console.print(summary(ours).row("Python jobs finished, from POST to socket", "/s"))
    ratio("throughput", summary(ours).median, summary(bare).median, "higher")


if __name__ == "__main__":
    asyncio.run(measure())
