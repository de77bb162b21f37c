"""One ordered reader for each shard, all of them into one checker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from bench.sharded.checker import Checker
from bench.sharded.layout import Layout
from shared.jetstream.connection import Broker, connect
from shared.jetstream.event_log import Log
from shared.jetstream.follower import Follower
from shared.jetstream.stored_message import Entry
from shared.settings import BrokerSettings

READ_WITHIN_S = 60.0


class Reader:
    """What the shards have told."""

    def __init__(self, broker: Broker, layout: Layout, *, jobs: int) -> None:
        """`all_ended` is set when so many terminal events were read."""
        self.checker = Checker(layout.shard_of)
        self.all_ended = asyncio.Event()
        self._log = Log(broker)
        self._jobs = jobs
        self.followers = {
            stream: Follower(
                broker, stream, partial(self._take, shard), service="bench", report_position=False
            )
            for shard, stream in enumerate(layout.streams)
        }

    async def read_all(self) -> None:
        """Return when everything was read that any shard holds now."""
        async with asyncio.timeout(READ_WITHIN_S):
            for stream, follower in self.followers.items():
                await follower.wait_for(await self._log.last_sequence(stream=stream))

    async def _take(self, shard: int, batch: list[Entry]) -> None:
        for entry in batch:
            self.checker.take(shard, entry.sequence, entry.event())
        if self.checker.ended >= self._jobs:
            self.all_ended.set()


@asynccontextmanager
async def reading(settings: BrokerSettings, layout: Layout, *, jobs: int) -> AsyncIterator[Reader]:
    """A reader that follows every shard from its beginning."""
    async with connect(settings, service="bench") as broker, asyncio.TaskGroup() as group:
        reader = Reader(broker, layout, jobs=jobs)
        following = [group.create_task(follower.run()) for follower in reader.followers.values()]
        yield reader
        for task in following:
            task.cancel()
