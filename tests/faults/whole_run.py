"""One whole run: a fleet, its users, what disturbs them, and the history of it all."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from headrace.local.stack import tokens_of
from tests.faults.chaos import Chaos, Pace
from tests.faults.ending import note_ending
from tests.faults.fleet import Fleet, Size, fleet_of
from tests.faults.history import Began, now
from tests.faults.history_file import Recorder
from tests.faults.load import Progress, User
from tests.faults.watchers import watchers_of

CONCURRENCIES = (1, 1, 1, 2, 4)
"""How many jobs at a time the users may run, in turn."""

REQUESTS_PER_S = 10_000
STANDSTILL_S = 90.0
"""So long without an end or an answer means that something is stuck: the history tells what."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do. The same seed draws the same disturbances; what they hit is another matter."""

    jobs: int
    users: int
    seed: int
    pace: Pace
    size: Size = field(default_factory=Size)
    spared: tuple[str, ...] = ()
    """Who is not to be killed, paused or restarted."""
    lasts_s: float | None = None
    """No job is submitted after so long."""
    rest_s: float = 0.0
    """Of each user between two submissions, three of which it has under way at a time."""


Beside = Callable[[Fleet], Coroutine[Any, Any, None]]


async def nothing(_: Fleet) -> None:
    """Nothing is done beside the load."""


async def run(plan: Plan, directory: Path, history: Path, beside: Beside = nothing) -> None:
    """Do it, and write the history, also of what got stuck. `beside` runs along and is cancelled."""
    chance = random.Random(plan.seed)  # noqa: S311 - disturbances
    with Recorder(history) as recorder:
        recorder.note(Began(at=now(), seed=plan.seed, options={"plan": repr(plan)}))
        async with fleet_of(directory, plan.size, recorder) as fleet:
            watching = asyncio.create_task(beside(fleet))
            await _under_load(fleet, plan, chance, recorder)
            await _end(watching)
            await fleet.ready()
            await note_ending(fleet, recorder)


async def _under_load(fleet: Fleet, plan: Plan, chance: random.Random, recorder: Recorder) -> None:
    """Until all users are done, or nothing moves any more. While users work, they are disturbed."""
    progress = Progress(plan.jobs)
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(limit=0)
    dice = random.Random(chance.random())  # noqa: S311 - disturbances
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        users = _users(fleet, plan, chance, recorder, progress, session)
        chaos = Chaos(fleet, plan.pace, dice, recorder, progress, spared=plan.spared)
        disturbing = asyncio.create_task(chaos.run())
        work = [
            asyncio.create_task(user.run(plan.jobs // plan.users + (number < plan.jobs % plan.users)))
            for number, user in enumerate(users)
        ]
        nearly_done = asyncio.create_task(_nearly_done(progress, users, plan))
        try:
            with suppress(TimeoutError):
                await _while_it_moves(progress, nearly_done)
            await _end(disturbing)
            with suppress(TimeoutError):
                await _while_it_moves(progress, asyncio.gather(*work))
        finally:
            await _end(disturbing, nearly_done, *work)


async def _nearly_done(progress: Progress, users: list[User], plan: Plan) -> None:
    """Everything is submitted, and nearly everything has ended: what is left ends in peace."""
    if plan.lasts_s is not None:
        await asyncio.sleep(plan.lasts_s)
        for user in users:
            user.submit_no_more()
    while progress.submitted < progress.wanted or progress.ended < progress.wanted * 0.98:
        await progress.changed.wait()


async def _while_it_moves(progress: Progress, done: asyncio.Future[Any]) -> None:
    """Wait for it. Raises TimeoutError if nothing moves for too long."""
    loop = asyncio.get_running_loop()
    progress.moved_at = loop.time()
    while not done.done():
        left_s = progress.moved_at + STANDSTILL_S - loop.time()
        if left_s <= 0:
            raise TimeoutError
        await asyncio.wait({done}, timeout=left_s)
    done.result()


async def _end(*tasks: "asyncio.Task[None]") -> None:
    """Cancel them. Raises what had ended one before: that is a fault of the run itself."""
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended


def _users(
    fleet: Fleet,
    plan: Plan,
    chance: random.Random,
    recorder: Recorder,
    progress: Progress,
    session: aiohttp.ClientSession,
) -> list[User]:
    users: list[User] = []
    tokens = tokens_of(fleet.stack.directory)
    for number in range(plan.users):
        name = f"user {number}"
        token = tokens.issue(
            name,
            lifetime=timedelta(hours=12),
            now=datetime.now(UTC),
            concurrency=CONCURRENCIES[number % len(CONCURRENCIES)],
            requests_per_s=REQUESTS_PER_S,
        )
        watchers = watchers_of(
            name,
            token,
            number,
            session=session,
            notifier_urls=fleet.notifier_urls,
            chance=chance,
            recorder=recorder,
        )
        users.append(
            User(
                name,
                token,
                session=session,
                api_urls=fleet.api_urls,
                watchers=watchers,
                chance=random.Random(chance.random()),  # noqa: S311 - a test's dice
                recorder=recorder,
                progress=progress,
                rest_s=plan.rest_s,
            )
        )
    return users
