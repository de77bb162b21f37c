"""Writes what the api and an executor would write, and remembers what a client must have seen of it."""

import asyncio
import json
from collections import Counter
from contextlib import suppress

import msgspec

from shared.contract.codec import encode
from shared.contract.subjects import feed_note
from shared.domain.events import Event, InputMessage, JobOutput, Terminal, kind_of
from shared.domain.result import Output, Result, StageReport
from shared.domain.unsent import UnsentNote
from shared.jetstream.connection import Broker
from shared.jetstream.errors import UnreachableError
from shared.jetstream.event_log import Appended, Log
from tests import builders
from tests.integration.notifier.client import Shown, is_terminal

PATIENCE_S = 20.0


class Writer:
    """Appends events with what the log expects, and notes as an executor would."""

    def __init__(self, broker: Broker, log: Log) -> None:
        self._broker = broker
        self._log = log
        self._last: dict[str, int] = {}
        self._offsets: Counter[str] = Counter()
        self.events: dict[int, Event] = {}
        self.notes: list[tuple[str, int | str]] = []

    async def append(self, event: Event) -> int:
        stored = await self._log.append(
            event, expected=self._last.get(event.job_id, 0), patience_s=PATIENCE_S
        )
        assert isinstance(stored, Appended)
        self._last[event.job_id] = stored.sequence
        self.events[stored.sequence] = event
        return stored.sequence

    async def note(
        self, job: str, user: str = builders.USER, content: str = "out", *, counts_bytes: bool = False
    ) -> int:
        """One chunk of output; returns its sequence in the feed.

        Its offset is its number in the job, so that none is joined with another; or its place in bytes.
        """
        offset = self._offsets[job]
        self._offsets[job] += len(content.encode()) if counts_bytes else 1
        note = JobOutput(
            job_id=job,
            user_id=user,
            time=builders.NOON,
            request_id="req-1",
            attempt=1,
            stage="run",
            stream="stdout",
            offset=offset,
            content=content,
        )
        sequence = await self._publish(feed_note(user, job, "output"), encode(note), f"{job}.{offset}")
        self.notes.append((job, offset))
        return sequence

    async def tell(self, note: InputMessage) -> int:
        """That the program was given this; returns its sequence in the feed."""
        subject = feed_note(note.user_id, note.job_id, kind_of(note))
        return await self._publish(subject, encode(note), f"{note.job_id}.input.{note.number}")

    async def _publish(self, subject: str, payload: bytes, note_id: str) -> int:
        """Repeat until it is stored; the message id keeps a repetition from being stored twice."""
        while True:
            with suppress(UnreachableError):
                answer = await self._broker.request(subject, payload, headers={"Nats-Msg-Id": note_id})
                return int(json.loads(answer.data)["seq"])

    async def run_job(self, job: str, *, notes: int = 3, user: str = builders.USER) -> int:
        """A whole story; returns the sequence of its terminal event."""
        await self.append(builders.queued(job, user))
        await self.append(builders.running(job, user))
        feed_sequence = 0
        for _ in range(notes):
            feed_sequence = await self.note(job, user)
        return await self.append(ended(builders.completed(job, user), feed_sequence))

    async def run_short_job(self, job: str, *, notes: int, unsent: int, user: str = builders.USER) -> int:
        """A story whose start and whose last pieces of output only the log tells.

        A byte is missing between any two pieces, so that none is joined with another.
        """
        await self.append(builders.queued(job, user))
        await self.append(msgspec.structs.replace(builders.running(job, user), stage="run"))
        feed_sequence = 0
        for _ in range(notes):
            feed_sequence = await self.note(job, user)
        completed = ended(builders.completed(job, user), feed_sequence)
        offsets = range(notes + 1, notes + 1 + 2 * unsent, 2)
        pieces = [UnsentNote(stage="run", stream="stdout", offset=place, length=1) for place in offsets]
        end = UnsentNote(stage="run", percent=100, message="run complete")
        printed = Output(content="x" * (notes + 1 + 2 * unsent))
        result = Result(stages=(StageReport(name="run", wall_ms=1, cpu_ms=1),), stdout=printed)
        self.notes += [(job, "run started"), *((job, piece.offset) for piece in pieces), (job, end.message)]
        return await self.append(
            msgspec.structs.replace(completed, unsent_notes=(*pieces, end), result=result)
        )

    async def run_jobs(self, count: int, *, at_once: int = 3, short: bool = False) -> None:
        """Many stories, some at the same time; with `short`, the log tells some or all notes of each."""

        async def lane() -> None:
            for number in range(count // at_once):
                if short:
                    await self.run_short_job(builders.job_id(), notes=number % 3, unsent=number % 4)
                else:
                    await self.run_job(builders.job_id())

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(lane())


def ended(event: Terminal, feed_sequence: int) -> Terminal:
    """The terminal event with the last place of its output."""
    return msgspec.structs.replace(event, feed_sequence=feed_sequence)


def assert_whole(shown: list[Shown], writer: Writer) -> None:
    """Laid together, the events are the log and the feed: nothing lost, nothing twice, in order."""
    assert [event["seq"] for event in shown if "seq" in event] == sorted(writer.events)
    notes = [(event["job_id"], _told(event)) for event in shown if "seq" not in event]
    assert Counter(notes) == Counter(writer.notes)
    assert_ordered(shown)


def _told(note: Shown) -> int | str:
    """What tells a job's notes apart: the place of a piece of output, the message of progress."""
    data = note["data"]
    told: int | str = data["offset"] if "offset" in data else data["message"]
    return told


def assert_ordered(shown: list[Shown]) -> None:
    """Of each job: output in order, and nothing after the terminal event."""
    offsets: Counter[str] = Counter()
    over: set[str] = set()
    for event in shown:
        job = event["job_id"]
        assert job not in over, f"{event['type']} came after the end of {job}"
        told = None if "seq" in event else _told(event)
        if isinstance(told, int):
            assert told >= offsets[job]
            offsets[job] = told + 1
        if is_terminal(event):
            over.add(job)
