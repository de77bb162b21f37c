"""Records of runs: which job a run is, so that equal runs are one job until it has ended.

A record is a document of the bucket, written by compare-and-set: of two runs at once, at whatever api
processes, one names the job and the other one finds it.
"""

from collections.abc import Callable
from typing import TypeAlias

import uuid_utils

from services.api.jobs.submit import RETRY_AFTER
from services.api.sessions.kv_bucket import Bucket
from services.api.sessions.service import CAS_ATTEMPTS_MAX, STORE_FAILED
from services.api.settings import ApiSettings
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.jetstream.errors import JetStreamError
from shared.jetstream.event_log import Appended, AppendResult, Log
from shared.jetstream.job_history import is_end

Kept: TypeAlias = bytes | None
"""A record as it is stored; None if there is none."""


class RunRecords:
    """Names the jobs of runs."""

    def __init__(self, bucket: Bucket, log: Log, settings: ApiSettings) -> None:
        """Keep the records in `bucket`, and look in `log` whether a job has ended."""
        self._bucket = bucket
        self._log = log
        self._settings = settings

    async def job_id(
        self,
        user_id: str,
        key: str,
        earlier_of: Callable[[Kept], str | None],
        record_of: Callable[[Kept, str], bytes],
        *,
        is_only_one: bool = False,
    ) -> str:
        """The id of the job to submit: that of an equal run that has not ended, or a new one.

        `earlier_of` finds the equal run's job in a record; `record_of` returns the record with a new job.
        With `is_only_one` earlier revisions of the record are removed. The job of an id that was recorded
        may not exist yet: after a crash, the next equal run submits it.
        Raises ProblemError (503, 507), BrokerError.
        """
        for _ in range(CAS_ATTEMPTS_MAX):
            entry = await self._bucket.newest(key)
            kept = None if entry is None else entry.payload
            earlier = earlier_of(kept)
            if earlier is not None and not await self._has_ended(user_id, earlier):
                return earlier
            job_id = str(uuid_utils.uuid7())
            expected = 0 if entry is None else entry.sequence
            result = await self._put(key, record_of(kept, job_id), expected, is_only_one=is_only_one)
            if isinstance(result, Appended):
                return job_id
        raise ProblemError(
            problems.UNAVAILABLE,
            f"other runs kept starting ({CAS_ATTEMPTS_MAX} attempts); retry",
            headers=RETRY_AFTER,
        )

    async def _put(self, key: str, record: bytes, expected: int, *, is_only_one: bool) -> AppendResult:
        try:
            return await self._bucket.put(
                key,
                record,
                expected=expected,
                patience_s=self._settings.append_patience_s,
                is_only_one=is_only_one,
            )
        except JetStreamError as error:
            if error.code == STORE_FAILED:
                raise ProblemError(problems.STORAGE_FULL, "no more runs can be remembered") from error
            raise

    async def _has_ended(self, user_id: str, job_id: str) -> bool:
        entries = await self._log.read_entries(user_id, job_id)
        return any(is_end(entry) for entry in entries)
