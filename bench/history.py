"""Whether submitting and starting become slower with history: a log of a million jobs, and an empty one.

``python -m bench.history [jobs]``: two stacks side by side, one of them with a filled log. Their jobs take
turns, one at a time: until the submission is answered, and until `running` arrives at an open socket.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

from bench.filling import fill_anew
from bench.measure import console, ratio, summary
from headrace.client.client import AsyncClient, open_client
from headrace.client.endpoint import local_endpoint
from headrace.local.nats_server import NatsServer
from headrace.local.stack import load_secrets
from headrace.local.supervisor import NATS_USER, run_stack
from shared.contract.codec import EventObject

JOBS = 1_000_000
ROUNDS = 10
PER_ROUND = 20
SUBMISSION = {"language": "python", "code": "print(1)"}
BEGUN, ENDED = "job.running.v1", "job.completed.v1"


async def one_job(client: AsyncClient, events: AsyncIterator[EventObject]) -> tuple[float, float]:
    """Milliseconds until the submission was answered, and until its job began."""
    began = time.perf_counter()
    job = await client.submit(SUBMISSION)
    submitted = (time.perf_counter() - began) * 1000
    started = 0.0
    async for event in events:
        if event.job_id == job.job_id and event.type == BEGUN:
            started = (time.perf_counter() - began) * 1000
        if event.job_id == job.job_id and event.type == ENDED:
            return submitted, started
    raise SystemExit("the socket ended before the job")


async def with_a_past(directory: Path, jobs: int) -> int:
    """Fill the log of a stack that was not started yet; returns how many events that are."""
    password = load_secrets(directory).nats_password
    server = NatsServer(directory / "nats", user=NATS_USER, password=password, sync="fast")
    await server.start()
    try:
        return await fill_anew(server, jobs)
    finally:
        await server.stop()


async def measure(jobs: int) -> None:
    """Print both sides and their ratios."""
    found: dict[str, list[tuple[float, float]]] = {"full": [], "empty": []}
    with tempfile.TemporaryDirectory(prefix="headrace-") as name:
        full, empty = Path(name) / "full", Path(name) / "empty"
        full.mkdir(mode=0o700)
        last = await with_a_past(full, jobs)
        async with (
            run_stack(full) as one,
            run_stack(empty) as two,
            open_client(local_endpoint(one.directory, one.address)) as client_one,
            open_client(local_endpoint(two.directory, two.address)) as client_two,
            aclosing(client_one.follow("*", after="now")) as events_one,
            aclosing(client_two.follow("*", after="now")) as events_two,
        ):
            sides = {"full": (client_one, events_one), "empty": (client_two, events_two)}
            for client, events in sides.values():
                watching = asyncio.ensure_future(anext(events))
                while not watching.done():
                    await client.submit(SUBMISSION)
                    await asyncio.wait({watching}, timeout=0.5)
            for number in range(ROUNDS + 1):
                for side, (client, events) in sides.items():
                    measured = [await one_job(client, events) for _ in range(PER_ROUND)]
                    if number:
                        found[side] += measured
    console.print(f"{last} events of {jobs} jobs against none")
    for place, what in enumerate(("submit", "start")):
        sides_of = {side: summary([each[place] for each in rows]) for side, rows in found.items()}
        for side, each in sides_of.items():
            console.print(each.row(f"{what}, {side} log", "ms"))
        ratio(f"history_{what}", sides_of["full"].median, sides_of["empty"].median, "lower")


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else JOBS))
