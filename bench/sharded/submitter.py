"""One api process: submits jobs of every user in their order, some of which another submits as well."""

import asyncio
from collections import Counter

from bench.sharded import story
from bench.sharded.layout import Layout
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Appended, Log

USERS_AT_ONCE = 64


class Submitter:
    """Number `number` of `SUBMITTERS`."""

    def __init__(self, broker: Broker, layout: Layout, *, number: int, users: int, jobs: int) -> None:
        """`run` submits of each user those of `jobs` that are its own, and those that every api gets."""
        self.counts = Counter[str]()
        self._log = Log(broker)
        self._layout = layout
        self._number = number
        self._users = iter(range(users))
        self._jobs = jobs

    async def run(self) -> None:
        """Submit everything."""
        async with asyncio.TaskGroup() as group:
            for _ in range(USERS_AT_ONCE):
                group.create_task(self._submit_of_users())

    async def _submit_of_users(self) -> None:
        for number in self._users:
            for job in range(self._jobs):
                await self._submit(f"user-{number}", job)

    async def _submit(self, user_id: str, number: int) -> None:
        job_id = story.job_of(user_id, number)
        if number % SUBMITTERS != self._number and not story.is_chosen(job_id, story.SUBMITTED_TWICE_OF):
            return
        event = story.queued(user_id, job_id)
        result = await story.append(self._log, self._layout, event, expected=0)
        self.counts["stored" if isinstance(result, Appended) else "refused"] += 1


SUBMITTERS = 2
