"""Publishes one attempt's output and progress to the feed while the program runs.

Output and input of an interactive job are shown at once, and coalesced only under load. Those of any other
are coalesced: what comes after progress waits for FIRST_S, because a short program is over by then, and after
output at most one round is sent every 50 ms or 16 KiB, whichever comes first. What was not sent when the
program has ended is left to the terminal event. The feed may lose notes (they are counted); the terminal
event holds all output that was kept, so correctness does not depend on the feed.
"""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET

from services.executor.attempts.feed_backlog import PIECE_BYTES, FeedBacklog, FeedEnd, Piece
from services.executor.attempts.feed_shares import FeedShares
from shared.contract.codec import encode
from shared.contract.subjects import feed_note
from shared.domain.enumerations import StageName, StreamName
from shared.domain.events import FeedNote, InputMessage, JobOutput, JobProgress, JobQueued, kind_of
from shared.domain.output_text import as_text
from shared.domain.token_bucket import TokenBucket
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

FIRST_S = 0.008
"""Longer than a short program takes from its first output to its end, and too short to be seen."""
INTERVAL_S = 0.05
ANSWER_TIMEOUT_S = 1.0
OVER_SHARE = "live output is over your share of the feed: the result has what was kept"
LIVE_ROUNDS_PER_S = 100.0
LIVE_ROUNDS_BURST = 50.0
"""Rounds of notes of an interactive job: what people type and see is far below."""
RESERVE_NOTE_BYTES = 1024
RESERVE_NOTES_PER_S = 8.0
RESERVE_NOTES_BURST = 40.0
"""Notes of an interactive job that may be sent beyond its user's share, up to twice of it."""
SURE_ATTEMPTS_MAX = 5
"""Each takes ANSWER_TIMEOUT_S if there is no response."""


class Feed:
    """Publishes one attempt's notes. `write` and `progress` never block; `run` sends."""

    def __init__(self, broker: Broker, shares: FeedShares, queued: JobQueued, attempt: int) -> None:
        """Start with nothing to send; send no more than the share of the job's user."""
        self._broker = broker
        self._shares = shares
        self._is_short = False
        self._queued = queued
        self._attempt = attempt
        self._backlog = FeedBacklog()
        self._is_patient = True
        self._wake = asyncio.Event()
        self._full = asyncio.Event()
        self._closing = False
        self._last_sequence = 0
        self._is_unsure = False
        self._newest: JobProgress | None = None
        self._live: TokenBucket | None = None
        self._reserve: TokenBucket | None = None
        if queued.interactive is not UNSET:
            now = asyncio.get_running_loop().time()
            self._live = TokenBucket(rate_per_s=LIVE_ROUNDS_PER_S, burst=LIVE_ROUNDS_BURST, now=now)
            self._reserve = TokenBucket(rate_per_s=RESERVE_NOTES_PER_S, burst=RESERVE_NOTES_BURST, now=now)

    def write(self, stage: StageName, stream: StreamName, piece: bytes) -> None:
        """Add output of one stream."""
        self._backlog.write(stage, stream, piece)
        self._wake.set()
        if self._backlog.waiting_bytes >= PIECE_BYTES:
            self._full.set()

    def progress(
        self, stage: StageName, percent: int, message: str, remaining_s: float | None = None
    ) -> None:
        """Report the attempt's progress; earlier output is sent first."""
        self._newest = JobProgress(
            **self._about(),
            stage=stage,
            percent=percent,
            message=message,
            remaining_s=remaining_s,
        )
        self._backlog.add(self._newest)
        self._is_patient = True
        self._wake.set()

    def show_input(self, message: InputMessage) -> None:
        """Show what the program is given; earlier output is sent first."""
        self._backlog.add(msgspec.structs.replace(message, attempt=self._attempt, time=datetime.now(UTC)))
        self._wake.set()

    async def run(self) -> None:
        """Send until `close` is called."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._is_patient and self._live is None:
                self._is_patient = False
                await self._pause(FIRST_S)
            if self._closing:
                return
            self._full.clear()
            has_output = await self._send(final=False)
            if self._live is not None:
                await self._pause_under_load(self._live)
            elif has_output:
                # Progress is rare, and output after it is not delayed by more than FIRST_S.
                await self._pause(INTERVAL_S)

    async def close(self, running: asyncio.Task[None], *, last_stage: StageName | None = None) -> FeedEnd:
        """End `run`, and send what is left.

        With `last_stage` a result follows, which has all output of this stage: what is left is not sent but
        returned, as far as the result has it.
        """
        self._closing = True
        self._wake.set()
        self._full.set()
        await running
        is_told = last_stage is not None and self._backlog.is_kept_by_result(last_stage)
        if is_told and not self._is_unsure:
            return FeedEnd(self._last_sequence, self._backlog.leave())
        await self._send(final=True)
        await self._make_sure()
        return FeedEnd(self._last_sequence)

    async def _pause(self, seconds: float) -> None:
        """Wait until there is much to send, the feed is closed, or so much time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._full.wait()
        except TimeoutError:
            pass

    async def _pause_under_load(self, rounds: TokenBucket) -> None:
        if not rounds.take(asyncio.get_running_loop().time()):
            await self._pause(rounds.wait_s(1))

    async def _make_sure(self) -> None:
        """Resend the newest progress until it is acknowledged.

        A note without an acknowledgement may still be stored, and then follow the job's end. It cannot be
        stored after a later note that was acknowledged.
        """
        for _ in range(SURE_ATTEMPTS_MAX):
            if not self._is_unsure or self._newest is None:
                return
            self._is_unsure = False
            self._backlog.add(msgspec.structs.replace(self._newest, time=datetime.now(UTC)))
            await self._send(final=True)

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

    def _output(self, piece: Piece) -> JobOutput:
        content, encoding = as_text(piece.content)
        return JobOutput(
            **self._about(),
            stage=piece.stage,
            stream=piece.stream,
            offset=piece.offset,
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

    async def _send(self, *, final: bool) -> bool:
        """Send what may be sent; returns whether there was output among it."""
        notes = [
            self._output(one) if isinstance(one, Piece) else one for one in self._backlog.take(final=final)
        ]
        # Requests on one connection are stored in the order in which they were sent.
        for sequence in await asyncio.gather(*(self._send_one(note) for note in notes)):
            # The newest, not the highest: a server that lost the feed's end reuses sequences.
            self._last_sequence = sequence or self._last_sequence
        return any(isinstance(note, JobOutput) for note in notes)

    def _has_reserve(self, size: int) -> bool:
        """Whether a note may be sent beyond the share: a little of each interactive job.

        So its user goes on seeing what it answers after a flood of another one.
        """
        if self._reserve is None or size > RESERVE_NOTE_BYTES:
            return False
        return self._reserve.take(asyncio.get_running_loop().time())

    async def _send_one(self, note: FeedNote) -> int | None:
        """Send one note; its sequence in the feed, or None if unknown."""
        subject, payload = feed_note(note.user_id, note.job_id, kind_of(note)), encode(note)
        beyond = 2 if self._has_reserve(len(payload)) else 1
        if not self._shares.spend(note.user_id, len(payload), beyond=beyond):
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
