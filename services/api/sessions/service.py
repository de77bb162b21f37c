"""Sessions: source documents that are saved while they are edited.

A save never touches the queue. Each save is a compare-and-set on the previous revision, so that two editors
of one session cannot overwrite each other unnoticed.
"""

import json
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import uuid_utils

from services.api.http.conditional_requests import precondition_failed
from services.api.jobs.limit_policy import check_bounds
from services.api.jobs.submit import RETRY_AFTER
from services.api.quotas.stored_bytes import Counted, Store
from services.api.sessions.documents import (
    Session,
    SessionCard,
    StoredRevision,
    Summary,
    decode,
    document_of,
    session_of,
)
from services.api.sessions.kv_bucket import Bucket
from services.api.sessions.schemas import SessionBody
from services.api.settings import ApiSettings
from shared.auth import SESSIONS_CLAIM, Caller
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.contract.subjects import is_job_id, session_key, session_keys, session_run_key
from shared.jetstream.errors import JetStreamError
from shared.jetstream.event_log import Appended, AppendResult
from shared.jetstream.stored_message import Entry
from shared.jetstream.stream_config import SESSION_REVISIONS

STORE_FAILED = 10077
HISTORY_BYTES_MAX = 2 * 1024 * 1024
"""Bytes of the revisions on one page."""
CAS_ATTEMPTS_MAX = 20
"""Compare-and-set attempts before a request fails."""


@dataclass(frozen=True, slots=True)
class Current:
    """The newest revision as it was read."""

    stored: StoredRevision
    entry: Entry


