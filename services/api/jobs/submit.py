"""Submits a job: checks the program, builds its `job.queued` event, and appends it to the log.

The append is not a `transact`, which appends again after a conflict: a submission never does, because the job
then exists. The counts of the user's jobs and bytes are undone before that job is read. Undone later, they
would take away what the follower counts meanwhile. And an append without an answer may have been stored,
which its problem says; a read without an answer has stored nothing.
"""

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import uuid_utils
from msgspec import UNSET

from services.api.http.request_context import RequestContext
from services.api.jobs.interactive import LIVE_STDIN, interaction_of
from services.api.jobs.limit_policy import check_bounds, clamped_limits, default_limits
from services.api.jobs.new_job import FileReference, NewJob
from services.api.jobs.queries import fold_entries
from services.api.jobs.word_policy import are_allowed, check_words
from services.api.languages.catalogue import Catalogue
from services.api.quotas.quotas import Quotas
from services.api.quotas.stored_bytes import Addition, Store
from services.api.quotas.unfinished_jobs import UnfinishedJobs
from services.api.settings import ApiSettings
from shared.auth import ARTIFACTS_CLAIM, LOG_CLAIM, Caller
from shared.contract import problems
from shared.contract.codec import UndecodableError, UnknownTagError
from shared.contract.problems import FieldError, ProblemError
from shared.domain.decisions import Append, Replay, decide_submit
from shared.domain.events import JobQueued, SourceFile, StoredFile
from shared.domain.job import NoJob, Queued
from shared.domain.record import JobRecord, fold
from shared.jetstream.errors import BrokerError, UnreachableError
from shared.jetstream.event_log import FULL, Appended, Log
from shared.jetstream.job_history import NewerEventError, is_tombstone
from shared.jetstream.presence import LanguageOffer
from shared.jetstream.stored_message import MESSAGE_OVERHEAD_BYTES, Entry

RETRY_AFTER = {"Retry-After": "2"}
_IDEMPOTENCY = uuid.UUID("6f1d7f0e-6b0e-5d5c-9c53-3a1f5f4b7a10")
"""Namespace of job ids derived from a user and an idempotency key."""


