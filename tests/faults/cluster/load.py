"""Users who submit with keys, again until they are answered, and watch their events over the WebSocket.

Each has a few jobs unfinished at a time and submits another when one has ended, for as long as the load
goes on. The clients are the project's own.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import httpx
import msgspec

from headrace.client.client import open_client
from headrace.client.endpoint import Endpoint
from headrace.client.subscription import Gap
from tests.faults.cluster.fleet import Fleet
from tests.faults.resume_checker import TERMINAL, Shown
from tests.http_client import http_client

AT_A_TIME = 2
REFUSED = 503


class User:
    """One of them: what was accepted, and what was shown."""

    def __init__(self, fleet: Fleet, name: str, number: int) -> None:
        self.name = name
        self.token = fleet.token(name)
        self.accepted: list[str] = []
        self.shown: list[Shown] = []
        self.gaps: list[Gap] = []
        self.ended: set[str] = set()
        self._fleet = fleet
        self._number = number
        self._moved = asyncio.Condition()

    async def submit_all(self, http: httpx.AsyncClient, lane: int, load: "Load") -> None:
        """Submit, wait for its end, and go on until the load is enough."""
        count = 0
        while not load.is_enough:
            job_id = await self._submit(http, f"{self.name}-{lane}-{count}", load)
            self.accepted.append(job_id)
            await self._until(lambda job_id=job_id: job_id in self.ended)
            count += 1
            load.one_ended()

    async def watch(self) -> None:
        """See every event, over whatever breaks, from a notifier of the user's own."""
        api, notifiers = self._fleet.of("api")[0], self._fleet.of("notifier")
        websocket = notifiers[self._number % len(notifiers)].url.replace("http", "ws") + "/v1/ws"
        async with open_client(Endpoint(api.url, websocket, self.token)) as client:
            async for event in client.follow("*", on_gap=self.gaps.append):
                async with self._moved:
                    self.shown.append(msgspec.to_builtins(event))
                    if event.type in TERMINAL:
                        self.ended.add(event.job_id)
                        self._moved.notify_all()

    async def _submit(self, http: httpx.AsyncClient, key: str, load: "Load") -> str:
        """Post to one api after the other until one accepts."""
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
        program = {"language": "bash", "code": f"echo {key}"}
        apis = self._fleet.of("api")
        turn = self._number
        while True:
            turn += 1
            try:
                answer = await http.post(
                    f"{apis[turn % len(apis)].url}/v1/jobs", json=program, headers=headers
                )
            except httpx.HTTPError:
                continue
            if answer.status_code != REFUSED:
                assert answer.status_code == 202, answer.text
                return str(answer.json()["job_id"])
            load.was_refused(answer)
            await asyncio.sleep(0.2)

    async def _until(self, condition: Any) -> None:  # noqa: ANN401 - a predicate
        async with self._moved:
            await self._moved.wait_for(condition)


class Load:
    """All users at once."""

    def __init__(self, fleet: Fleet, users: int, prefix: str) -> None:
        self.users = [User(fleet, f"{prefix} user {number}", number) for number in range(users)]
        self._lanes = 0
        self.ended = 0
        self.refusals: list[httpx.Response] = []
        self.is_enough = False
        self.more: Callable[[], None] = lambda: None
        """Lets each user submit one more at once: who waits for the end of a job submits nothing."""
        self._changed = asyncio.Event()

    def add_lane(self, http: httpx.AsyncClient, submitting: asyncio.TaskGroup) -> None:
        """One more job at a time for each user."""
        for user in self.users:
            submitting.create_task(user.submit_all(http, self._lanes, self))
        self._lanes += 1

    def one_ended(self) -> None:
        self.ended += 1
        self._changed.set()

    async def goes_on(self, count: int) -> None:
        """Wait until so many more jobs have ended."""
        wanted = self.ended + count
        while self.ended < wanted:
            self._changed.clear()
            await self._changed.wait()

    def was_refused(self, answer: httpx.Response) -> None:
        self.refusals.append(answer)
        self._changed.set()

    async def refused(self, count: int) -> None:
        """Wait until so many submissions were refused in all."""
        while len(self.refusals) < count:
            self._changed.clear()
            await self._changed.wait()


@asynccontextmanager
async def load_of(fleet: Fleet, *, users: int, prefix: str) -> AsyncIterator[Load]:
    """Load for as long as the context is open; at its end every accepted job has ended, and was seen to."""
    load = Load(fleet, users, prefix)
    async with AsyncExitStack() as stack:
        limits = httpx.Limits(max_connections=None)
        http = await stack.enter_async_context(http_client(timeout=30, limits=limits))
        watching = [asyncio.create_task(user.watch()) for user in load.users]
        try:
            async with asyncio.TaskGroup() as submitting:
                load.more = partial(load.add_lane, http, submitting)
                for _ in range(AT_A_TIME):
                    load.more()
                try:
                    yield load
                finally:
                    load.is_enough = True
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
