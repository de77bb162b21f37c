"""What races the executors: a second end of the same attempt, requests to cancel, cancels of queued jobs.

Each expects the sequence that it saw, as an executor that was paused, an api and a notifier do.
"""

import asyncio
from collections import Counter

from bench.sharded import story
from bench.sharded.layout import Layout
from shared.domain.events import Event, JobQueued, JobRunning
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.follower import Follower
from shared.jetstream.stored_message import Entry


class Rival:
    """Follows every shard."""

    def __init__(self, broker: Broker, layout: Layout) -> None:
        """`run` works. `counts` are what was stored and what was refused, by kind."""
        self.counts = Counter[str]()
        self._layout = layout
        self._log = Log(broker)
        self._tasks = asyncio.TaskGroup()
        self._followers = [
            Follower(broker, stream, self._follow, service="bench", report_position=False)
            for stream in layout.streams
        ]

    async def run(self) -> None:
        """Work until cancelled."""
        async with self._tasks:
            for follower in self._followers:
                self._tasks.create_task(follower.run())

    async def _follow(self, batch: list[Entry]) -> None:
        for entry in batch:
            event = entry.event()
            user_id, job_id = event.user_id, event.job_id
            if isinstance(event, JobRunning):
                if story.is_chosen(job_id, story.RIVALS_OF):
                    self._race(story.failed(user_id, job_id), entry.sequence)
                if story.is_chosen(job_id, story.REQUESTED_OF):
                    self._race(story.cancel_requested(user_id, job_id), entry.sequence)
            elif isinstance(event, JobQueued) and story.is_chosen(job_id, story.CANCELLED_OF):
                self._race(story.cancelled(user_id, job_id, None), entry.sequence)

    def _race(self, event: Event, expected: int) -> None:
        self._tasks.create_task(self._append(event, expected))

    async def _append(self, event: Event, expected: int) -> None:
        result = await story.append(self._log, self._layout, event, expected=expected)
        self.counts["stored" if isinstance(result, Appended) else "refused"] += 1
