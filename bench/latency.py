"""From POST to the terminal event at a WebSocket client, against starting a bare interpreter.

``python -m bench.latency [prints|reads]``: the first row of the performance budget. One user, one job at a
time, nothing else running; the two sides take turns in rounds, so that changes of the machine's speed affect
both alike. `prints` is the shortest program, `reads` reads its input, imports modules and prints more.
"""

import asyncio
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import aclosing

from bench.measure import chosen_program, console, interpreter, ratio, summary
from bench.published.programs import Program
from headrace.client.client import AsyncClient, open_client
from headrace.client.endpoint import local_endpoint
from headrace.local.supervisor import private_stack
from shared.contract.codec import EventObject

ROUNDS = 10
PER_ROUND = 20
WARM_UP = 10
TERMINAL = "job.completed.v1"


async def one_job(client: AsyncClient, events: AsyncIterator[EventObject], program: Program) -> float:
    """Milliseconds until the terminal event of one job arrived on an open socket."""
    began = time.perf_counter()
    job = await client.submit({"language": "python", "code": program.code, "stdin": program.stdin})
    async for event in events:
        if event.job_id == job.job_id and event.type == TERMINAL:
            return (time.perf_counter() - began) * 1000
    raise SystemExit("the socket ended before the job")


async def one_interpreter(python: str, program: Program) -> float:
    """Milliseconds of the same program without any sandbox."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        python, "-I", "-c", program.code, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )
    await process.communicate(program.stdin.encode())
    return (time.perf_counter() - began) * 1000


async def measure() -> None:
    """Print both sides and their ratio."""
    python, program = interpreter(), chosen_program()
    ours: list[float] = []
    bare: list[float] = []
    async with (
        private_stack() as stack,
        open_client(local_endpoint(stack.directory, stack.address)) as client,
        aclosing(client.follow("*", after="now")) as events,
    ):
        # The first job opens the subscription: its events may come before the socket is there.
        watching = asyncio.ensure_future(anext(events))
        while not watching.done():
            await client.submit({"language": "python", "code": "print(1)"})
            await asyncio.wait({watching}, timeout=0.2)
        for _ in range(WARM_UP):
            await one_job(client, events, program)
            await one_interpreter(python, program)
        for _ in range(ROUNDS):
            bare += [await one_interpreter(python, program) for _ in range(PER_ROUND)]
            ours += [await one_job(client, events, program) for _ in range(PER_ROUND)]
    console.print(summary(bare).row(f"bare {python} -I -c, {program.name}", "ms"))
    console.print(summary(ours).row("POST to terminal event, Python", "ms"))
    ratio("latency_p50", summary(ours).median, summary(bare).median, "lower")
    ratio("latency_p99", summary(ours).percentile(99), summary(bare).percentile(99), "lower")


if __name__ == "__main__":
    asyncio.run(measure())
