"""Bounds how many whole jobs are read at a time, because each may take megabytes: of each user, and of all.

A request beyond the bound waits for its turn. Turns of one user are waited for by that user alone.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

USER_READS_MAX = 4
READS_MAX = 32
"""Of all users: with the largest jobs this takes about 170 MB."""


@dataclass(slots=True)
class _UserTurns:
    """Of one user; `wanted` requests wait for one or have it."""

    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(USER_READS_MAX))
    wanted: int = 0


class ReadingTurns:
    """Whose reads are under way in this process."""

    def __init__(self) -> None:
        """None yet."""
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