FindStored = Callable[[str, Collection[FileReference]], Awaitable[Mapping[FileReference, StoredFile]]]
"""Where files of a user are. Raises ProblemError if the user has no such file, BrokerError."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """The job, and whether it was submitted before with the same key."""

    job: JobRecord
    replayed: bool


class _SubmittedBeforeError(Exception):
    """The log already has the job; `sequence` is that of its last event."""

    def __init__(self, sequence: int) -> None:
        super().__init__(f"its last event is {sequence}")
        self.sequence = sequence


class Submissions:
    """Submits jobs."""

    def __init__(
        self,
        log: Log,
        catalogue: Catalogue,
        standing: UnfinishedJobs,
        quotas: Quotas,
        held: Store,
        find: FindStored,
        settings: ApiSettings,
    ) -> None:
        """Append to `log`, within `catalogue`, the quotas, the settings and the users' shares of the log.

        `find` finds stored files that a user may name.
        """
        self._held = held
        self._find = find
        self._log = log
        self._catalogue = catalogue
        self._standing = standing
        self._quotas = quotas
        self._settings = settings

    async def submit(
        self, new: NewJob, caller: Caller, context: RequestContext, key: str | None
    ) -> Submitted:
        """Store the job; idempotent with a key. Returns once the job is on disk. Raises ProblemError."""
        job_id = str(uuid_utils.uuid7()) if key is None else _keyed_id(caller.user_id, key)
        return await self.submit_as(job_id, new, caller, context, is_repeatable=key is not None)

    async def submit_as(
        self,
        job_id: str,
        new: NewJob,
        caller: Caller,
        context: RequestContext,
        *,
        session: str | None = None,
        is_repeatable: bool = True,
    ) -> Submitted:
        """As `submit`, under the caller's id; `is_repeatable` if a job of this id may exist already."""
        offer = await self._offer(new)
        queued = self._queued(new, offer, caller, context, job_id, session)
        with ExitStack() as counted:
            try:
                queued = await self._with_references(queued, new)
                addition = await self._take_log(caller, queued)
                counted.enter_context(self._held.storing(addition))
                # From here to the append nothing is awaited: concurrent requests exceed no bound together.
                self._quotas.check_room(caller)
            except ProblemError:
                counted.close()
                # A repetition of an accepted submission is not refused.
                earlier = await self._earlier(queued) if is_repeatable else None
                if earlier is None:
                    raise
                return earlier
            counted.enter_context(self._standing.appending(caller.user_id, queued.job_id))
            try:
                addition.sequence = await self._append(queued)
            except _SubmittedBeforeError as conflict:
                counted.close()
                earlier = await self._earlier(queued, min_sequence=conflict.sequence)
                assert earlier is not None, "a conflict was reported, so the job has events"
                return earlier
            return Submitted(_record(queued, addition.sequence), replayed=False)

    async def _with_references(self, queued: JobQueued, new: NewJob) -> JobQueued:
        """The job with the places of the files that it names. Raises ProblemError (404, 422, 503)."""
        if not new.references and new.stdin_reference is None:
            return queued
        named = [*new.references.values(), *((new.stdin_reference,) if new.stdin_reference else ())]
        try:
            found = await self._find(queued.user_id, named)
        except BrokerError as error:
            raise ProblemError(
                problems.UNAVAILABLE, f"stored files cannot be looked up: {error}", headers=RETRY_AFTER
            ) from error
        files, stdin, size = list(queued.files), queued.stdin, 0
        for place, reference in new.references.items():
            files[place] = _stored(files[place], found[reference])
            size += found[reference].size
        if size > queued.limits.disk_bytes:
            raise _too_much("files", size, "limits.disk_bytes", queued.limits.disk_bytes)
        if new.stdin_reference is not None and stdin is not None:
            stdin = _stored(stdin, found[new.stdin_reference])
            size += found[new.stdin_reference].size
        if size > self._settings.job_files_bytes_max:
            raise _too_much("files", size, "the service's maximum", self._settings.job_files_bytes_max)
        return msgspec.structs.replace(queued, files=tuple(files), stdin=stdin)

    async def _take_log(self, caller: Caller, queued: JobQueued) -> Addition:
        """Raises ProblemError (507) if the user's share of the log has no room for the job."""
        most = caller.share(LOG_CLAIM, self._settings.user_log_bytes, self._settings.user_log_bytes_max)
        size = sum(len(file.content) for file in queued.files)
        size += sum(map(len, (*queued.args, *(queued.compiler_args or ()), *(queued.interpreter_args or ()))))
        size += 0 if queued.stdin is None else len(queued.stdin.content)
        return await self._held.take(caller.user_id, most, size + MESSAGE_OVERHEAD_BYTES)

    async def _append(self, queued: JobQueued) -> int:
        """Append the event; returns its sequence. Raises ProblemError or _SubmittedBeforeError."""
        decision = decide_submit(NoJob(), queued)
        assert isinstance(decision, Append)
        try:
            result = await self._log.append(queued, expected=0, patience_s=self._settings.append_patience_s)
        except UnreachableError as error:
            if FULL in str(error):
                raise ProblemError(problems.STORAGE_FULL, "the log is full") from error
            raise ProblemError(
                problems.UNAVAILABLE,
                "the log does not answer; the job may or may not have been accepted: "
                "repeat with an Idempotency-Key to be sure",
                headers=RETRY_AFTER,
            ) from error
        if isinstance(result, Appended):
            return result.sequence
        raise _SubmittedBeforeError(result.last_sequence)

    async def _earlier(self, queued: JobQueued, *, min_sequence: int | None = None) -> Submitted | None:
        """The job of an earlier submission with the same key, if any. Raises ProblemError, BrokerError."""
        entries = await self._log.read_entries(queued.user_id, queued.job_id, min_sequence=min_sequence)
        if not entries:
            return None
        if is_tombstone(entries[-1]):
            raise ProblemError(problems.EXPIRED, "the job of this Idempotency-Key has expired")
        decision = decide_submit(_accepted(entries[0]), queued)
        if not isinstance(decision, Replay):
            raise ProblemError(problems.INVALID, "the Idempotency-Key was used before with another request")
        return Submitted(fold_entries(entries), replayed=True)

    async def _offer(self, new: NewJob) -> LanguageOffer:
        """The language, which allows the submission's words. Raises ProblemError."""
        language = new.language
        offer = await self._catalogue.find(language)
        if offer is not None and not are_allowed(new, offer):
            # Executors of a newer version may allow more.
            offer = await self._catalogue.find_fresh(language)
        if offer is not None:
            check_words(new, offer)
            return offer
        if self._catalogue.is_empty:
            raise ProblemError(
                problems.UNAVAILABLE,
                "no executor has announced its languages yet",
                headers=RETRY_AFTER,
            )
        names = ", ".join(each.name for each in await self._catalogue.offers())
        raise ProblemError(
            problems.UNKNOWN_LANGUAGE, f"no executor offers {language!r}; offered are: {names or 'none'}"
        )

    def _queued(
        self,
        new: NewJob,
        offer: LanguageOffer,
        caller: Caller,
        context: RequestContext,
        job_id: str,
        session: str | None,
    ) -> JobQueued:
        check_bounds(new, self._settings)
        clamped = clamped_limits(new, self._settings)
        interaction = None if new.interaction is None else interaction_of(new.interaction, self._settings)
        concurrency = min(caller.concurrency, self._settings.concurrency_max)
        return JobQueued(
            job_id=job_id,
            user_id=caller.user_id,
            time=datetime.now(UTC),
            request_id=context.request_id,
            trace=context.trace,
            language=offer.name,
            files=new.files_of(offer.entrypoint),
            entrypoint=new.entrypoint_of(offer.entrypoint),
            fingerprint=new.fingerprint,
            stdin=new.stdin if interaction is None else LIVE_STDIN,
            args=new.args,
            env=dict(new.env),
            limits=new.limits_over(default_limits(new, offer.limits, self._settings), clamped),
            labels=dict(new.labels),
            session=session,
            concurrency=concurrency if interaction is None else self._settings.interactive_jobs,
            artifacts=new.artifacts,
            ttl_s=_ttl_s(new.ttl_s, self._settings),
            artifacts_bytes_max=caller.shares.get(ARTIFACTS_CLAIM),
            clamped=clamped or UNSET,
            compiler_args=new.compiler_args or UNSET,
            interpreter_args=new.interpreter_args or UNSET,
            interactive=interaction or UNSET,
            working_directory=new.working_directory or UNSET,
        )


