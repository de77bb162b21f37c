"""`Prefer: wait=N` (RFC 7240): an answer that comes when the job has ended, or after N seconds as it stands.

Nothing is polled: the end is seen in the log. A preference may be ignored, and is where too many wait.
"""

import asyncio
import contextlib
import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header

from services.api.queries import Queries
from services.api.settings import ApiSettings
from services.api.standing import Standing
from shared import metrics
from shared.record import JobRecord

PREFER_MAX = 1_024

Prefer = Annotated[
    str | None,
    Header(max_length=PREFER_MAX, description="`wait=N`: answer when the job has ended, or after N s"),
]

_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,9})\"?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Waited:
    """The job after the wait, and the seconds that were granted; None if there was no wait."""

    job: JobRecord
    granted_s: int | None

    @property
    def headers(self) -> dict[str, str]:
        """What says that the preference was heeded."""
        return {} if self.granted_s is None else {"Preference-Applied": f"wait={self.granted_s}"}


class Waiting:
    """Lets requests wait for the end of jobs, so many at a time."""

    def __init__(self, standing: Standing, queries: Queries, settings: ApiSettings) -> None:
        """See ends by `standing`, read jobs by `queries`."""
        self._standing = standing
        self._queries = queries
        self._settings = settings

    async def finished(self, user_id: str, job_id: str, prefer: str | None) -> Waited:
        """The job when it has ended, or else as it stands when the wait is over. Raises ProblemError."""
        wanted_s = wait_of(prefer)
        if wanted_s is None or self._standing.waits >= self._settings.waits_max:
            return Waited(await self._queries.job(user_id, job_id), None)
        granted_s = min(wanted_s, self._settings.wait_s_max)
        with self._standing.end_of(job_id) as ended, metrics.WAITS.track_inprogress():
            job = await self._queries.job(user_id, job_id)
            if not job.is_finished and granted_s > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(granted_s):
                        await ended.wait()
                job = await self._queries.job(user_id, job_id)
        return Waited(job, granted_s)


def wait_of(prefer: str | None) -> int | None:
    """The seconds of `wait` in a Prefer header, the first one if there are several; None without."""
    for preference in (prefer or "").split(","):
        name = preference.partition(";")[0].strip()
        if found := _WAIT.fullmatch(name):
            return int(found[1])
    return None
