"""Another user's small programs, one after another all the while, and how long each of them took.

They work beside every attack, and rest while it is looked whether an attack left anything behind.
"""

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator

from shared.domain.events import Limits
from tests.security.arena import Arena
from tests.security.submission import Outcome, Submission

NAME = "nora"
PROGRAM = Submission("python", "import time; time.sleep(0.1); print(42)", limits=Limits())
"""Most of its time it waits, so that many of them take little from what is tested."""
ALONE = 7
SLOWER_MAX = 3.0
FLOOR_S = 1.2
"""A neighbour may always take this long: a second, and its own waiting. Thirty-two processes share two
processors with it; three times its baseline is less than a round of the scheduler in a crowd."""
USUAL_SHARE = 0.9
"""How many of them must be as fast as that. A few wait for what the test itself does meanwhile."""
LONGEST_S = 5.0


class Neighbour:
    """Works from `begin` to `end`."""

    def __init__(self, arena: Arena) -> None:
        """Nothing happens yet."""
        self._arena = arena
        self._baseline_s = 0.0
        self._seen: list[Outcome] = []
        self._ended = asyncio.Event()
        self._may_work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Measure how long a program takes when there is no attack, and begin to work."""
        alone = [await self._arena.run(NAME, PROGRAM) for _ in range(ALONE)]
        assert [_harm(each) for each in alone] == [None] * ALONE
        self._baseline_s = statistics.median(each.lasted_s for each in alone)
        self._may_work.set()
        self._task = asyncio.create_task(self._work())

    async def end(self) -> None:
        """Work no more."""
        async with self.resting():
            assert self._task is not None
            self._task.cancel()
            await asyncio.wait({self._task})

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[list[str]]:
        """After the context the list says what was wrong with those that ended within; one does at least."""
        faults: list[str] = []
        begun = len(self._seen)
        yield faults
        while len(self._seen) == begun:
            self._ended.clear()
            await self._ended.wait()
        faults += self._faults(self._seen[begun:])

    @contextlib.asynccontextmanager
    async def resting(self) -> AsyncIterator[None]:
        """No program of this user runs within the context."""
        self._may_work.clear()
        await self._idle.wait()
        try:
            yield
        finally:
            self._may_work.set()

    async def _work(self) -> None:
        while True:
            await self._may_work.wait()
            self._idle.clear()
            try:
                self._seen.append(await self._arena.run(NAME, PROGRAM))
            finally:
                self._idle.set()
                self._ended.set()

    def _faults(self, outcomes: list[Outcome]) -> list[str]:
        faults = [harm for each in outcomes if (harm := _harm(each))]
        lasted = sorted(each.lasted_s for each in outcomes)
        usual, most = lasted[int(USUAL_SHARE * (len(lasted) - 1))], self._baseline_s * SLOWER_MAX
        if usual > max(most, FLOOR_S) or lasted[-1] > LONGEST_S:
            figures = f"{statistics.median(lasted):.2f} s (median), {usual:.2f} s ({USUAL_SHARE:.0%})"
            figures += f", {lasted[-1]:.2f} s (longest); alone {self._baseline_s:.2f} s"
            faults.append(f"{len(lasted)} programs of a neighbour took {figures}")
        return faults


def _harm(outcome: Outcome) -> str | None:
    if (outcome.ending, outcome.stdout) == ("completed", b"42\n"):
        return None
    return f"a neighbour came to harm: {outcome}"
