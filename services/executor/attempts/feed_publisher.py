"""Publishes one attempt's output and progress to the feed while the program runs.

Coalesced: the first piece is sent at once, then at most one round every 50 ms or 16 KiB, whichever comes
first, and never half a UTF-8 character. The feed may lose notes (they are counted); the terminal event holds
all output that was kept, so correctness does not depend on the feed.
"""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.executor.attempts.feed_shares import FeedShares
from services.executor.attempts.outcome import as_text, incomplete_tail
from shared.contract.codec import encode
from shared.contract.subjects import feed_note
from shared.domain.enumerations import StageName, StreamName
from shared.domain.events import FeedNote, JobOutput, JobProgress, JobQueued, kind_of
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

INTERVAL_S = 0.05
PIECE_BYTES = 16 * 1024
ANSWER_TIMEOUT_S = 1.0
OVER_SHARE = "live output is over your share of the feed: the result has what was kept"
SURE_ATTEMPTS_MAX = 5
"""Each takes ANSWER_TIMEOUT_S if there is no response."""


@dataclass(slots=True)
class _Stream:
    """Unsent bytes of one stream of one stage; `sent` counts those that were sent."""

    waiting: bytearray = field(default_factory=bytearray)
    sent: int = 0


class Feed:
    """Publishes one attempt's notes. `write` and `progress` never block; `run` sends."""

    def __init__(self, broker: Broker, shares: FeedShares, queued: JobQueued, attempt: int) -> None:
        """Start with nothing to send; send no more than the share of the job's user."""
        self._broker = broker
        self._shares = shares
        self._is_short = False
        self._queued = queued
        self._attempt = attempt
        self._streams: dict[tuple[StageName, StreamName], _Stream] = {}
        self._notes: list[FeedNote] = []
        self._wake = asyncio.Event()
        self._full = asyncio.Event()
        self._closing = False
        self._last_sequence = 0
        self._is_unsure = False
        self._newest: JobProgress | None = None

    def write(self, stage: StageName, stream: StreamName, piece: bytes) -> None:
        """Add output of one stream."""
        waiting = self._streams.setdefault((stage, stream), _Stream()).waiting
        waiting += piece
        self._wake.set()
        if len(waiting) >= PIECE_BYTES:
            self._full.set()

    def progress(
        self, stage: StageName, percent: int, message: str, remaining_s: float | None = None
    ) -> None:
        """Report the attempt's progress; earlier output is sent first."""
        self._collect(final=False)
        self._newest = JobProgress(
            **self._about(),
            stage=stage,
            percent=percent,
            message=message,
            remaining_s=remaining_s,
        )
        self._notes.append(self._newest)
        self._wake.set()

    async def run(self) -> None:
        """Send until `close` is called."""
        while not self._closing:
            await self._wake.wait()
            self._wake.clear()
            if not self._closing:
                self._full.clear()
            self._collect(final=False)
            if not await self._send():
                continue  # progress is rare, and output after it is not delayed
            try:
                async with asyncio.timeout(INTERVAL_S):
                    await self._full.wait()
            except TimeoutError:
                pass

    async def close(self, running: asyncio.Task[None]) -> int:
        """End `run`, send what is left; returns the feed's sequence of the last note, 0 if there was none."""
        self._closing = True
        self._wake.set()
        self._full.set()
        await running
        self._collect(final=True)
        await self._send()
        await self._make_sure()
        return self._last_sequence

    async def _make_sure(self) -> None:
        """Resend the newest progress until it is acknowledged.

        A note without an acknowledgement may still be stored, and then follow the job's end. It cannot be
        stored after a later note that was acknowledged.
        """
        for _ in range(SURE_ATTEMPTS_MAX):
            if not self._is_unsure or self._newest is None:
                return
            self._is_unsure = False
            self._notes.append(msgspec.structs.replace(self._newest, time=datetime.now(UTC)))
            await self._send()

    def _collect(self, *, final: bool) -> None:
        for (stage, name), stream in self._streams.items():
            keep = 0 if final else incomplete_tail(stream.waiting)
            ready = bytes(stream.waiting[: len(stream.waiting) - keep])
            del stream.waiting[: len(ready)]
            for piece in _pieces(ready):
                self._notes.append(self._output(stage, name, stream.sent, piece))
                stream.sent += len(piece)

    def _about(self) -> dict[str, Any]:
        """The fields that every note of this attempt has."""
        return {
            "job_id": self._queued.job_id,
            "user_id": self._queued.user_id,
            "time": datetime.now(UTC),
            "request_id": self._queued.request_id,
            "trace": self._queued.trace,
            "attempt": self._attempt,
        }

    def _output(self, stage: StageName, stream: StreamName, offset: int, piece: bytes) -> JobOutput:
        content, encoding = as_text(piece)
        return JobOutput(
            **self._about(),
            stage=stage,
            stream=stream,
            offset=offset,
            content=content,
            encoding=encoding,
        )

    def _shorten(self, note: JobOutput) -> JobProgress:
        """A note sent once in place of the first output left out; later output may fit again."""
        newest = self._newest
        return JobProgress(
            **self._about(),
            stage=note.stage,
            percent=0 if newest is None else newest.percent,
            message=OVER_SHARE,
            remaining_s=None if newest is None else newest.remaining_s,
        )

    async def _send(self) -> bool:
        """Send the collected notes; returns whether there was output among them."""
        notes, self._notes = self._notes, []
        # Requests on one connection are stored in the order in which they were sent.
        for sequence in await asyncio.gather(*(self._send_one(note) for note in notes)):
            # The newest, not the highest: a server that lost the feed's end reuses sequences.
            self._last_sequence = sequence or self._last_sequence
        return any(isinstance(note, JobOutput) for note in notes)

    async def _send_one(self, note: FeedNote) -> int | None:
        """Send one note; its sequence in the feed, or None if unknown."""
        subject, payload = feed_note(note.user_id, note.job_id, kind_of(note)), encode(note)
        if not self._shares.spend(note.user_id, len(payload)):
            if self._is_short or not isinstance(note, JobOutput):
                return None
            self._is_short = True
            shortened = self._shorten(note)
            payload = encode(shortened)
            subject = feed_note(note.user_id, note.job_id, kind_of(shortened))
            if not self._shares.spend(note.user_id, len(payload), beyond=2):
                return None
        try:
            answer = await self._broker.request(subject, payload, timeout_s=ANSWER_TIMEOUT_S)
            return int(json.loads(answer.data)["seq"])
        except (BrokerError, KeyError, ValueError) as error:
            self._is_unsure = True
            metrics.FEED_LOST.inc()
            logger.warning("feed_note_lost", job_id=note.job_id, why=str(error))
            return None


def _pieces(content: bytes) -> list[bytes]:
    """Split at whole characters into pieces of at most PIECE_BYTES."""
    pieces = []
    while content:
        piece = content[:PIECE_BYTES]
        if len(piece) < len(content):
            piece = piece[: len(piece) - incomplete_tail(piece)]
        pieces.append(piece)
        content = content[len(piece) :]
    return pieces
