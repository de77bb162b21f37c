"""`Prefer: wait=N` (RFC 7240): delays the response until the job has ended, for at most N seconds.

The follower of the log reports the end; there is no polling. The preference is ignored if the user's waits
have used up the share of places. A client that disconnects frees its place at once.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header
from starlette.requests import Request

from services.api.jobs.queries import Queries
from services.api.quotas.unfinished_jobs import UnfinishedJobs
from services.api.settings import ApiSettings
from shared.auth import WAITS_CLAIM, Caller
from shared.domain.record import JobRecord
from shared.domain.shares import Places
from shared.observability import metrics

PREFER_MAX = 1_024

Prefer = Annotated[
    str | None,
    Header(max_length=PREFER_MAX, description="`wait=N`: answer when the job has ended, or after N s"),
]

Disconnected = Callable[[], Awaitable[None]]

_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,9})\"?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Waited:
    """The job after the wait, and the granted seconds; None without a wait."""

    job: JobRecord
    granted_s: float | None

    @property
    def headers(self) -> dict[str, str]:
        """`Preference-Applied`, if there was a wait."""
        return {} if self.granted_s is None else {"Preference-Applied": f"wait={self.granted_s:g}"}


class JobWaiter:
    """Lets a bounded number of requests wait for the end of jobs."""

    def __init__(self, standing: UnfinishedJobs, queries: Queries, settings: ApiSettings) -> None:
        """`standing` reports ends, `queries` reads jobs."""
        self._standing = standing
        self._queries = queries
        self._settings = settings
        self.places = Places(settings.waits_max)

    def most(self, caller: Caller) -> int:
        """The caller's maximum of places, regardless of other users."""
        return caller.share(WAITS_CLAIM, self._settings.user_waits, self._settings.user_waits_max)

    async def wait_until_finished(
        self, caller: Caller, job_id: str, wait_s: float | None, disconnected: Disconnected
    ) -> Waited:
        """The job once it has ended, or its state when the wait is over. Raises ProblemError.

        Without `wait_s`, the job's current state. `disconnected` returns when the client has disconnected.
        """
        user_id = caller.user_id
        if wait_s is None:
            return Waited(await self._queries.job(user_id, job_id), None)
        if not self.places.take(user_id, self.most(caller)):
            metrics.REFUSED.labels(why="waits").inc()
            return Waited(await self._queries.job(user_id, job_id), None)
        granted_s = min(wait_s, self._settings.wait_s_max)
        try:
            with self._standing.end_of(job_id) as ended, metrics.WAITS.track_inprogress():
                job = await self._queries.job(user_id, job_id)
                if (
                    not job.is_finished
                    and granted_s > 0
                    and not await _is_left(disconnected, ended, granted_s)
                ):
                    job = await self._queries.job(user_id, job_id)
        finally:
            self.places.leave(user_id)
        return Waited(job, granted_s)


async def _is_left(disconnected: Disconnected, ended: asyncio.Event, wait_s: float) -> bool:
    """Wait until the job ends, the time is up, or the client disconnects; returns whether it disconnected."""
    leaving = asyncio.ensure_future(disconnected())
    ending = asyncio.create_task(ended.wait())
    try:
        await asyncio.wait({leaving, ending}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        return leaving.done() and not ending.done()
    finally:
        leaving.cancel()
        ending.cancel()


def disconnect_of(request: Request) -> Disconnected:
    """A function that returns when the client disconnects; the request's body must have been read before."""

    async def disconnected() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    return disconnected


def wait_of(prefer: str | None) -> int | None:
    """The seconds of the first `wait` in a Prefer header; None without one."""
    for preference in (prefer or "").split(","):
        name = preference.partition(";")[0].strip()
        if found := _WAIT.fullmatch(name):
            return int(found[1])
    return None
