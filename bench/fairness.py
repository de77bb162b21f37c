"""How long light users wait for a slot beside a user with two thousand jobs, and when they are alone.

``python -m bench.fairness``: fifty users with one job each come one after another, once alone and once after
the heavy user's jobs were accepted, on one executor and on two. The waits are those in `job.running`.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from bench.measure import Summary, console, ratio, summary
from bench.posts import post_as
from headrace.local.supervisor import Stack, StackOptions, private_stack
from shared.contract.subjects import JOBS
from shared.domain.events import JobRunning
from shared.jetstream.connection import connect
from shared.jetstream.follower import Follower
from shared.jetstream.stored_message import Entry
from shared.settings import BrokerSettings

ROUNDS = 3
HEAVY_JOBS = 2_000
LIGHT_USERS = 50
LIGHT_EVERY_S = 0.05
AT_ONCE = 8
WARM_UP = 20
SUBMISSION = msgspec.json.encode({"language": "python", "code": "print(1)"})


class Waits:
    """The recorded waits of every user's jobs, in milliseconds."""

    def __init__(self) -> None:
        """None yet."""
        self._by_user: dict[str, list[int]] = {}
        self._changed = asyncio.Event()

    async def follow(self, batch: list[Entry]) -> None:
        """Take what the log tells."""
        for entry in batch:
            event = entry.event()
            if isinstance(event, JobRunning) and event.attempt == 1:
                self._by_user.setdefault(event.user_id, []).append(event.queue_wait_ms)
        self._changed.set()

    def of(self, users: Sequence[str]) -> list[float]:
        """Of these users' jobs that were begun."""
        return [float(wait) for user in users for wait in self._by_user.get(user, [])]

    async def begun(self, users: Sequence[str]) -> list[float]:
        """Wait until each of them has a job that was begun."""
        while not all(user in self._by_user for user in users):
            self._changed.clear()
            await self._changed.wait()
        return self.of(users)


async def light_users(stack: Stack, waits: Waits, name: str) -> list[float]:
    """Submit one job for each user, at a steady rate that does not depend on their results."""
    users = [f"{name}-{number}" for number in range(LIGHT_USERS)]
    async with asyncio.TaskGroup() as group:
        for user in users:
            group.create_task(post_as(stack, user, SUBMISSION, 1))
            await asyncio.sleep(LIGHT_EVERY_S)
    return await waits.begun(users)


async def one_round(executors: int) -> tuple[list[float], list[float], list[float]]:
    """Measure the waits of light users alone, of light users beside the heavy one, and of the heavy user."""
    async with private_stack(StackOptions(executors=executors)) as stack:
        settings = BrokerSettings(
            nats_url=stack.nats.url, nats_user=stack.nats.user, nats_password=stack.nats.password
        )
        async with connect(settings, service="bench") as broker:
            waits = Waits()
            following = asyncio.create_task(Follower(broker, JOBS, waits.follow, service="bench").run())
            await post_as(stack, "warm-up", SUBMISSION, WARM_UP)
            alone = await light_users(stack, waits, "alone")
            each = HEAVY_JOBS // AT_ONCE
            await asyncio.gather(*(post_as(stack, "heavy", SUBMISSION, each) for _ in range(AT_ONCE)))
            beside = await light_users(stack, waits, "beside")
            following.cancel()
            await asyncio.wait({following})
            return alone, beside, waits.of(["heavy"])


async def measure() -> None:
    """Print the waits of the three classes and the ratios of the light users."""
    for executors in (1, 2):
        alone: list[float] = []
        beside: list[float] = []
        heavy: list[float] = []
        for _ in range(ROUNDS):
            one = await one_round(executors)
            alone += one[0]
            beside += one[1]
            heavy += one[2]
        of = f"{executors} executor{'s'[: executors - 1]}"
        console.print(_row(f"light users alone, {of}", summary(alone)))
        console.print(_row(f"beside {HEAVY_JOBS} jobs of one user, {of}", summary(beside)))
        console.print(_row(f"that user's own, those begun, {of}", summary(heavy)))
        name = "fairness" if executors == 1 else f"fairness_{executors}"
        for percent in (50, 95, 99):
            with_heavy, without = summary(beside).percentile(percent), summary(alone).percentile(percent)
            console.print(f"added to light users' p{percent}: {with_heavy - without:.0f} ms")
            # The log records whole milliseconds.
            ratio(f"{name}_light_p{percent}", max(1.0, with_heavy), max(1.0, without), "lower")


def _row(name: str, waits: Summary) -> str:
    p50, p95, p99 = (waits.percentile(percent) for percent in (50, 95, 99))
    return f"{name:<48} p50 {p50:6.0f}   p95 {p95:6.0f}   p99 {p99:6.0f} ms   n {len(waits.values)}"


if __name__ == "__main__":
    asyncio.run(measure())
