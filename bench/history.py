"""Whether submitting, starting and coming back become slower with history: a log of a million jobs, and none.

``python -m bench.history [jobs] [of one user]``: two stacks side by side, one of them with a filled log.
Their jobs take turns, one at a time: until the submission is answered, and until `running` arrives at an
open socket. So do resumes of all jobs (`*`) of one user, 100,000 in one log and a single one in the other:
from connecting until the one event that was missed has come.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

from bench.filling import fill, fill_anew, finished_job, settings_of
from bench.measure import console, ratio, summary
from headrace.client.client import AsyncClient, open_client
from headrace.client.endpoint import local_endpoint
from headrace.local.nats_server import NatsServer
from headrace.local.stack import load_secrets
from headrace.local.supervisor import NATS_USER, run_stack
from shared.contract.codec import EventObject
from shared.domain.cursor import of_log
from shared.jetstream.connection import connect

JOBS = 1_000_000
JOBS_OF_ONE = 100_000
RETURNING = "returning"
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


async def one_resume(client: AsyncClient, cursor: str) -> float:
    """Milliseconds until a new connection has shown the event that was missed."""
    began = time.perf_counter()
    async with aclosing(client.follow("*", after=cursor)) as events:
        async for _ in events:
            return (time.perf_counter() - began) * 1000
    raise SystemExit("the socket ended before the event")


async def with_a_past(directory: Path, jobs: int, of_one: int) -> tuple[int, str]:
    """Fill the log of a stack that was not started yet, the one user's jobs last.

    Returns how many events that are, and the cursor before the last one of the user.
    """
    password = load_secrets(directory).nats_password
    server = NatsServer(directory / "nats", user=NATS_USER, password=password, sync="fast")
    await server.start()
    try:
        events = await fill_anew(server, jobs - of_one)
        async with connect(settings_of(server), service="bench") as broker:
            events += await fill(broker, (finished_job(RETURNING) for _ in range(of_one)))
        return events, of_log(events - 1, datetime.now(UTC))
    finally:
        await server.stop()


async def measure(jobs: int, of_one: int) -> None:
    """Print both sides and their ratios."""
    found: dict[str, list[tuple[float, float, float]]] = {"full": [], "empty": []}
    with tempfile.TemporaryDirectory(prefix="headrace-") as name:
        full, empty = Path(name) / "full", Path(name) / "empty"
        full.mkdir(mode=0o700)
        empty.mkdir(mode=0o700)
        last, cursor_one = await with_a_past(full, jobs, of_one)
        _, cursor_two = await with_a_past(empty, 1, 1)
        async with (
            run_stack(full) as one,
            run_stack(empty) as two,
            open_client(local_endpoint(one.directory, one.address)) as client_one,
            open_client(local_endpoint(two.directory, two.address)) as client_two,
            open_client(local_endpoint(one.directory, one.address, RETURNING)) as returning_one,
            open_client(local_endpoint(two.directory, two.address, RETURNING)) as returning_two,
            aclosing(client_one.follow("*", after="now")) as events_one,
            aclosing(client_two.follow("*", after="now")) as events_two,
        ):
            sides = {
                "full": (client_one, events_one, returning_one, cursor_one),
                "empty": (client_two, events_two, returning_two, cursor_two),
            }
            for client, events, _, _ in sides.values():
                watching = asyncio.ensure_future(anext(events))
                while not watching.done():
                    await client.submit(SUBMISSION)
                    await asyncio.wait({watching}, timeout=0.5)
            for number in range(ROUNDS + 1):
                for side, (client, events, returning, cursor) in sides.items():
                    measured = [
                        (*await one_job(client, events), await one_resume(returning, cursor))
                        for _ in range(PER_ROUND)
                    ]
                    if number:
                        found[side] += measured
    console.print(f"{last} events of {jobs} jobs, {of_one} of them of one user, against one job")
    for place, what in enumerate(("submit", "start", "resume")):
        sides_of = {side: summary([each[place] for each in rows]) for side, rows in found.items()}
        for side, each in sides_of.items():
            console.print(each.row(f"{what}, {side} log", "ms"))
        ratio(f"history_{what}", sides_of["full"].median, sides_of["empty"].median, "lower")


if __name__ == "__main__":
    asyncio.run(
        measure(
            int(sys.argv[1]) if len(sys.argv) > 1 else JOBS,
            int(sys.argv[2]) if len(sys.argv) > 2 else JOBS_OF_ONE,
        )
    )
