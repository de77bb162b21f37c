"""Clients of a dialect with jobs under way while the notifier, the api and executors are killed in turn.

A dialect's test says what its client does: submit, wait for an end, look again. Every final result that a
client is given is kept in `Seen`, with the connection or the poll that gave it. `survive_kills` runs it all.
"""

import asyncio
import itertools
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from headrace.local.managed import Managed
from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.retry import poll, retry
from tests.http_client import http_client
from tests.system.conftest import assert_nothing_was_refused
from tests.undebugged import undebugged

JOBS = 200
AT_ONCE = 20
"""Clients, each a user of its own that submits its next job when the last one has ended."""
EACH_KILLED = 2
VICTIMS = ("notifier", "api", "executor", "notifier", "api", "executor-2")
SERVICES = frozenset({"notifier", "api", "executor"})
KILL_EVERY_S = 2.0
PROGRAM_S = 0.3
PAUSE_S = 0.2
"""Before a client asks or connects again."""
PATIENCE_S = 240.0
"""For one job of a client: there is always a moment when all services are back."""

STOOD_STILL_S = 5.0
LOG_LINES = 40
"""The end of each service's log, shown if a client gives up."""

Result = Mapping[str, Any]
T = TypeVar("T")


@dataclass
class Seen:
    """Every final result that one client was given, each with its job: of each connection, and of polls."""

    connections: list[list[tuple[str, Result]]] = field(default_factory=list)
    polled: list[tuple[str, Result]] = field(default_factory=list)

    def connection(self) -> list[tuple[str, Result]]:
        """What a new connection will be told."""
        self.connections.append([])
        return self.connections[-1]

    def results(self) -> dict[str, Result]:
        """The one result of each job. Raises AssertionError for a second one, or one told twice."""
        for told in self.connections:
            twice = [job_id for job_id, count in Counter(job_id for job_id, _ in told).items() if count > 1]
            assert twice == [], f"told twice on one connection: {told}"
        found: dict[str, Result] = {}
        for job_id, result in itertools.chain(*self.connections, self.polled):
            assert found.setdefault(job_id, result) == result, f"two results of {job_id}"
        return found


class Client(ABC):
    """One client of a dialect, which tries again whatever fails."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        """`http` goes to where the dialect's clients submit."""
        self.seen = Seen()
        self._http = http

    @abstractmethod
    async def submit(self, words: str) -> str:
        """Submit a program that takes PROGRAM_S and prints `words`; returns the job."""

    @abstractmethod
    async def until_ended(self, job_id: str) -> None:
        """Return when the client has the result, as it comes to a client of this dialect."""

    @abstractmethod
    async def look_again(self, job_id: str) -> None:
        """Connect again, poll, or both, as the dialect's page says: the result is given once more."""

    @abstractmethod
    def output_of(self, result: Result) -> str:
        """What a program printed that completed. Raises AssertionError if it did not."""

    async def ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx' own
        """The body of the first answer that is neither lost nor 503. Raises AssertionError for an error."""

        async def once() -> httpx.Response | None:
            with suppress(httpx.TransportError):
                answer = await self._http.request(method, path, **request)
                return None if answer.status_code == 503 else answer
            return None

        answer = await poll(once, until=lambda answer: answer is not None, pause_s=PAUSE_S)
        assert answer is not None
        assert answer.is_success, answer.text
        body: dict[str, Any] = answer.json()
        return body


OpenClient = Callable[[Stack, str], AbstractAsyncContextManager[Client]]
"""Opens a client in the name of a user."""


