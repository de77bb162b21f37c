"""The client for programs without an event loop: every call blocks the caller's thread.

It only delegates to an `AsyncClient` on a loop in its own thread, so reconnection is implemented once.
"""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from anyio.from_thread import BlockingPortal, start_blocking_portal

from headrace.client.calling import Filter
from headrace.client.client import RESULT_TIMEOUT_S, AsyncClient
from headrace.client.credentials import TokenSource
from headrace.client.errors import UsageError
from headrace.client.http import PATIENCE_S
from headrace.client.models import (
    Artifacts,
    BatchItem,
    Erasure,
    JobShown,
    JobsPage,
    Language,
    Session,
    SessionCard,
    UploadedFile,
    Usage,
)
from headrace.client.reconnecting_stream import OnGap, ignore
from shared.contract.codec import EventObject
from shared.domain.record import JobSummary

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


class Client:
    """A client of one Headrace, open for the length of ``with``; threads may share it.

    Each method is `AsyncClient`'s of the same name, and raises the same. Functions passed in (a token's,
    `on_gap`) are called in another thread.
    """

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

    def submit(self, submission: Mapping[str, Any], *, key: str | None = None) -> JobShown:
        """Submit a program. Idempotent by key."""
        return self._call(self._client.submit, submission, key=key)

    def submit_all(
        self, submissions: Sequence[Mapping[str, Any]], *, key: str | None = None
    ) -> tuple[BatchItem, ...]:
        """Submit up to a hundred programs."""
        return self._call(self._client.submit_all, submissions, key=key)

    def run(
        self, submission: Mapping[str, Any], *, key: str | None = None, timeout_s: float = RESULT_TIMEOUT_S
    ) -> JobShown:
        """Submit, and return the finished job."""
        return self._call(self._client.run, submission, key=key, timeout_s=timeout_s)

    def result(self, job_id: str, *, timeout_s: float = RESULT_TIMEOUT_S) -> JobShown:
        """The job once it has ended."""
        return self._call(self._client.result, job_id, timeout_s=timeout_s)

    def get(self, job_id: str, *, as_of: int | datetime | None = None) -> JobShown:
        """One job as it stands, or as it stood."""
        return self._call(self._client.get, job_id, as_of=as_of)

    def cancel(self, job_id: str) -> JobShown:
        """Stop a job."""
        return self._call(self._client.cancel, job_id)

    def erase(self, user_id: str) -> Erasure:
        """Begin or continue to erase a user."""
        return self._call(self._client.erase, user_id)

    def dead_letters(self, *, cursor: str | None = None, limit: int | None = None) -> JobsPage:
        """A page of all users' dead letters."""
        return self._call(self._client.dead_letters, cursor=cursor, limit=limit)

    def every_dead_letter(self) -> Iterator[JobSummary]:
        """Those of all pages."""
        return self._each(self._client.every_dead_letter())

    def retry(self, job_id: str) -> JobShown:
        """Submit a dead letter's program again for its user."""
        return self._call(self._client.retry, job_id)

    def sessions(self) -> tuple[SessionCard, ...]:
        """The caller's saved documents."""
        return self._call(self._client.sessions)

    def session(self, session_id: str, *, revision: int | None = None) -> Session:
        """One saved document."""
        return self._call(self._client.session, session_id, revision=revision)

    def put_file(self, content: bytes) -> UploadedFile:
        """Upload a file, to be named in submissions."""
        return self._call(self._client.put_file, content)

    def files(self) -> tuple[UploadedFile, ...]:
        """The caller's uploaded files."""
        return self._call(self._client.files)

    def delete_file(self, file: str) -> None:
        """Remove an uploaded file."""
        return self._call(self._client.delete_file, file)

    def usage(self) -> Usage:
        """What the caller holds of everything that users share."""
        return self._call(self._client.usage)

    def jobs(self, **filters: Filter) -> JobsPage:
        """A page of the caller's jobs."""
        return self._call(self._client.jobs, **filters)

    def every_job(self, **filters: Filter) -> Iterator[JobSummary]:
        """The jobs of all pages."""
        return self._each(self._client.every_job(**filters))

    def languages(self) -> tuple[Language, ...]:
        """The languages that can be run right now."""
        return self._call(self._client.languages)

    def history(self, job_id: str) -> list[EventObject]:
        """One job's events as stored."""
        return self._call(self._client.history, job_id)

    def artifacts(self, job_id: str) -> Artifacts:
        """The files that a finished job left."""
        return self._call(self._client.artifacts, job_id)

    def artifact(self, job_id: str, path: str) -> Iterator[bytes]:
        """Stream one file of a finished job, in chunks."""
        return self._each(self._client.artifact(job_id, path))

    def replay(
        self,
        *,
        after: int = 0,
        kind: str | Sequence[str] | None = None,
        job_id: str | None = None,
        stored_from: datetime | None = None,
        stored_to: datetime | None = None,
        user_id: str | None = None,
        everyone: bool = False,
    ) -> Iterator[EventObject]:
        """All of the caller's events in the log."""
        return self._each(
            self._client.replay(
                after=after,
                kind=kind,
                job_id=job_id,
                stored_from=stored_from,
                stored_to=stored_to,
                user_id=user_id,
                everyone=everyone,
            )
        )

    def follow(
        self, job_id: str = "*", *, after: str = "start", until_now: bool = False, on_gap: OnGap = ignore
    ) -> Iterator[EventObject]:
        """One job's events until it ends, or (``*``) all jobs' without end."""
        return self._each(self._client.follow(job_id, after=after, until_now=until_now, on_gap=on_gap))

    def stream(self, job_id: str, *, after: str = "start", on_gap: OnGap = ignore) -> Iterator[EventObject]:
        """One job's events and its output, live, until it ends."""
        return self._each(self._client.stream(job_id, after=after, on_gap=on_gap))

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