class Sessions:
    """Saves, reads and lists sessions."""

    def __init__(self, bucket: Bucket, held: Store, settings: ApiSettings) -> None:
        """Save in `bucket`, within the users' shares in `held`."""
        self._held = held
        self._bucket = bucket
        self._settings = settings

    async def create(self, body: SessionBody, caller: Caller, *, session_id: str | None = None) -> Session:
        """Save a new session, under this new id if it is given. Raises ProblemError."""
        if await self._bucket.count(session_keys(caller.user_id)) >= self._settings.sessions_max:
            raise ProblemError(
                problems.TOO_MANY_SESSIONS, f"a user may have {self._settings.sessions_max} sessions"
            )
        session_id = session_id or str(uuid_utils.uuid7())
        now = datetime.now(UTC)
        stored = StoredRevision(created_at=now, saved_at=now, document=document_of(body))
        result = await self._put(caller, session_id, body, stored, expected=0)
        assert isinstance(result, Appended), "a new id has no earlier revision"
        return session_of(session_id, result.sequence, stored)

    async def save(
        self, session_id: str, body: SessionBody, caller: Caller, *, expected: int | None
    ) -> Session:
        """Save a new revision after `expected`, or after the newest. Raises ProblemError (404, 412)."""
        return await self.amend(session_id, lambda _: body, caller, expected=expected)

    async def amend(
        self,
        session_id: str,
        amended: Callable[[StoredRevision], SessionBody],
        caller: Caller,
        *,
        expected: int | None = None,
    ) -> Session:
        """Save what `amended` makes of the newest revision; it is called again when another save came first.

        Raises ProblemError as `save` does.
        """
        for _ in range(CAS_ATTEMPTS_MAX):
            current = await self.current(session_id, caller, expected=expected)
            body = amended(current.stored)
            stored = StoredRevision(
                created_at=current.stored.created_at,
                saved_at=datetime.now(UTC),
                document=document_of(body),
                earlier=current.stored.sizes[1 - SESSION_REVISIONS :],
            )
            before = sum(current.stored.sizes)
            result = await self._put(
                caller, session_id, body, stored, expected=current.entry.sequence, before=before
            )
            if isinstance(result, Appended):
                return session_of(session_id, result.sequence, stored)
        raise ProblemError(
            problems.UNAVAILABLE,
            f"the session kept changing ({CAS_ATTEMPTS_MAX} attempts); retry",
            headers=RETRY_AFTER,
        )

    async def current(self, session_id: str, caller: Caller, *, expected: int | None = None) -> Current:
        """The newest revision, which must be `expected` if given. Raises ProblemError (404, 412)."""
        _check_id(session_id)
        entry = await self._bucket.newest(session_key(caller.user_id, session_id))
        if entry is None:
            raise _unknown_session()
        if expected is not None and expected != entry.sequence:
            raise precondition_failed("the session", entry.sequence)
        return Current(decode(entry), entry)

    async def read(self, session_id: str, caller: Caller, *, revision: int | None = None) -> Session:
        """The newest revision, or an earlier one that is still kept. Raises ProblemError (404)."""
        if revision is None:
            current = await self.current(session_id, caller)
            return session_of(session_id, current.entry.sequence, current.stored)
        _check_id(session_id)
        entry = await self._bucket.revision(session_key(caller.user_id, session_id), revision)
        if entry is None:
            raise ProblemError(problems.UNKNOWN_SESSION, "no such revision of this session is kept")
        return session_of(session_id, entry.sequence, decode(entry))

    async def list_summaries(self, caller: Caller) -> list[SessionCard]:
        """All sessions of the caller, the last saved first."""
        found = await self._bucket.list_summaries(session_keys(caller.user_id))
        sessions = []
        for listed in sorted(found, key=lambda one: one.revision, reverse=True):
            summary = msgspec.json.decode(listed.summary, type=Summary)
            sessions.append(
                SessionCard(
                    session_id=listed.subject.rpartition(".")[2],
                    revision=listed.revision,
                    title=summary.title,
                    language=summary.language,
                    created_at=summary.created_at,
                    saved_at=summary.saved_at,
                )
            )
        return sessions

    async def history(self, session_id: str, caller: Caller, *, after: int) -> tuple[list[Session], bool]:
        """A page of kept revisions, oldest first, and whether more follow. Raises ProblemError (404).

        The page has at least one revision.
        """
        _check_id(session_id)
        found: list[Session] = []
        room = HISTORY_BYTES_MAX
        async with aclosing(
            self._bucket.history(session_key(caller.user_id, session_id), after=after)
        ) as kept:
            async for entry in kept:
                room -= len(entry.payload)
                if found and room < 0:
                    return found, True
                found.append(session_of(session_id, entry.sequence, decode(entry)))
        if not found:
            raise _unknown_session()
        return found, False

    async def delete(self, session_id: str, caller: Caller, *, expected: int | None) -> None:
        """Purge every revision; the session's jobs stay in the log. Raises ProblemError (404, 412)."""
        await self.current(session_id, caller, expected=expected)
        await self._bucket.purge(session_key(caller.user_id, session_id))
        await self._bucket.purge(session_run_key(caller.user_id, session_id))

    async def _put(
        self,
        caller: Caller,
        session_id: str,
        body: SessionBody,
        stored: StoredRevision,
        *,
        expected: int,
        before: int = 0,
    ) -> AppendResult:
        """Save a revision of a session that has `before` bytes now. Raises ProblemError (507)."""
        check_bounds(body.to_new_job(), self._settings)
        most = caller.share(
            SESSIONS_CLAIM, self._settings.user_sessions_bytes, self._settings.user_sessions_bytes_max
        )
        more = sum(stored.sizes) - before
        addition = await self._held.take(caller.user_id, most, more)
        with self._held.storing(addition):
            result = await self._store(caller.user_id, session_id, body, stored, expected=expected)
            if isinstance(result, Appended):
                addition.sequence = result.sequence
            return result

    async def _store(
        self, user_id: str, session_id: str, body: SessionBody, stored: StoredRevision, *, expected: int
    ) -> AppendResult:
        summary = Summary(
            title=body.title,
            language=body.language,
            created_at=stored.created_at,
            saved_at=stored.saved_at,
            kept_bytes=sum(stored.sizes),
        )
        try:
            return await self._bucket.put(
                session_key(user_id, session_id),
                msgspec.json.encode(stored),
                # JSON escapes the title into one line of ASCII, as a header needs it.
                summary=json.dumps(msgspec.to_builtins(summary)),
                expected=expected,
                patience_s=self._settings.append_patience_s,
            )
        except JetStreamError as error:
            if error.code == STORE_FAILED:
                raise ProblemError(problems.STORAGE_FULL, "no more sessions can be saved") from error
            raise


async def session_bytes(bucket: Bucket, user_id: str) -> Counted:
    """Bytes of all sessions of a user, with their revisions. Raises BrokerError."""
    found = await bucket.list_summaries(session_keys(user_id))
    return Counted(sum(msgspec.json.decode(listed.summary, type=Summary).kept_bytes for listed in found))


def _check_id(session_id: str) -> None:
    if not is_job_id(session_id):
        raise _unknown_session()


def _unknown_session() -> ProblemError:
    """The problem of an unknown session; the same for another user's session, so that ids reveal nothing."""
    return ProblemError(problems.UNKNOWN_SESSION, "you have no session of this id")
