"""Reports a caller's usage and current share of every shared store and place."""

from services.api.jobs.queries import Queries
from services.api.jobs.wait import JobWaiter
from services.api.quotas.stored_bytes import Store
from services.api.quotas.unfinished_jobs import UnfinishedJobs
from services.api.settings import ApiSettings
from services.api.usage.responses import ShareUsed, UsageReport
from shared.auth import ARTIFACTS_CLAIM, FILES_CLAIM, LOG_CLAIM, SESSIONS_CLAIM, Caller
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.contract.subjects import ARTIFACTS, objects_stream
from shared.domain.shares import PLACE_PARTS, STORE_PARTS, share_of
from shared.jetstream.connection import Broker


class Usage:
    """Collects the usage from the parts of the api; it enforces no bound."""

    def __init__(
        self,
        broker: Broker,
        queries: Queries,
        standing: UnfinishedJobs,
        waiting: JobWaiter,
        stores: tuple[Store, Store, Store],
        settings: ApiSettings,
    ) -> None:
        """`stores` are the log, the sessions and the uploaded files."""
        self._broker = broker
        self._queries = queries
        self._standing = standing
        self._waiting = waiting
        self._log, self._sessions, self._files = stores
        self._settings = settings

    async def report(self, caller: Caller) -> UsageReport:
        """The current usage. Raises ProblemError (503) if no projector answers, BrokerError."""
        settings, user_id = self._settings, caller.user_id
        log_most = caller.share(LOG_CLAIM, settings.user_log_bytes, settings.user_log_bytes_max)
        sessions_most = caller.share(
            SESSIONS_CLAIM, settings.user_sessions_bytes, settings.user_sessions_bytes_max
        )
        log = await self._log.usage(user_id, log_most)
        sessions = await self._sessions.usage(user_id, sessions_most)
        files_most = caller.share(FILES_CLAIM, settings.user_files_bytes, settings.user_files_bytes_max)
        files = await self._files.usage(user_id, files_most)
        places = self._waiting.places
        return UsageReport(
            log_bytes=ShareUsed(used=log.used, share=log.share),
            sessions_bytes=ShareUsed(used=sessions.used, share=sessions.share),
            artifacts_bytes=await self._artifacts(caller),
            files_bytes=ShareUsed(used=files.used, share=files.share),
            unfinished_jobs=self._unfinished(caller),
            waits=ShareUsed(
                used=places.held(user_id), share=places.share(user_id, self._waiting.most(caller))
            ),
        )

    def _unfinished(self, caller: Caller) -> ShareUsed:
        used = self._standing.unfinished(caller.user_id)
        settings = self._settings
        share = share_of(
            most=min(caller.unfinished_max or settings.unfinished_jobs, settings.unfinished_jobs_max),
            capacity=settings.backlog_max,
            others=self._standing.total - used,
            parts=PLACE_PARTS,
        )
        return ShareUsed(used=used, share=share)

    async def _artifacts(self, caller: Caller) -> ShareUsed:
        settings = self._settings
        usage = await self._queries.usage(caller.user_id)
        if usage is None:
            raise ProblemError(problems.UNAVAILABLE, "the view does not answer", headers={"Retry-After": "2"})
        info = await self._broker.api(f"STREAM.INFO.{objects_stream(ARTIFACTS)}")
        most = caller.share(ARTIFACTS_CLAIM, settings.user_artifacts_bytes, settings.user_artifacts_bytes_max)
        capacity = int(info["config"].get("max_bytes", -1))
        if capacity >= 0:
            others = max(0, int(info["state"]["bytes"]) - usage.artifact_bytes)
            most = share_of(most=most, capacity=capacity, others=others, parts=STORE_PARTS)
        return ShareUsed(used=usage.artifact_bytes, share=most)
