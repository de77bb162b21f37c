"""A real stack whose jobs print for a while, with notifiers of the test's own; and what its streams hold."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from headrace.client.client import AsyncClient, open_client
from headrace.client.endpoint import issue, local_endpoint
from headrace.client.errors import HeadraceError
from headrace.local.nats_server import free_port
from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.contract.codec import event_object
from shared.contract.subjects import FEED, user_events, user_notes
from shared.jetstream.event_log import Log
from shared.jetstream.stored_message import Entry
from tests import builders
from tests.faults.resume_checker import Shown, Truth
from tests.faults.resume_watchers import Replicas
from tests.system.conftest import broker_of
from tests.undebugged import undebugged

LINES = 24
PROGRAM = f"""
import sys, time
for number in range({LINES}):
    print(f"line {{number}} žluťoučký kůň", "x" * 40, flush=True)
    if number % 8 == 7:
        print(f"warning {{number}}", file=sys.stderr, flush=True)
    time.sleep(0.03)
"""
"""Prints for about a second, on both streams, and characters of several bytes."""


class Notifiers:
    """``python -m services.notifier``, several times, on ports that stay the same over restarts."""

    def __init__(self, environment: Mapping[str, str], count: int) -> None:
        self._environment = environment
        self._ports = [free_port() for _ in range(count)]
        self._processes: list[Process | None] = [None] * count
        self._draining: list[asyncio.Task[bytes]] = []
        self.replicas = Replicas([f"ws://127.0.0.1:{port}/v1/ws" for port in self._ports])

    async def start(self, number: int) -> None:
        """Start one and wait until it listens."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.notifier",
            stderr=PIPE,
            env={
                **self._environment,
                "HEADRACE_NOTIFIER_PORT": str(self._ports[number]),
                "HEADRACE_ACCESS_LOG_SHARE": "0",
            },
        )
        self._processes[number] = process
        assert process.stderr is not None
        async for line in process.stderr:
            if b'"listening"' in line:
                break
        self._draining.append(asyncio.create_task(process.stderr.read()))
        self.replicas.up.set()

    async def kill(self, number: int) -> None:
        """End one as a crash would."""
        process = self._processes[number]
        assert process is not None
        self.replicas.up.clear()
        process.kill()
        assert await process.wait() == -9
        if len(self._ports) > 1:
            self.replicas.up.set()

    async def end(self) -> None:
        for process in self._processes:
            if process is not None and process.returncode is None:
                process.kill()
                await process.wait()
        await asyncio.gather(*self._draining)


@asynccontextmanager
async def printing_stack(
    directory: Path, *, notifiers: int, slots: int
) -> AsyncIterator[tuple[Stack, Notifiers]]:
    """A ready stack and so many notifiers that listen."""
    undebugged()
    options = StackOptions(environment={"HEADRACE_SLOTS": str(slots)})
    async with run_stack(directory, options) as stack:
        started = Notifiers(stack.environment_of("notifier"), notifiers)
        try:
            for number in range(notifiers):
                await started.start(number)
            yield stack, started
        finally:
            await started.end()


class User:
    """Submits printing jobs and reads what the streams hold of them."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.name = name
        self._endpoint = local_endpoint(stack.directory, stack.address, name)
        self.token = issue(stack.directory, name)

    async def submit(self, count: int) -> list[str]:
        """So many jobs, each accepted once whatever breaks meanwhile."""
        async with open_client(self._endpoint) as client:
            return [await _submit(client) for _ in range(count)]

    async def truth(self, stack: Stack, *, feed_is_whole: bool) -> Truth:
        """Everything that JOBS and FEED hold of this user."""
        async with broker_of(stack) as broker:
            log = Log(broker)
            events = [_shown(entry, entry.sequence) async for entry in log.replay(user_events(self.name))]
            notes = [_shown(entry) async for entry in log.replay(user_notes(self.name), stream=FEED)]
        return Truth(events, notes, feed_is_whole)


async def _submit(client: AsyncClient) -> str:
    key = builders.job_id()
    while True:
        try:
            job = await client.submit({"language": "python", "code": PROGRAM}, key=key)
        except HeadraceError:
            continue
        return job.job_id


def of_job(truth: Truth, job_id: str) -> Truth:
    """What concerns one job only."""
    if job_id == "*":
        return truth
    log = [event for event in truth.log if event["job_id"] == job_id]
    return Truth(log, [note for note in truth.feed if note["job_id"] == job_id], truth.feed_is_whole)


def _shown(entry: Entry, seq: int | None = None) -> Shown:
    shown = event_object(entry.payload, cursor="", stored_at=entry.stored_at, seq=seq)
    found: Shown = msgspec.to_builtins(shown)
    return found
