"""One question to the server for all callers that ask it in the same moment.

No caller is given the answer to a question that was under way before: it may be of the time before.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedQuestion(Generic[T]):
    """At most one is under way; those that come meanwhile share the next one."""

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        """`ask` sends the question; what it raises, every caller is given."""
        self._ask = ask
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[T] | None = None

    async def answer(self) -> T:
        """What the server says after this call began."""
        if self._next is None:
            self._next = asyncio.create_task(self._run())
            self._next.add_done_callback(_retrieve)
        # A caller that is cancelled does not end the question of the others.
        return await asyncio.shield(self._next)

    async def _run(self) -> T:
        async with self._turn:
            self._next = None
            return await self._ask()


def _retrieve(done: "asyncio.Task[object]") -> None:
    """Every caller may be gone: then nothing else looks at the failure."""
    if not done.cancelled():
        done.exception()
