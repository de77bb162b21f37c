"""An executor in the test's own process, and a user who talks to its programs."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from msgspec import UnsetType

from services.executor.attempts.live_input import LiveInputs
from services.executor.attempts.runner import Attempts
from services.executor.languages.catalogue import Offered
from services.executor.sandbox.interface import Sandbox
from services.executor.scheduling.actions import Disposition
from services.executor.scheduling.cell_supply import CellSupply
from services.executor.scheduling.execution import Execution
from services.executor.scheduling.scheduler import Scheduler
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from services.executor.settings import ExecutorSettings
from shared.contract.codec import decode_input, decode_note
from shared.contract.subjects import FEED, INPUT, JOBS, job_input
from shared.domain.decisions import CommandContext
from shared.domain.events import (
    Event,
    FeedNote,
    InputMessage,
    JobInput,
    JobOutput,
    JobQueued,
    JobRunning,
    Limits,
    SourceFile,
    Terminal,
)
from shared.domain.interaction import Interaction, ReceivedInput, TerminalSize
from shared.domain.job_input import InputEnd, NewPiece
from shared.domain.output_text import as_bytes
from shared.jetstream.connection import Broker, connect
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.follower import Follower
from shared.jetstream.input_log import InputLog
from shared.jetstream.stored_message import Entry
from shared.settings import BrokerSettings
from tests import builders

PATIENCE_S = 20.0
SUMS = "total = 0\nwhile True:\n    total += int(input())\n    print(total, flush=True)\n"
ECHO = "import sys\nfor line in sys.stdin:\n    print('>' + line, end='', flush=True)\n"


class LiveExecutor:
    """All parts of an executor that interactive jobs need."""

    def __init__(
        self, broker: Broker, sandbox: Sandbox, languages: dict[str, Offered], settings: ExecutorSettings
    ) -> None:
        self.broker = broker
        self.log = log = Log(broker)
        self.unfinished = UnfinishedJobs()
        self.supply = CellSupply(sandbox, patience_s=60.0)
        self.live_inputs = LiveInputs(log)
        self.attempts = Attempts(
            broker, log, sandbox, languages, self.unfinished, self.supply, self.live_inputs, settings
        )
        self.scheduler = Scheduler(
            broker, settings, self.unfinished, self._perform, languages.__contains__, self.supply
        )
        self._performing = set[asyncio.Task[object]]()
        self.tasks = list[asyncio.Task[None]]()

    async def start(self) -> None:
        end = await self.log.last_sequence(stream=INPUT)
        followers = (
            Follower(self.broker, JOBS, self.scheduler.follow, service="executor"),
            Follower(self.broker, INPUT, self.live_inputs.take, after=end, service="executor"),
        )
        parts = (*followers, self.scheduler, self.supply)
        self.tasks = [asyncio.create_task(each.run()) for each in parts]

    async def die(self) -> None:
        """End as after SIGKILL: nothing is answered, nothing given back."""
        ending = (*self.tasks, *self._performing)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _perform(self, execution: Execution) -> Disposition:
        task = asyncio.current_task()
        assert task is not None
        self._performing.add(task)
        task.add_done_callback(self._performing.discard)
        return await self.attempts.perform(execution)


@asynccontextmanager
async def executing(
    broker_settings: BrokerSettings, sandbox: Sandbox, languages: dict[str, Offered], **settings: object
) -> AsyncIterator[LiveExecutor]:
    """An executor with a connection of its own."""
    options = ExecutorSettings(**{"executor_id": "x1", "slots": 1, **settings})  # type: ignore[arg-type]
    async with connect(broker_settings, service="executor") as broker:
        executor = LiveExecutor(broker, sandbox, languages, options)
        await executor.start()
        try:
            yield executor
        finally:
            await executor.scheduler.drain(grace_s=0)
            await executor.die()


class Session:
    """A job and its user."""

    def __init__(self, talk: "Talk", queued: JobQueued) -> None:
        self._talk = talk
        self.queued = queued
        self.job = queued.job_id
        self.offset = 0

    async def say(self, content: str | bytes = b"", *, end: bool = False, secret: bool = False) -> None:
        """Add to the input what follows."""
        piece = NewPiece(self.offset, content.encode() if isinstance(content, str) else content, end, secret)
        outcome = await self._talk.inputs.add(self.queued.user_id, self.job, piece, self._talk.context())
        assert isinstance(outcome, InputEnd), outcome
        self.offset = outcome.offset

    @property
    def notes(self) -> list[FeedNote]:
        """What the feed has of it."""
        return self._talk.notes[self.job]

    @property
    def events(self) -> list[Event]:
        """Its history."""
        return self._talk.events[self.job]

    def printed(self, attempt: int | None = None) -> str:
        """Its output that the feed has."""
        return "".join(
            as_bytes(note.content, note.encoding).decode()
            for note in self.notes
            if isinstance(note, JobOutput) and attempt in {None, note.attempt}
        )

    async def until_printed(self, text: str, attempt: int | None = None) -> None:
        """Wait until the program has printed this."""

        def is_printed() -> bool:
            is_printed = text in self.printed(attempt)
            assert is_printed or not any(isinstance(event, Terminal) for event in self.events), self.events
            return is_printed

        await self._talk.until(is_printed)

    async def until_running(self, attempt: int = 1) -> JobRunning:
        """Wait until this attempt is in the log."""

        def begun() -> JobRunning | None:
            starts = (event for event in self.events if isinstance(event, JobRunning))
            return next((event for event in starts if event.attempt == attempt), None)

        await self._talk.until(lambda: begun() is not None)
        found = begun()
        assert found is not None
        return found

    async def until_ended(self) -> Terminal:
        """Its terminal event."""
        return await self._talk.until_ended(self.job)

    async def stored(self) -> list[InputMessage]:
        """What is stored of its input."""
        replay = self._talk.log.replay(job_input(self.queued.user_id, self.job), stream=INPUT)
        return [decode_input(entry.subject, entry.payload) async for entry in replay]

    async def until_purged(self) -> None:
        """Wait until nothing is stored of its input."""
        async with asyncio.timeout(30):
            while await self.stored():
                pass


class Talk:
    """Submits jobs, as the api does, adds to their input, and follows them."""

    def __init__(self, broker: Broker, log: Log) -> None:
        self.broker = broker
        self.log = log
        self.inputs = InputLog(broker, log, patience_s=PATIENCE_S)
        self.events = defaultdict[str, list[Event]](list)
        self.notes = defaultdict[str, list[FeedNote]](list)
        self._changed = asyncio.Event()

    async def follow_log(self, batch: list[Entry]) -> None:
        for entry in batch:
            event = entry.event()
            self.events[event.job_id].append(event)
        self._changed.set()

    async def follow_feed(self, batch: list[Entry]) -> None:
        for entry in batch:
            note = decode_note(entry.subject, entry.payload)
            self.notes[note.job_id].append(note)
        self._changed.set()

    async def until(self, is_so: Callable[[], bool], *, within_s: float = 60) -> None:
        """Wait until what the log and the feed tell makes it so."""
        async with asyncio.timeout(within_s):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()

    async def until_ended(self, job: str) -> Terminal:
        """The job's terminal event."""
        events = self.events[job]
        await self.until(lambda: bool(events) and isinstance(events[-1], Terminal))
        ended = events[-1]
        assert isinstance(ended, Terminal)
        return ended

    def context(self) -> CommandContext:
        return CommandContext(datetime.now(UTC), "req-1")

    async def begin(
        self,
        code: str,
        *,
        user: str = builders.USER,
        terminal: tuple[int, int] | None = None,
        idle_s: int = 60,
        concurrency: int = 100,
        **bounds: int,
    ) -> Session:
        """Submit this Python program."""
        size = None if terminal is None else TerminalSize(columns=terminal[0], rows=terminal[1])
        interaction = Interaction(
            **{"idle_s": idle_s, "input_bytes": 2**20, "output_bytes": 2**20, **bounds}, terminal=size
        )
        queued = builders.queued(
            builders.job_id(),
            user,
            time=datetime.now(UTC),
            concurrency=concurrency,
            files=(SourceFile(name="main.py", content=code),),
            stdin=SourceFile(name="stdin", content="", encoding="live"),
            interactive=interaction,
            limits=Limits(wall_ms=600_000),
        )
        await self.append(queued)
        return Session(self, queued)

    async def append(self, queued: JobQueued) -> None:
        stored = await self.log.append(queued, expected=0, patience_s=PATIENCE_S)
        assert isinstance(stored, Appended)


@asynccontextmanager
async def talking(broker: Broker) -> AsyncIterator[Talk]:
    """A user's side."""
    talk = Talk(broker, Log(broker))
    followers = (
        Follower(broker, JOBS, talk.follow_log, service="test"),
        Follower(broker, FEED, talk.follow_feed, service="test"),
    )
    tasks = [asyncio.create_task(each.run()) for each in followers]
    try:
        yield talk
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def received(event: Terminal) -> ReceivedInput:
    """What the program was given."""
    assert event.result is not None
    assert not isinstance(event.result.input, UnsetType)
    return event.result.input


def shown(notes: list[FeedNote]) -> list[str]:
    """Output and input in the feed's order, joined where nothing stands between."""
    lines = list[str]()
    for note in notes:
        match note:
            case JobOutput():
                if lines and lines[-1].startswith("out "):
                    lines[-1] += as_bytes(note.content, note.encoding).decode()
                else:
                    lines.append("out " + as_bytes(note.content, note.encoding).decode())
            case JobInput():
                lines.append("in " + note.content + (" end" if note.end else ""))
            case _:
                pass
    return lines