class Work:
    """The jobs of all clients, and the kills while some of them were unfinished."""

    def __init__(self, stack: Stack) -> None:
        """Nothing is submitted or killed yet."""
        self.kills = Counter[str]()
        self.unfinished = 0
        self._stack = stack
        self._submitted = asyncio.Event()

    async def kill_in_turn(self) -> None:
        """Kill a service every KILL_EVERY_S, after it is back from the last time; until cancelled.

        Several may be down at once. Each kill comes while the program of a new job runs, or while it waits.
        """
        async with http_client() as http:
            for name in itertools.cycle(VICTIMS):
                service = self._stack.services[name]
                await _until_ready(http, service)
                await asyncio.sleep(KILL_EVERY_S)
                self._submitted.clear()
                await self._submitted.wait()
                await asyncio.sleep(PROGRAM_S / 2)
                if service.process.returncode is None and self.unfinished:
                    service.process.kill()
                    self.kills[name.partition("-")[0]] += 1

    async def run(self, client: Client, name: str) -> dict[str, str]:
        """Submit at least its share of jobs, one after another; returns the words of each."""
        jobs: dict[str, str] = {}
        while len(jobs) < JOBS // AT_ONCE or not self._has_killed_enough():
            words = f"{name} {len(jobs)}"
            job_id = await _patiently(self._see_through(client, words))
            self.unfinished -= 1
            jobs[job_id] = words
        return jobs

    async def _see_through(self, client: Client, words: str) -> str:
        job_id = await client.submit(words)
        self.unfinished += 1
        self._submitted.set()
        await client.until_ended(job_id)
        return job_id

    def _has_killed_enough(self) -> bool:
        return all(self.kills[name] >= EACH_KILLED for name in SERVICES)


async def survive_kills(
    directory: Path, dialect: str, open_client: OpenClient, environment: Mapping[str, str] | None = None
) -> list[Client]:
    """Run JOBS jobs under kills, have each client look again, and check all that each was given.

    No client was given two different results of a job, nor the same one twice on one connection; each has
    the result of each of its jobs, and it is what the program printed. Returns the clients, closed.
    """
    undebugged()
    began = time.monotonic()
    async with _stack(directory, dialect, environment or {}) as stack, AsyncExitStack() as exits:
        work = Work(stack)
        names = [f"user {number}" for number in range(AT_ONCE)]
        clients = [await exits.enter_async_context(open_client(stack, name)) for name in names]
        async with asyncio.TaskGroup() as group:
            killing = group.create_task(work.kill_in_turn())
            running = (work.run(client, name) for client, name in zip(clients, names, strict=True))
            jobs = await asyncio.gather(*running)
            killing.cancel()
        async with asyncio.TaskGroup() as group:
            for client, own in zip(clients, jobs, strict=True):
                group.create_task(_look_again(client, own))
        await exits.aclose()
    for client, own in zip(clients, jobs, strict=True):
        results = client.seen.results()
        assert {job_id: client.output_of(results[job_id]) for job_id in own} == own
    assert all(work.kills[name] >= EACH_KILLED for name in SERVICES)
    count = sum(map(len, jobs))
    assert count >= JOBS
    sys.stdout.write(f"{dialect}: {count} jobs, {time.monotonic() - began:.0f} s, {dict(work.kills)}\n")
    return clients


@asynccontextmanager
async def _stack(directory: Path, dialect: str, environment: Mapping[str, str]) -> AsyncIterator[Stack]:
    options = StackOptions(executors=2, sync="fast", dialects=[f"{dialect}=0"], environment=environment)
    async with run_stack(directory / "data", options, report=_tell) as stack:
        try:
            yield stack
        except BaseException:
            for service in stack.services.values():
                end = service.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
                _tell("\n".join([f"{service.name}, {service.process.returncode}:", *end]))
            raise
        assert_nothing_was_refused(stack)


def _tell(line: str) -> None:
    """Shown where the test fails."""
    sys.stdout.write(f"{time.monotonic():.1f} {line}\n")


async def _until_ready(http: httpx.AsyncClient, service: Managed) -> None:
    async def ask() -> None:
        (await http.get(service.health_url)).raise_for_status()

    await retry(ask, on=httpx.HTTPError, within_s=PATIENCE_S, pause_s=PAUSE_S)


async def _look_again(client: Client, jobs: Mapping[str, str]) -> None:
    for job_id in jobs:
        await _patiently(client.look_again(job_id))


async def _patiently(work: Coroutine[Any, Any, T]) -> T:
    """Its result within PATIENCE_S. Raises TimeoutError.

    A second counts when this process could use it: a machine, or a fork of it, may stop it for long.
    """
    clock = asyncio.get_running_loop().time
    working = asyncio.create_task(work)
    try:
        for _ in range(round(PATIENCE_S)):
            looked = clock()
            await asyncio.wait({working}, timeout=1.0)
            if working.done():
                return working.result()
            if (stood := clock() - looked) > STOOD_STILL_S:
                _tell(f"this process stood still for {stood:.0f} s")
    finally:
        working.cancel()
    try:
        return await working
    except asyncio.CancelledError as where:
        raise TimeoutError from where
