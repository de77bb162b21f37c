"""Gives running programs their input, from the stream that the api and the notifier add to.

One follower reads the stream for the whole executor. What an attempt is given begins with the job's first
piece, so a second attempt is given what the first one was. Signals are for the attempt that runs meanwhile,
and so are keys of which a terminal makes them.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from signal import Signals

import msgspec
from msgspec import UNSET, UnsetType

from services.executor.attempts.feed_publisher import Feed
from services.executor.attempts.received_input import InputRecord
from services.executor.sandbox.interface import InputSink, LiveStdin
from shared.contract.codec import UndecodableError, UnknownTagError, decode_input
from shared.contract.subjects import INPUT, SubjectError, job_input, parse_input
from shared.domain.enumerations import unknown_value
from shared.domain.events import InputMessage, JobInput, JobQueued, JobResized, JobSignalled
from shared.domain.interaction import ReceivedInput
from shared.domain.output_text import as_bytes
from shared.jetstream.errors import BrokerError
from shared.jetstream.event_log import REPLICA_PAUSE_S, Log
from shared.jetstream.stored_message import Entry
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.retry import retry

logger = get_logger(__name__)

READER = "input"
AGAIN_S = 0.5
WITHOUT_SIGNALS = bytes.maketrans(b"\x03\x1a\x1c", b"\x15\x15\x15")
"""Ctrl-C, Ctrl-Z and Ctrl-\\ become Ctrl-U: as they do, it clears the line that is begun."""


class LiveInput:
    """The input of one attempt: kept until the program has begun, then given as it comes."""

    def __init__(self, log: Log, queued: JobQueued) -> None:
        """Nothing is read yet."""
        self._log = log
        self._queued = queued
        self._subject = job_input(queued.user_id, queued.job_id)
        self._sink: InputSink | None = None
        self._feed: Feed | None = None
        self._waiting: list[tuple[InputMessage, bool]] = []
        self._number = 0
        self._first_new: int | None = None
        self._record = InputRecord()
        self._began = 0.0
        self._reading: asyncio.Task[None] | None = None
        self._is_behind = False

    def stdin(self) -> LiveStdin | None:
        """The standard input of the job's program; None for a job that is not interactive."""
        interaction = self._queued.interactive
        if isinstance(interaction, UnsetType):
            return None
        terminal = interaction.terminal
        return LiveStdin(
            source=self,
            idle_s=interaction.idle_s,
            output_bytes=interaction.output_bytes,
            terminal=None if terminal is None else (terminal.columns, terminal.rows),
        )

    def show_in(self, feed: Feed) -> None:
        """Show in this feed what the program is given."""
        self._feed = feed

    async def begin(self) -> None:
        """Find where this attempt's input begins. Raises BrokerError.

        Before clients are told that it runs: a signal that they send then is for this attempt.
        """
        if self._first_new is None:
            last = await self._log.last(self._subject, stream=INPUT)
            if self._first_new is None:
                self._first_new = 0 if last is None else last.sequence

    def connect(self, sink: InputSink) -> None:
        """See `InputSource`."""
        self._sink = sink
        self._began = time.monotonic()
        waiting, self._waiting = self._waiting, []
        for message, is_earlier in waiting:
            self._give(message, is_earlier=is_earlier)

    def disconnect(self) -> None:
        """See `InputSource`."""
        self._sink = None

    def report(self) -> ReceivedInput:
        """What the program was given."""
        return self._record.report()

    def take(self, entry: Entry) -> None:
        """A message of this job's input has come, in the order of the stream."""
        try:
            message = decode_input(entry.subject, entry.payload)
        except UndecodableError as error:
            metrics.POISON.labels(reader=READER).inc()
            logger.error("poison_skipped", sequence=entry.sequence, why=str(error))
            return
        except UnknownTagError as error:
            metrics.UNKNOWN.labels(reader=READER).inc()
            logger.error("newer_event", sequence=entry.sequence, tag=str(error))
            return
        if message.number < self._number:
            return
        if message.number > self._number or self._first_new is None:
            # What comes before it is read first, and this once more.
            self._is_behind = True
            self.read()
            return
        self._number += 1
        is_earlier = entry.sequence <= self._first_new
        if is_earlier and isinstance(message, JobSignalled):
            return
        if self._sink is None:
            self._waiting.append((message, is_earlier))
        else:
            self._give(message, is_earlier=is_earlier)

    def read(self) -> None:
        """Begin to read what the stream holds of this job."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        """Read nothing more."""
        self._sink = None
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    async def _read(self) -> None:
        def report(error: BrokerError) -> None:
            logger.warning("input_unread", job_id=self._queued.job_id, why=str(error))

        await retry(self._read_once, on=BrokerError, pause_s=AGAIN_S, report=report)

    async def _read_once(self) -> None:
        """Read until no message has come that must wait for an earlier one."""
        self._is_behind = True
        while self._is_behind:
            self._is_behind = False
            await self._read_to_end()

    async def _read_to_end(self) -> None:
        """Read up to the last message, as the leader knows it: a replica may lag behind."""
        last = await self._log.last(self._subject, stream=INPUT)
        if self._first_new is None:
            self._first_new = 0 if last is None else last.sequence
        position = 0
        while last is not None and position < last.sequence:
            async for entry in self._log.replay(
                self._subject, after=position, up_to=last.sequence, stream=INPUT
            ):
                position = entry.sequence
                self._take_read(entry)
            if position < last.sequence:
                await asyncio.sleep(REPLICA_PAUSE_S)
                # It may have been removed meanwhile, with its job.
                last = await self._log.last(self._subject, stream=INPUT)

    def _take_read(self, entry: Entry) -> None:
        try:
            message = decode_input(entry.subject, entry.payload)
        except (UndecodableError, UnknownTagError):
            return
        if message.number == self._number:
            self.take(entry)

    def _give(self, message: InputMessage, *, is_earlier: bool) -> None:
        """`is_earlier`: it was stored before this attempt began."""
        sink = self._sink
        if sink is None:
            return
        if (unknown := unknown_value(message)) is not None:
            metrics.UNKNOWN.labels(reader=READER).inc()
            logger.error("newer_event", job_id=message.job_id, tag=unknown)
            return
        match message:
            case JobInput():
                content = as_bytes(message.content, message.encoding)
                at_ms = round((time.monotonic() - self._began) * 1000)
                self._record.add(content, at_ms=at_ms, secret=message.secret)
                if content:
                    sink.write(self._typed_again(content) if is_earlier else content, secret=message.secret)
                if message.end:
                    self._record.end()
                    sink.end()
                if message.secret:
                    message = msgspec.structs.replace(
                        message, content="", encoding="utf-8", length=len(content)
                    )
            case JobResized():
                sink.resize(message.columns, message.rows)
            case JobSignalled():
                sink.signal(Signals[message.signal])
        if self._feed is not None:
            self._feed.show_input(message)

    def _typed_again(self, content: bytes) -> bytes:
        """What an earlier attempt was given: on a terminal, keys for signals only clear a line now."""
        stdin = self.stdin()
        return content if stdin is None or stdin.terminal is None else content.translate(WITHOUT_SIGNALS)


class LiveInputs:
    """The inputs of all attempts of this executor, and the handler of the follower that reads the stream."""

    def __init__(self, log: Log) -> None:
        """No attempt is under way."""
        self._log = log
        self._open: dict[str, LiveInput] = {}

    async def take(self, batch: list[Entry]) -> None:
        """Handler of the follower."""
        for entry in batch:
            try:
                _, job_id = parse_input(entry.subject)
            except SubjectError:
                continue
            if job_id in self._open:
                self._open[job_id].take(entry)

    @asynccontextmanager
    async def of(self, queued: JobQueued) -> AsyncIterator[LiveInput | None]:
        """The input of an attempt; None for a job that is not interactive."""
        if queued.interactive is UNSET:
            yield None
            return
        live = self._open[queued.job_id] = LiveInput(self._log, queued)
        live.read()
        try:
            yield live
        finally:
            if self._open.get(queued.job_id) is live:
                del self._open[queued.job_id]
            await live.close()
