"""Runs of sessions: the newest revision of a document becomes a job.

A run of a revision that is already running returns that job. The newest run of a session is a document of its
own in the bucket, written by compare-and-set, so that two runs at once become one job.
"""

import msgspec
import uuid_utils

from services.api.http.request_context import RequestContext
from services.api.jobs.submit import RETRY_AFTER, Submissions, Submitted
from services.api.sessions.documents import NewestRun, fingerprint_of, submission_of
from services.api.sessions.kv_bucket import Bucket
from services.api.sessions.schemas import RunBody
from services.api.sessions.service import CAS_ATTEMPTS_MAX, Sessions
from services.api.settings import ApiSettings
from shared.auth import Caller
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.contract.subjects import session_run_key
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.job_history import is_end


class SessionRuns:
    """Submits sessions as jobs."""

    def __init__(
        self,
        sessions: Sessions,
        bucket: Bucket,
        log: Log,
        submissions: Submissions,
        settings: ApiSettings,
    ) -> None:
        """Read from `sessions`, keep the newest run in `bucket`, and submit with `submissions`."""
        self._sessions = sessions
        self._bucket = bucket
        self._log = log
        self._submissions = submissions
        self._settings = settings

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
        key = session_run_key(caller.user_id, session_id)
        for _ in range(CAS_ATTEMPTS_MAX):
            entry = await self._bucket.newest(key)
            earlier = None if entry is None else msgspec.json.decode(entry.payload, type=NewestRun)
            wanted = NewestRun(
                revision=current.entry.sequence,
                fingerprint=fingerprint_of(submission),
                job_id=str(uuid_utils.uuid7()),
            )
            if earlier is not None and await self._may_be_joined(earlier, wanted, caller):
                return await self._submissions.submit_as(
                    earlier.job_id, submission.to_new_job(), caller, context, session=session_id
                )
            result = await self._bucket.put(
                key,
                msgspec.json.encode(wanted),
                expected=0 if entry is None else entry.sequence,
                patience_s=self._settings.append_patience_s,
            )
            if isinstance(result, Appended):
                # A crash here leaves a job id without a job: the next run submits under that id.
                return await self._submissions.submit_as(
                    wanted.job_id, submission.to_new_job(), caller, context, session=session_id
                )
        raise ProblemError(
            problems.UNAVAILABLE,
            f"other runs of this session kept starting ({CAS_ATTEMPTS_MAX} attempts); retry",
            headers=RETRY_AFTER,
        )

    async def _may_be_joined(self, earlier: NewestRun, wanted: NewestRun, caller: Caller) -> bool:
        """Whether the newest run is the same and has not ended; it may not have been submitted yet."""
        if (earlier.revision, earlier.fingerprint) != (wanted.revision, wanted.fingerprint):
            return False
        entries = await self._log.read_entries(caller.user_id, earlier.job_id)
        return not any(is_end(entry) for entry in entries)
