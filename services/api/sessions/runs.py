"""Runs of sessions: the newest revision of a document becomes a job.

A run of a revision that is already running returns that job. The newest run of a session is a document of its
own in the bucket.
"""

import msgspec

from services.api.http.request_context import RequestContext
from services.api.jobs.submit import Submissions, Submitted
from services.api.sessions.documents import NewestRun, fingerprint_of, submission_of
from services.api.sessions.run_records import Kept, RunRecords
from services.api.sessions.schemas import RunBody
from services.api.sessions.service import Sessions
from shared.auth import Caller
from shared.contract.subjects import session_run_key


class SessionRuns:
    """Submits sessions as jobs."""

    def __init__(self, sessions: Sessions, records: RunRecords, submissions: Submissions) -> None:
        """Read from `sessions`, keep the newest run in `records`, and submit with `submissions`."""
        self._sessions = sessions
        self._records = records
        self._submissions = submissions

    async def run(
        self,
        session_id: str,
        body: RunBody,
        caller: Caller,
        context: RequestContext,
        *,
        expected: int | None,
    ) -> Submitted:
        """Submit the newest revision, or return its unfinished job. Raises ProblemError."""
        current = await self._sessions.current(session_id, caller, expected=expected)
        submission = submission_of(current.stored, body)
        revision, fingerprint = current.entry.sequence, fingerprint_of(submission)

        def earlier_of(kept: Kept) -> str | None:
            newest = None if kept is None else msgspec.json.decode(kept, type=NewestRun)
            if newest is None or (newest.revision, newest.fingerprint) != (revision, fingerprint):
                return None
            return newest.job_id

        def record_of(_: Kept, job_id: str) -> bytes:
            return msgspec.json.encode(NewestRun(revision=revision, fingerprint=fingerprint, job_id=job_id))

        job_id = await self._records.job_id(
            caller.user_id, session_run_key(caller.user_id, session_id), earlier_of, record_of
        )
        return await self._submissions.submit_as(
            job_id, submission.to_new_job(), caller, context, session=session_id
        )
