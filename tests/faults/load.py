"""Users as they are: they submit with keys and repeat until they are answered, read, cancel, and watch.

Each user has two subscribers, over different transports, and keeps so many jobs unfinished at a time.
Whatever is asked, answered and shown is noted.
"""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from shared.domain.record import JobRecord
from tests.faults.history import Asked, Call, digest_of_record, now
from tests.faults.history_file import Recorder
from tests.faults.rules.answers import NOT_NOW
from tests.faults.rules.story import KEY_LABEL
from tests.faults.watchers import Watcher

ANSWER_WITHIN_S = 15.0
"""Longer than a client would wait who has another api to ask; a black hole lasts up to 12 s."""

AGAIN_AFTER_S = (0.05, 0.5)
UNFINISHED_MAX = 12
AT_ONCE = 3
"""Requests of one user under way."""

MIXTURE: list[dict[str, Any]] = [
    *[{"language": "python", "code": "print(1)"}] * 4,
    *[{"language": "bash", "code": "echo x"}] * 4,
    {
        "language": "python",
        "code": "import time\nfor n in range(4): print(n, 'ž' * 40, flush=True); time.sleep(.05)",
    },
    {"language": "bash", "code": "echo begun; sleep 0.3; echo done"},
    {"language": "bash", "code": "sleep 1; echo done >&2"},
    {"language": "python", "code": "raise SystemExit(3)"},
    {"language": "bash", "code": "kill -9 $$"},
    {"language": "python", "code": "import time; time.sleep(60)", "limits": {"wall_ms": 300}},
    {"language": "python", "code": "open('out', 'w').write('x' * 1000)", "artifacts": ["*"]},
    {"language": "python", "code": "import sys; sys.stdout.write('line of output\\n' * 3000)"},
]


@dataclass
class Progress:
    """How far all users together have come; told to whoever waits for the end."""

    wanted: int
    submitted: int = 0
    ended: int = 0
    moved_at: float = 0.0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def move(self) -> None:
        """Something has happened."""
        self.moved_at = asyncio.get_running_loop().time()
        self.changed.set()
        self.changed = asyncio.Event()

    async def beyond(self, ended: int) -> None:
        """Wait until more jobs than that have ended."""
        while self.ended <= ended:
            await self.changed.wait()


class User:
    """One user, from the first submission to the last end."""

    def __init__(
        self,
        name: str,
        token: str,
        *,
        session: aiohttp.ClientSession,
        api_urls: list[str],
        watchers: list[Watcher],
        chance: random.Random,
        recorder: Recorder,
        progress: Progress,
        rest_s: float = 0.0,
    ) -> None:
        """The session is shared, the watchers are its own. After each job it rests for about so long."""
        self.name = name
        self.watchers = watchers
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session = session
        self._api_urls = api_urls
        self._chance = chance
        self._recorder = recorder
        self._progress = progress
        self._room = asyncio.Semaphore(UNFINISHED_MAX)
        self._rest_s = rest_s
        self._keys: list[str] = []
        self._jobs: list[str] = []

    async def run(self, count: int) -> None:
        """Submit so many jobs; return when every watcher has been shown the end of each."""
        self._keys = [f"{self.name} {number}" for number in range(count)]
        for watcher in self.watchers:
            watcher.on_end = self._ended
        async with asyncio.TaskGroup() as watching:
            tasks = [watching.create_task(watcher.run()) for watcher in self.watchers]
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(self._submit_all())
            await asyncio.gather(*(watcher.saw_ends(self._jobs) for watcher in self.watchers))
            for task in tasks:
                task.cancel()

    def submit_no_more(self) -> None:
        """Let what was begun come to its end."""
        self._progress.wanted -= len(self._keys)
        self._keys.clear()
        self._progress.move()

    def _ended(self, watcher: Watcher) -> None:
        if watcher is self.watchers[0]:
            self._room.release()
            self._progress.ended += 1
        self._progress.move()

    async def _submit_all(self) -> None:
        while self._keys:
            await self._room.acquire()
            if not self._keys:
                return
            key = self._keys.pop(0)
            job_id = await self._submit(key)
            self._progress.submitted += 1
            self._progress.move()
            if job_id is not None:
                self._jobs.append(job_id)
                await self._do_more(key, job_id)
            await asyncio.sleep(self._chance.uniform(0, 2 * self._rest_s))

    async def _submit(self, key: str) -> str | None:
        """Ask until there is an answer; None if that is no."""
        body = {**self._program(key), "labels": {KEY_LABEL: key}}
        while True:
            call = await self._call("submit", "POST", "/v1/jobs", key=key, body=body)
            if call.status is not None and call.status not in NOT_NOW:
                return call.job_id
            await asyncio.sleep(self._chance.uniform(*AGAIN_AFTER_S))

    async def _do_more(self, key: str, job_id: str) -> None:
        """Now and then: the same again, a look, a change of mind, a look at an older job."""
        fate = self._chance.random()
        if fate < 0.1:
            await self._submit(key)
        elif fate < 0.25:
            await self._call("read", "GET", f"/v1/jobs/{job_id}", job_id=job_id)
        elif fate < 0.35:
            await self._call("cancel", "POST", f"/v1/jobs/{job_id}/cancel", job_id=job_id)
        elif fate < 0.5:
            older = self._chance.choice(self._jobs)
            await self._call("read", "GET", f"/v1/jobs/{older}", job_id=older)
        elif fate < 0.55:
            older = self._chance.choice(self._jobs[-UNFINISHED_MAX:])
            await self._call("cancel", "POST", f"/v1/jobs/{older}/cancel", job_id=older)

    def _program(self, key: str) -> dict[str, Any]:
        """The same for the same key."""
        return random.Random(key).choice(MIXTURE)  # noqa: S311 - a choice of programs

    async def _call(
        self,
        asked: Asked,
        method: str,
        path: str,
        *,
        key: str | None = None,
        job_id: str | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Call:
        """One request to any api, noted with what became of it."""
        headers = {**self._headers, **({"Idempotency-Key": key} if key else {})}
        url = self._chance.choice(self._api_urls) + path
        call = Call(user=self.name, asked=asked, asked_at=now(), key=key, job_id=job_id)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                async with self._session.request(method, url, headers=headers, json=body) as answer:
                    call = _answered(call, answer, await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            call = msgspec.structs.replace(call, why=type(error).__name__)
        self._recorder.note(call)
        return call


def _answered(call: Call, answer: aiohttp.ClientResponse, content: bytes) -> Call:
    call = msgspec.structs.replace(
        call,
        answered_at=now(),
        status=answer.status,
        etag=answer.headers.get("ETag"),
        is_replay=answer.headers.get("Idempotency-Replayed") == "true",
    )
    if answer.status not in {200, 202}:
        why: str | None = None
        with suppress(msgspec.MsgspecError, KeyError):
            why = msgspec.json.decode(content, type=dict[str, Any])["type"]
        return msgspec.structs.replace(call, why=why)
    record = msgspec.json.decode(content, type=JobRecord)
    return msgspec.structs.replace(
        call, job_id=record.job_id, sequence=record.last_sequence, record=digest_of_record(record)
    )
