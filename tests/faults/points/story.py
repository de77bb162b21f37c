"""What the log tells of every job, followed live; and what of it must hold wherever anybody died."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec

from shared.contract.codec import decode_event
from shared.contract.subjects import ARTIFACTS, JOBS, TERMINAL_KINDS, VIEW_JOB, artifact_name, parse
from shared.contract.view_api import JobAnswer, JobQuestion, ViewAnswer
from shared.domain.events import Event, JobRunning, Terminal
from shared.domain.record import JobRecord, fold
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from shared.jetstream.follower import Follower
from shared.jetstream.object_store import Objects
from shared.jetstream.stored_message import Entry
from tests.faults.points.patience import patiently, until


class Story:
    """Events of all jobs, in the order of the log."""

    def __init__(self, broker: Broker) -> None:
        """Nothing is known yet; `followed` fills it."""
        self._broker = broker
        self._entries: dict[str, list[Entry]] = defaultdict(list)
        self._moved = asyncio.Condition()

    async def take(self, batch: list[Entry]) -> None:
        """Handler of the follower."""
        async with self._moved:
            for entry in batch:
                self._entries[entry.subject.split(".")[2]].append(entry)
            self._moved.notify_all()

    def kinds(self, job_id: str) -> list[str]:
        """What happened to a job."""
        return [entry.subject.rpartition(".")[2] for entry in self._entries[job_id]]

    def jobs_of(self, user_id: str) -> list[str]:
        """Every job of a user that has an event, in the order of their first."""
        return [
            job_id
            for job_id, entries in self._entries.items()
            if entries and parse(entries[0].subject).user_id == user_id
        ]

    def sequences_of(self, user_id: str) -> list[int]:
        """Of every event of a user."""
        return sorted(entry.sequence for job in self.jobs_of(user_id) for entry in self._entries[job])

    def last_sequence(self, job_id: str) -> int:
        """Of a job's newest event."""
        return self._entries[job_id][-1].sequence

    def events(self, job_id: str) -> list[Event]:
        """The events themselves."""
        return [decode_event(entry.subject, entry.payload) for entry in self._entries[job_id]]

    async def until(self, job_id: str, *kinds: str) -> None:
        """Return when one of these kinds has happened to a job."""
        async with self._moved:
            await self._moved.wait_for(lambda: not set(kinds).isdisjoint(self.kinds(job_id)))

    async def until_any_of(self, user_id: str) -> list[str]:
        """The jobs of a user, once there are any."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.jobs_of(user_id))
        return self.jobs_of(user_id)

    async def until_attempt(self, job_id: str, attempt: int) -> None:
        """Return when so many attempts have begun."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.kinds(job_id).count("running") >= attempt)

    async def until_ended(self, job_id: str) -> Terminal:
        """The end of a job whose whole history is what it must be."""
        await self.until(job_id, *TERMINAL_KINDS)
        kinds, events = self.kinds(job_id), self.events(job_id)
        assert kinds.index("queued") == 0, kinds
        assert kinds.count("queued") == 1, kinds
        assert [kind for kind in kinds if kind in TERMINAL_KINDS] == kinds[-1:], kinds
        attempts = [event.attempt for event in events if isinstance(event, JobRunning)]
        assert attempts == list(range(1, len(attempts) + 1)), attempts
        end = events[-1]
        assert isinstance(end, Terminal)
        await patiently(lambda: self._check_files(end))
        return end

    async def until_viewed(self, job_id: str) -> None:
        """Whatever projector answers shows a job as its events add up."""
        wanted = self._record(job_id)
        assert wanted is not None
        question = msgspec.json.encode(JobQuestion(user_id=wanted.user_id, job_id=job_id))

        async def is_viewed() -> bool:
            answer = msgspec.json.decode(
                (await self._broker.request(VIEW_JOB, question)).data, type=ViewAnswer
            )
            if not isinstance(answer, JobAnswer) or answer.checkpoint < wanted.last_sequence:
                return False
            assert answer.job == wanted, f"{answer.job} instead of {wanted}"
            return True

        await until(is_viewed)

    def _record(self, job_id: str) -> JobRecord | None:
        record: JobRecord | None = None
        for entry, event in zip(self._entries[job_id], self.events(job_id), strict=True):
            record = fold(record, event, entry.sequence)
        return record

    async def _check_files(self, end: Terminal) -> None:
        """Every file that the result names is there, whole."""
        objects = Objects(self._broker, Log(self._broker), ARTIFACTS)
        for number, artifact in enumerate(end.result.artifacts if end.result else ()):
            assert end.attempt is not None
            description = await objects.describe(artifact_name(end.job_id, end.attempt, number))
            assert description is not None, artifact
            content = b"".join([piece async for piece in objects.read(description)])
            assert (len(content), hashlib.sha256(content).hexdigest()) == (artifact.size, artifact.sha256)


@asynccontextmanager
async def followed(broker: Broker) -> AsyncIterator[Story]:
    """The story of a log, from its beginning and on."""
    story = Story(broker)
    following = asyncio.create_task(Follower(broker, JOBS, story.take, service="test").run())
    try:
        yield story
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
