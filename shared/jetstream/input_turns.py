"""What a process remembers of the jobs that it adds input to, one call at a time for each job."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from shared.domain.interaction import Interaction
from shared.domain.job_input import InputEnd
from shared.domain.token_bucket import TokenBucket
from shared.jetstream.errors import UnreachableError

JOBS_KNOWN_MAX = 4_096
"""Jobs whose input a process remembers. Any other is read again."""
PIECES_PER_S = 100.0
PIECES_BURST = 400.0


@dataclass(slots=True)
class Known:
    """What this process knows of one job."""

    pieces: TokenBucket
    interaction: Interaction | None = None
    """None until the job is read."""
    is_running: bool = False
    has_ended: bool = False
    end: InputEnd | None = None
    """None where it must be read: nothing is known, or the outcome of the last append."""
    calls: int = 0
    """Those under way."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class InputTurns:
    """Gives calls their turns."""

    def __init__(self, *, patience_s: float, jobs_max: int) -> None:
        """Let a call wait so long for its turn, and remember so many jobs."""
        self._patience_s = patience_s
        self._jobs_max = jobs_max
        self._clock = time.monotonic
        self._jobs: OrderedDict[tuple[str, str], Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._jobs)

    @asynccontextmanager
    async def turn(self, user_id: str, job_id: str) -> AsyncIterator[Known]:
        """What is known of the job, for one call. Raises UnreachableError if those before do not end."""
        key = user_id, job_id
        if key not in self._jobs:
            now = self._clock()
            self._jobs[key] = Known(TokenBucket(rate_per_s=PIECES_PER_S, burst=PIECES_BURST, now=now))
        self._jobs.move_to_end(key)
        known = self._jobs[key]
        known.calls += 1
        try:
            await self._acquire(known.turn, job_id)
            try:
                yield known
            finally:
                known.turn.release()
        finally:
            known.calls -= 1
            self._forget_some(key, known)

    def end(self, user_id: str, job_id: str) -> Known | None:
        """The job has ended: forget it. What was known of it, if anything."""
        known = self._jobs.pop((user_id, job_id), None)
        if known is not None:
            known.has_ended = True
        return known

    async def _acquire(self, turn: asyncio.Lock, job_id: str) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                await turn.acquire()
        except TimeoutError as error:
            raise UnreachableError(f"input of job {job_id} waits for the log") from error

    def _forget_some(self, key: tuple[str, str], known: Known) -> None:
        """Remember no job that takes no input, and not too many others. None is forgotten during a call."""
        if known.interaction is None and not known.calls and self._jobs.get(key) is known:
            del self._jobs[key]
        while len(self._jobs) > self._jobs_max:
            oldest = next((key for key, known in self._jobs.items() if not known.calls), None)
            if oldest is None:
                break
            del self._jobs[oldest]
