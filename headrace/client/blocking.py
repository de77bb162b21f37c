"""Base of the client without an event loop: an `AsyncClient` on a loop in a thread of its own."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from anyio.from_thread import BlockingPortal, start_blocking_portal

from headrace.client.client import AsyncClient
from headrace.client.credentials import TokenSource
from headrace.client.errors import UsageError
from headrace.client.http import PATIENCE_S

P = ParamSpec("P")
T = TypeVar("T")


_of_parents: list[ExitStack] = []
"""Clients inherited through a fork. Freeing one would end it, and so wait for its thread."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """The portal to a loop, and its process."""

    portal: BlockingPortal
    thread_id: int
    process_id: int


class OpenedBlocking:
    """A client that blocks the caller's thread, open for the length of ``with``."""

    def __init__(
        self,
        api_url: str | None = None,
        token: TokenSource | None = None,
        *,
        websocket_url: str | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """See `AsyncClient`."""
        self._client = AsyncClient(api_url, token, websocket_url=websocket_url, patience_s=patience_s)
        self._open = ExitStack()
        self._opened: _Opened | None = None

    def __enter__(self) -> Self:
        """Start the loop. Raises UsageError if it runs already."""
        if self._opened is not None:
            raise UsageError("this client is open already")
        with ExitStack() as opening:
            portal = opening.enter_context(start_blocking_portal(name="headrace"))
            opening.enter_context(portal.wrap_async_context_manager(self._client))
            self._opened = _Opened(portal, portal.call(threading.get_ident), os.getpid())
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the loop and every call in progress."""
        opened, self._opened = self._opened, None
        if opened is not None and opened.process_id != os.getpid():
            # The thread with the loop is the parent's and does not exist here: there is nothing to wait for.
            _of_parents.append(self._open.pop_all())
            return
        self._open.__exit__(kind, error, trace)

    def _portal(self) -> BlockingPortal:
        """The portal to the loop. Raises UsageError if it is not open."""
        if self._opened is None:
            raise UsageError("this client is not open: use it within `with Client() as client:`")
        if self._opened.process_id != os.getpid():
            raise UsageError("this client was opened before the process was forked: open another one")
        if self._opened.thread_id == threading.get_ident():
            raise UsageError("a function that the client calls cannot call it: it would wait for itself")
        return self._opened.portal

    def _call(self, call: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **options: P.kwargs) -> T:
        answer = cast("Future[T]", self._portal().start_task_soon(partial(call, *args, **options)))
        try:
            return answer.result()
        except BaseException:
            # Ctrl-C ends the waiting: cancel the call too. A call that has ended is not affected.
            answer.cancel()
            raise

    def _each(self, source: AsyncGenerator[T, None]) -> Iterator[T]:
        ended = object()
        asking: asyncio.Task[Any] | None = None

        async def take() -> T | object:
            nonlocal asking
            asking = asyncio.current_task()
            try:
                return await anext(source, ended)
            finally:
                asking = None

        async def close() -> None:
            # Ctrl-C may come when the call was handed over and only this thread can cancel it.
            if asking is not None:
                asking.cancel()
                await asyncio.wait({asking})
            await source.aclose()

        try:
            while (item := self._call(take)) is not ended:
                yield cast("T", item)
        finally:
            # A stream that outlives the client has ended with it.
            with suppress(RuntimeError):
                self._call(close)
