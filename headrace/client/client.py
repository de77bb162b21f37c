"""The client: submits programs, reads jobs, and follows their events over a connection that may break.

Every failure is one of `headrace.client.errors`. docs/client.md has examples.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from headrace.client.calling import Filter, decode, job_path, params_of
from headrace.client.conversation import RESULT_TIMEOUT_S, Conversation
from headrace.client.endpoint import Endpoint, websocket_at
from headrace.client.errors import NotFinishedError, ProblemAnswerError, UnreachableError
from headrace.client.input_calls import InputCalls
from headrace.client.models import (
    Artifacts,
    Batch,
    BatchItem,
    History,
    Index,
    JobShown,
    JobsPage,
    Language,
    Languages,
)
from headrace.client.other_calls import OperatorCalls, OwnCalls
from headrace.client.reconnecting_stream import Following, OnGap, ignore
from shared.contract.codec import EventObject
from shared.domain.record import JobSummary

NOT_FOUND, CONFLICT = 404, 409


class AsyncClient(OperatorCalls, OwnCalls, InputCalls):
    """A client of one Headrace, open for the length of ``async with``. All calls raise HeadraceError."""

    async def submit(self, submission: Mapping[str, Any], *, key: str | None = None) -> JobShown:
        """Submit a program. Idempotent by `key`: one key makes one job. Without a key, a random one is
        used."""
        return await self._post("/v1/jobs", submission, JobShown, key)

    async def submit_all(
        self, submissions: Sequence[Mapping[str, Any]], *, key: str | None = None
    ) -> tuple[BatchItem, ...]:
        """Submit up to a hundred programs, each accepted or refused by itself. Idempotent by key.

        A submission refused temporarily (429, 503) is not retried alone: the whole batch with the same key
        is.
        """
        return (await self._post("/v1/jobs/batch", {"jobs": submissions}, Batch, key)).jobs

    async def run(
        self, submission: Mapping[str, Any], *, key: str | None = None, timeout_s: float = RESULT_TIMEOUT_S
    ) -> JobShown:
        """Submit, and return the finished job. Raises NotFinishedError, and then the job continues."""
        job = await self.submit(submission, key=key)
        return job if job.is_finished else await self._wait_until_finished(job.job_id, timeout_s)

    async def result(self, job_id: str, *, timeout_s: float = RESULT_TIMEOUT_S) -> JobShown:
        """The job once it has ended. Raises NotFinishedError."""
        job = await self.get(job_id)
        return job if job.is_finished else await self._wait_until_finished(job_id, timeout_s)

    @asynccontextmanager
    async def interact(
        self, job: Mapping[str, Any] | str, *, key: str | None = None
    ) -> AsyncIterator[Conversation]:
        """Talk with a program while it runs: one submitted now as interactive, or the job of this id.

        Leaving the context ends neither the job nor its input.
        """
        if isinstance(job, str):
            conversation = Conversation(self, await self.get(job))
        else:
            submitted = await self.submit({**job, "interactive": True}, key=key)
            # A job of a known key may have been given input before.
            conversation = Conversation(self, submitted, offset=0 if key is None else None)
        try:
            yield conversation
        finally:
            await conversation.close()

    async def get(self, job_id: str, *, as_of: int | datetime | None = None) -> JobShown:
        """One job as it stands, or as it stood at a sequence of the log, or at a time."""
        return await self._get(job_path(job_id), JobShown, params_of({"as_of": as_of}))

    async def cancel(self, job_id: str) -> JobShown:
        """Stop a job. A job that is already cancelled is no error, one that ended otherwise is."""
        try:
            return decode(await self._ready.calls.call("POST", f"{job_path(job_id)}/cancel"), JobShown)
        except ProblemAnswerError as refusal:
            # The response to this very call may have been lost, and the call retried.
            if refusal.status == CONFLICT and (job := await self.get(job_id)).status == "cancelled":
                return job
            raise

    async def jobs(self, **filters: Filter) -> JobsPage:
        """A page of the caller's jobs: `status`, `language`, `label` (``name=value``), `created_from`, …"""
        return await self._get("/v1/jobs", JobsPage, params_of(filters))

    async def every_job(self, **filters: Filter) -> AsyncGenerator[JobSummary, None]:
        """The jobs of all pages, without what only `get` returns: files, arguments, result."""
        page = await self.jobs(**filters)
        while True:
            for job in page.jobs:
                yield job
            if page.next is None:
                return
            page = await self.jobs(**{**filters, "cursor": page.next})

    async def languages(self) -> tuple[Language, ...]:
        """The languages that can be run right now."""
        return (await self._get("/v1/languages", Languages)).languages

    async def history(self, job_id: str) -> list[EventObject]:
        """One job's events as stored."""
        return (await self._get(f"{job_path(job_id)}/events", History)).events

    async def artifacts(self, job_id: str) -> Artifacts:
        """The files that a finished job left, and those requested but not kept."""
        return await self._get(f"{job_path(job_id)}/artifacts", Artifacts)

    async def artifact(self, job_id: str, path: str) -> AsyncGenerator[bytes, None]:
        """Stream one file of a finished job, in chunks."""
        async with aclosing(
            self._ready.calls.pieces(f"{job_path(job_id)}/artifacts/{quote(path)}")
        ) as pieces:
            async for piece in pieces:
                yield piece

    async def replay(
        self,
        *,
        after: int = 0,
        kind: str | Sequence[str] | None = None,
        job_id: str | None = None,
        stored_from: datetime | None = None,
        stored_to: datetime | None = None,
        user_id: str | None = None,
        everyone: bool = False,
    ) -> AsyncGenerator[EventObject, None]:
        """All of the caller's events in the log (with the scope: another user's, or all), in order."""
        filters: dict[str, Filter] = {
            "type": kind,
            "job_id": job_id,
            "from": stored_from,
            "to": stored_to,
            "user": user_id,
        }
        if everyone:
            filters["all"] = "true"
        while True:
            began = after
            try:
                async with aclosing(
                    self._lines("/v1/events", params_of({**filters, "after": after}))
                ) as lines:
                    async for line in lines:
                        event = decode(line, EventObject)
                        after = event.seq or after
                        yield event
                    return
            except UnreachableError:
                # The connection broke: resume after the last event, but not if there was none.
                if after == began:
                    raise

    async def follow(
        self, job_id: str = "*", *, after: str = "start", until_now: bool = False, on_gap: OnGap = ignore
    ) -> AsyncGenerator[EventObject, None]:
        """One job's events until it ends, or (``*``) all jobs' without end, across reconnections.

        `after` is the cursor of an event, ``start`` or ``now``; `until_now` ends it at the last event that
        exists. `on_gap` is told of output that is no longer kept. Raises ClosedError and HistoryLostError.
        """
        following = Following(
            self._ready.session,
            await self._websocket_url(),
            self._credentials,
            job_id,
            after,
            on_gap,
            until_now,
        )
        async with aclosing(following.events()) as events:
            async for event in events:
                yield event

    async def stream(
        self, job_id: str, *, after: str = "start", on_gap: OnGap = ignore
    ) -> AsyncGenerator[EventObject, None]:
        """One job's events and its output, live, until it ends."""
        async with aclosing(self.follow(job_id, after=after, on_gap=on_gap)) as events:
            async for event in events:
                yield event

    async def _websocket_url(self) -> str:
        """The address of the WebSocket: as given, else from the api, which is asked once."""
        if self._endpoint.websocket_url is None:
            try:
                link = (await self._get("/v1/", Index)).links["websocket"]
            except ProblemAnswerError as refusal:
                if refusal.status != NOT_FOUND:
                    raise
                link = "/v1/ws"  # an api that does not name it yet
            self._endpoint = replace(self._endpoint, websocket_url=websocket_at(self._endpoint.api_url, link))
        assert self._endpoint.websocket_url is not None
        return self._endpoint.websocket_url

    async def _wait_until_finished(self, job_id: str, timeout_s: float) -> JobShown:
        waiting = asyncio.timeout(timeout_s)
        try:
            async with waiting:
                # Only the end is wanted, so nothing earlier is read; a job that has ended reports so.
                async for _ in self.follow(job_id, after="now"):
                    pass
        except TimeoutError as error:
            if not waiting.expired():
                raise
            raise NotFinishedError(job_id, timeout_s) from error
        return await self.get(job_id)


def open_client(endpoint: Endpoint) -> AsyncClient:
    """A client of a known service, to be opened with ``async with``."""
    return AsyncClient(endpoint.api_url, endpoint.token, websocket_url=endpoint.websocket_url)
