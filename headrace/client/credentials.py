"""The caller's token: a fixed text, or a function that returns a fresh one on demand."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias

TokenSource: TypeAlias = str | Callable[[], str | Awaitable[str]]
"""A function is called on the client's event loop; one that waits should be a coroutine function."""


class Credentials:
    """The token in use. What the source raises goes to the call that needed the token."""

    def __init__(self, source: TokenSource) -> None:
        """Defer calling the source until the first token is needed."""
        self._source = source
        self._token = source if isinstance(source, str) else None
        self._asking = asyncio.Lock()

    @property
    def can_be_renewed(self) -> bool:
        """Whether a new token can be had."""
        return not isinstance(self._source, str)

    async def token(self) -> str:
        """The token in use."""
        return await self.other_than(None)

    async def other_than(self, old: str | None) -> str:
        """The token in use, if it is not `old`, else the source's next one; concurrent callers share it."""
        async with self._asking:
            if self._token is None or self._token == old:
                self._token = await self._next()
            return self._token

    async def _next(self) -> str:
        if isinstance(self._source, str):
            return self._source
        token = self._source()
        return await token if inspect.isawaitable(token) else token
