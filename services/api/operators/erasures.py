"""Erases one user: stops running jobs, expires every finished job at once, and removes saved sessions.

A request does a bounded part and reports the rest; the projectors remove the data of expired jobs. Requests
are idempotent and may come from any operator at any time. A valid token of the user can still submit new
jobs.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.api.sessions.kv_bucket import Bucket
from services.api.settings import ApiSettings
from shared.contract.subjects import (
    FEED,
    FILES,
    INPUT,
    TERMINAL_KINDS,
    job_events,
    objects_stream,
    parse,
    session_everything,
    user_events_of_kind,
    user_files,
    user_input,
    user_notes,
)
from shared.domain.contract_struct import ContractStruct
from shared.domain.decisions import Append, CommandContext, Refuse, decide_cancel, decide_expire
from shared.domain.events import Event, JobExpired
from shared.domain.job import ImpossibleHistoryError, NoJob, Queued, Running
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from shared.jetstream.job_history import History, NewerEventError
from shared.jetstream.transact import transact
from shared.observability import metrics
from shared.observability.logs import get_logger

logger = get_logger(__name__)

JOBS_PER_REQUEST_MAX = 1_000
"""Jobs handled by one request, which take a few seconds."""

KINDS = ("queued", "running", "cancel_requested", *TERMINAL_KINDS)
REMAINS = (
    "tombstones of the jobs, which name user and job, for {tombstone_s} s",
    "logs and traces of the services, for as long as the operator keeps them",
    "products of compilers in the memory of executors, until newer ones push them out",
    "files that lost attempts stored, and parts of uploads that broke off with their api, until they expire",
    "bytes that the server has not overwritten yet",
    "backups, until the operator removes them",
)


class Erasure(ContractStruct, frozen=True, kw_only=True):
    """Progress of an erasure."""

    user_id: str
    """The erased user."""
    is_done: bool
    """Nothing of the user is left but what `remains` lists. While it is false, ask again."""
    expired: int
    """How many jobs this request removed."""
    unfinished: int
    """How many jobs still run; they were asked to stop."""
    sessions: int
    """How many documents, and names of their runs, this request removed."""
    files: int
    """How many uploaded files this request removed."""
    remains: tuple[str, ...]
    """What is left, where, and for how long; for people."""


@dataclass(slots=True)
class _Count:
    expired: int = 0
    unfinished: int = 0
    is_whole: bool = True


class Erasures:
    """Erases users, and describes the retention of jobs."""

    def __init__(
        self,
        broker: Broker,
        log: Log,
        sessions: Bucket,
        delete_files: Callable[[str], Awaitable[int]],
        settings: ApiSettings,
    ) -> None:
        """Append tombstones to `log`, purge `sessions`, and remove a user's files with `delete_files`."""
        self._broker = broker
        self._delete_files = delete_files
        self._log = log
        self._sessions = sessions
        self._settings = settings

    @property
    def retention(self) -> str:
        """The retention as a dictionary of RFC 9651, in seconds."""
        most = self._settings.ttl_s_max
        usual = min(self._settings.ttl_s_default, most)
        return f"usual={usual}, most={most}, tombstone={self._settings.tombstone_s}"

    async def erase(self, user_id: str, by: str, moment: CommandContext) -> Erasure:
        """Do a part of the erasure. Raises SubjectError for an invalid user id, and BrokerError."""
        sessions = await self._forget_sessions(user_id)
        files = await self._delete_files(user_id)
        count = await self._expire_jobs(user_id, by, moment)
        await self._broker.api(f"STREAM.PURGE.{FEED}", {"filter": user_notes(user_id)})
        await self._broker.api(f"STREAM.PURGE.{INPUT}", {"filter": user_input(user_id)})
        is_done = count.is_whole and not count.unfinished and not await self._has_more(user_id)
        # Without the user's id, because the log line outlives the erased data.
        logger.info("user_erased", by=by, request_id=moment.request_id, is_done=is_done)
        return Erasure(
            user_id=user_id,
            is_done=is_done,
            expired=count.expired,
            unfinished=count.unfinished,
            sessions=sessions,
            files=files,
            remains=tuple(one.format(tombstone_s=self._settings.tombstone_s) for one in REMAINS),
        )

    async def _forget_sessions(self, user_id: str) -> int:
        keys = session_everything(user_id)
        count = await self._sessions.count(keys)
        if count:
            await self._sessions.purge(keys)
        return count

    async def _expire_jobs(self, user_id: str, by: str, moment: CommandContext) -> _Count:
        count = _Count()
        looked_at = 0
        async for entry in self._log.replay(user_events_of_kind(user_id, "queued")):
            if looked_at == JOBS_PER_REQUEST_MAX:
                count.is_whole = False
                break
            looked_at += 1
            await self._expire(user_id, parse(entry.subject).job_id, by, moment, count)
        return count

    async def _expire(
        self, user_id: str, job_id: str, by: str, moment: CommandContext, count: _Count
    ) -> None:
        """Advance one job as far as possible: to its tombstone, or to a cancel request."""

        async def read(min_sequence: int | None) -> History:
            return await self._read(user_id, job_id, min_sequence)

        def decide(history: History) -> Append | History:
            event = _next_event(history, user_id, job_id, by, moment)
            return history if event is None else Append(event)

        while True:
            try:
                done = await transact(
                    self._log,
                    read,
                    decide,
                    patience_s=self._settings.append_patience_s,
                    tombstone_s=self._settings.tombstone_s,
                )
            except NewerEventError as error:
                # This version cannot tell whether the job runs; an api that knows the event decides.
                logger.warning("newer_event", sequence=error.sequence)
                count.unfinished += 1
                return
            if isinstance(done, History):
                count.unfinished += isinstance(done.state, Queued | Running)
                return
            if isinstance(done.event, JobExpired):
                metrics.EXPIRED.labels(reason="erased").inc()
                count.expired += 1
                return
            # A queued job is cancelled first, and then expires.

    async def _read(self, user_id: str, job_id: str, min_sequence: int | None) -> History:
        try:
            return await self._log.read_job(user_id, job_id, min_sequence=min_sequence)
        except ImpossibleHistoryError:
            last = await self._log.last(job_events(user_id, job_id))
            return History(NoJob(), 0 if last is None else last.sequence, ())

    async def _has_more(self, user_id: str) -> bool:
        """Whether the log has events of the user besides tombstones, or files were uploaded meanwhile."""
        if await self._log.last(user_files(user_id), stream=objects_stream(FILES)) is not None:
            return True
        for kind in KINDS:
            if await self._log.last(user_events_of_kind(user_id, kind)) is not None:
                return True
        return False


def _next_event(history: History, user_id: str, job_id: str, by: str, moment: CommandContext) -> Event | None:
    """The next event towards the job's tombstone; None if it has one, or must end by itself."""
    if not history.last_sequence:
        return None
    if isinstance(history.state, NoJob):
        # Undecodable entries are the user's data as well.
        return JobExpired(
            job_id=job_id, user_id=user_id, time=moment.time, request_id=moment.request_id, reason="erased"
        )
    decision = decide_expire(history.state, "erased", moment)
    if isinstance(decision, Refuse):
        decision = decide_cancel(history.state, by, moment)
    return decision.event if isinstance(decision, Append) else None
