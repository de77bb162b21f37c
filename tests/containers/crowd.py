"""Users who keep a stack busy through whatever happens to it, and who count afterwards.

Each submits one program after another and watches all his jobs over one WebSocket, through the proxy, by the
client that all use. In the end the log is asked what it holds of him.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from headrace.client.client import AsyncClient
from shared.contract.codec import EventObject
from tests.containers.stack import Stack

TERMINAL = frozenset({"job.completed.v1", "job.failed.v1", "job.timeout.v1", "job.cancelled.v1"})
PATIENCE_S = 240.0
"""For the next job to end, whatever was just done to the stack: a container's start is most of it."""
AT_ONCE = 2
"""Programs of one user under way."""


class Member:
    """One user: what was accepted of him, and what he was shown."""

    def __init__(self, name: str, client: AsyncClient, ended: asyncio.Semaphore) -> None:
        """`ended` is told of every job that he has seen the end of."""
        self.name = name
        self.client = client
        self.accepted: list[str] = []
        self.shown: list[EventObject] = []
        self._ended = ended
        self._ends: dict[str, asyncio.Event] = {}

    async def submit(self, stop: asyncio.Event) -> None:
        """One program after another, until told to stop. Each prints its own number."""
        while not stop.is_set():
            number = len(self.accepted)
            job = await self.client.submit({"language": "python", "code": f"print({number})"})
            self.accepted.append(job.job_id)
            await self.end_of(job.job_id).wait()

    async def watch(self) -> None:
        """Keep what is shown, for ever."""
        async with aclosing(self.client.follow("*")) as events:
            async for event in events:
                self.shown.append(event)
                if event.type in TERMINAL:
                    self.end_of(event.job_id).set()
                    self._ended.release()

    def end_of(self, job_id: str) -> asyncio.Event:
        """Set once the end of a job was shown."""
        return self._ends.setdefault(job_id, asyncio.Event())

    async def faults(self) -> list[str]:
        """What the log says that is not as it was promised; it is asked for all that it holds of him."""
        stored = [event async for event in self.client.replay()]
        kinds = Counter((event.job_id, event.type) for event in stored)
        ends = Counter(event.job_id for event in stored if event.type in TERMINAL)
        shown = [event.seq for event in self.shown if event.seq is not None]
        found = [f"{job} was accepted and has {ends[job]} ends" for job in self.accepted if ends[job] != 1]
        found += [
            f"{job} has {kinds[job, 'job.queued.v1']} beginnings"
            for job in self.accepted
            if kinds[job, "job.queued.v1"] != 1
        ]
        found += [f"{job} was never accepted" for job in ends.keys() - set(self.accepted)]
        if shown != [event.seq for event in stored]:
            found.append(f"was shown {len(shown)} events that are not the {len(stored)} of the log")
        return [f"{self.name}: {fault}" for fault in found]


class Crowd:
    """Some of them. Made by `busy`."""

    def __init__(self, members: Sequence[Member], ended: asyncio.Semaphore) -> None:
        """They share one count of what has ended."""
        self.members = members
        self._ended = ended

    async def more(self, count: int = 12) -> None:
        """Return when so many more jobs have ended: the stack works."""
        while not self._ended.locked():
            await self._ended.acquire()
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(count):
                await self._ended.acquire()

    def executors(self) -> set[str]:
        """Whose programs they were shown."""
        events = [event for member in self.members for event in member.shown]
        return {event.data["executor_id"] for event in events if event.type == "job.running.v1"}


@asynccontextmanager
async def busy(stack: Stack, *users: str) -> AsyncIterator[Crowd]:
    """Users at work. Afterwards each finds what was accepted, once, and was shown all of it, in order."""
    ended, stop = asyncio.Semaphore(0), asyncio.Event()
    async with AsyncExitStack() as opened:
        members = [
            Member(name, await opened.enter_async_context(stack.client(name, concurrency=AT_ONCE)), ended)
            for name in users
        ]
        watching = [asyncio.create_task(member.watch()) for member in members]
        opened.push_async_callback(_cancel, watching)
        submitting = [asyncio.create_task(member.submit(stop)) for member in members for _ in range(AT_ONCE)]
        opened.push_async_callback(_cancel, submitting)
        yield Crowd(members, ended)
        stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*submitting)
        faults = [fault for member in members for fault in await member.faults()]
        assert not faults, "\n".join(faults)


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
