"""Bounds the concurrent reads of whole jobs, per user and in total, because each may take megabytes.

A request beyond the bound waits for its turn. A user at the bound delays only that user's own requests.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

USER_READS_MAX = 4
READS_MAX = 32
"""Reads of all users: with the largest jobs they take about 170 MB."""


@dataclass(slots=True)
class _UserTurns:
    """Turns of one user; `wanted` requests wait for a turn or have one."""

    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(USER_READS_MAX))
    wanted: int = 0


class ReadingTurns:
    """The current reads of this process."""

    def __init__(self) -> None:
        """Start without reads."""
        self._free = asyncio.Semaphore(READS_MAX)
        self._of_user: dict[str, _UserTurns] = {}

    @asynccontextmanager
    async def turn(self, user_id: str) -> AsyncIterator[None]:
        """Wait for a turn, which ends with the context."""
        turns = self._of_user.setdefault(user_id, _UserTurns())
        turns.wanted += 1
        try:
            async with turns.free, self._free:
                yield
        finally:
            turns.wanted -= 1
            if not turns.wanted:
                del self._of_user[user_id]