def _accepted(entry: Entry) -> Queued:
    """The job's `Queued` state, which a repetition is compared with. Raises ProblemError, NewerEventError."""
    try:
        event = entry.event()
    except UnknownTagError as error:
        raise NewerEventError(entry.sequence, str(error)) from error
    except UndecodableError as error:
        raise _unreadable() from error
    if not isinstance(event, JobQueued):
        raise _unreadable()
    return Queued(event)


def _stored(file: SourceFile, place: StoredFile) -> SourceFile:
    return msgspec.structs.replace(file, encoding="stored", stored=place)


def _too_much(field: str, size: int, what: str, most: int) -> ProblemError:
    error = FieldError(field, f"the stored files have {size} bytes, and {what} is {most}")
    return ProblemError(problems.INVALID, error.message, errors=(error,))


def _unreadable() -> ProblemError:
    return ProblemError(problems.INVALID, "what the Idempotency-Key was used for before cannot be read")


def _record(queued: JobQueued, sequence: int) -> JobRecord:
    record = fold(None, queued, sequence)
    assert record is not None, "the fold of job.queued is a record"
    return record


def _keyed_id(user_id: str, key: str) -> str:
    return str(uuid.uuid5(_IDEMPOTENCY, f"{len(user_id)}:{user_id}:{key}"))


def _ttl_s(ttl_s: int | None, settings: ApiSettings) -> int:
    return min(settings.ttl_s_default, settings.ttl_s_max) if ttl_s is None else ttl_s
