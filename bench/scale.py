"""Jobs a second on one, two and four executors, for programs that wait and for programs that compute.

``python -m bench.scale``: the last row of the performance budget. Every executor has one slot, so that a
second one finds a free processor where there are two. The rates are the log's: first attempt to last end.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from bench.measure import console, ratio, summary
from bench.posts import post_as
from headrace.local.supervisor import Stack, StackOptions, private_stack
from shared.contract.subjects import JOBS, TERMINAL_KINDS
from shared.domain.events import JobRunning
from shared.jetstream.connection import connect
from shared.jetstream.follower import Follower
from shared.jetstream.stored_message import Entry
from shared.settings import BrokerSettings

ROUNDS = 3
EXECUTORS = (1, 2, 4)
USERS = 12
JOBS_OF_AN_EXECUTOR = 48
WAITS = b'{"language":"python","code":"import time; time.sleep(0.25)"}'
COMPUTES = b'{"language":"python","code":"for _ in range(1500000): pass"}'


@dataclass
class Span:
    """From the first attempt to the last of so many ends."""

    jobs: int
    ended: int = 0
    began_at: datetime | None = None
    ended_at: datetime | None = None

    def __post_init__(self) -> None:
        """Nothing is told yet."""
        self.done = asyncio.Event()

    async def follow(self, batch: list[Entry]) -> None:
        """Take what the log tells."""
        for entry in batch:
            if isinstance(entry.event(), JobRunning):
                self.began_at = self.began_at or entry.stored_at
            elif entry.subject.rpartition(".")[2] in TERMINAL_KINDS:
                self.ended += 1
                self.ended_at = entry.stored_at
        if self.ended >= self.jobs:
            self.done.set()

    def rate(self) -> float:
        """Jobs a second."""
        assert self.began_at is not None
        assert self.ended_at is not None
        return self.jobs / (self.ended_at - self.began_at).total_seconds()


async def jobs_a_second(stack: Stack, program: bytes, jobs: int) -> float:
    """Submit them for many users at once, and wait for every end."""
    settings = BrokerSettings(
        nats_url=stack.nats.url, nats_user=stack.nats.user, nats_password=stack.nats.password
    )
    async with connect(settings, service="bench") as broker:
        position = int((await broker.api(f"STREAM.INFO.{JOBS}"))["state"]["last_seq"])
        span = Span(jobs)
        follower = Follower(broker, JOBS, span.follow, after=position, service="bench")
        following = asyncio.create_task(follower.run())
        await asyncio.gather(*(post_as(stack, f"user-{n}", program, jobs // USERS) for n in range(USERS)))
        await span.done.wait()
        following.cancel()
        await asyncio.wait({following})
    return span.rate()


async def measure() -> None:
    """Print every rate, and how much two and four executors do more than one."""
    waiting: dict[int, list[float]] = {count: [] for count in EXECUTORS}
    computing: dict[int, list[float]] = {count: [] for count in EXECUTORS}
    for _ in range(ROUNDS):
        for count in EXECUTORS:
            options = StackOptions(executors=count, environment={"HEADRACE_SLOTS": "1"})
            async with private_stack(options) as stack:
                await jobs_a_second(stack, WAITS, USERS)
                waiting[count].append(await jobs_a_second(stack, WAITS, JOBS_OF_AN_EXECUTOR * count))
                computing[count].append(await jobs_a_second(stack, COMPUTES, JOBS_OF_AN_EXECUTOR))
    for what, rates in (("waits 0.25 s", waiting), ("computes", computing)):
        for count in EXECUTORS:
            console.print(summary(rates[count]).row(f"a program that {what}, executors: {count}", "/s"))
    for count in EXECUTORS[1:]:
        ratio(f"scale_{count}", summary(waiting[count]).median, summary(waiting[1]).median, "higher")
    for count in EXECUTORS[1:]:
        name = f"scale_{count}_computing"
        ratio(name, summary(computing[count]).median, summary(computing[1]).median, "higher")


if __name__ == "__main__":
    asyncio.run(measure())
