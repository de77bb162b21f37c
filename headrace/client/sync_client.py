"""The client for programs without an event loop: every call blocks the caller's thread.

It only delegates to an `AsyncClient` on a loop in its own thread, so reconnection is implemented once.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from headrace.client.blocking import OpenedBlocking
from headrace.client.calling import Filter
from headrace.client.conversation import RESULT_TIMEOUT_S
from headrace.client.models import (
    Artifacts,
    BatchItem,
    Erasure,
    InputState,
    JobShown,
    JobsPage,
    Language,
    Session,
    SessionCard,
    UploadedFile,
    Usage,
)
from headrace.client.reconnecting_stream import OnGap, ignore
from shared.contract.codec import EventObject
from shared.domain.record import JobSummary


class Client(OpenedBlocking):
    """A client of one Headrace, open for the length of ``with``; threads may share it.

    Each method is `AsyncClient`'s of the same name, and raises the same. Functions passed in (a token's,
    `on_gap`) are called in another thread.
    """

    def submit(self, submission: Mapping[str, Any], *, key: str | None = None) -> JobShown:
        """Submit a program. Idempotent by key."""
        return self._call(self._client.submit, submission, key=key)

    def submit_all(
        self, submissions: Sequence[Mapping[str, Any]], *, key: str | None = None
    ) -> tuple[BatchItem, ...]:
        """Submit up to a hundred programs."""
        return self._call(self._client.submit_all, submissions, key=key)

    def run(
        self, submission: Mapping[str, Any], *, key: str | None = None, timeout_s: float = RESULT_TIMEOUT_S
    ) -> JobShown:
        """Submit, and return the finished job."""
        return self._call(self._client.run, submission, key=key, timeout_s=timeout_s)

    def result(self, job_id: str, *, timeout_s: float = RESULT_TIMEOUT_S) -> JobShown:
        """The job once it has ended."""
        return self._call(self._client.result, job_id, timeout_s=timeout_s)

    def get(self, job_id: str, *, as_of: int | datetime | None = None) -> JobShown:
        """One job as it stands, or as it stood."""
        return self._call(self._client.get, job_id, as_of=as_of)

    def cancel(self, job_id: str) -> JobShown:
        """Stop a job."""
        return self._call(self._client.cancel, job_id)

    def input_state(self, job_id: str) -> InputState:
        """How far a job's input goes."""
        return self._call(self._client.input_state, job_id)

    def send_piece(
        self, job_id: str, offset: int, content: bytes, *, end: bool = False, secret: bool = False
    ) -> InputState:
        """Add one piece of input that begins at an offset. Idempotent."""
        return self._call(self._client.send_piece, job_id, offset, content, end=end, secret=secret)

    def send_input(self, job_id: str, content: bytes | str, *, secret: bool = False) -> InputState:
        """Add bytes at the end of a job's input."""
        return self._call(self._client.send_input, job_id, content, secret=secret)

    def end_input(self, job_id: str) -> InputState:
        """Tell the program that its input has ended."""
        return self._call(self._client.end_input, job_id)

    def resize(self, job_id: str, columns: int, rows: int) -> InputState:
        """Give the job's terminal another size."""
        return self._call(self._client.resize, job_id, columns, rows)

    def signal(self, job_id: str, name: str) -> InputState:
        """Send the program a signal."""
        return self._call(self._client.signal, job_id, name)

    def erase(self, user_id: str) -> Erasure:
        """Begin or continue to erase a user."""
        return self._call(self._client.erase, user_id)

    def dead_letters(self, *, cursor: str | None = None, limit: int | None = None) -> JobsPage:
        """A page of all users' dead letters."""
        return self._call(self._client.dead_letters, cursor=cursor, limit=limit)

    def every_dead_letter(self) -> Iterator[JobSummary]:
        """Those of all pages."""
        return self._each(self._client.every_dead_letter())

    def retry(self, job_id: str) -> JobShown:
        """Submit a dead letter's program again for its user."""
        return self._call(self._client.retry, job_id)

    def sessions(self) -> tuple[SessionCard, ...]:
        """The caller's saved documents."""
        return self._call(self._client.sessions)

    def session(self, session_id: str, *, revision: int | None = None) -> Session:
        """One saved document."""
        return self._call(self._client.session, session_id, revision=revision)

    def put_file(self, content: bytes) -> UploadedFile:
        """Upload a file, to be named in submissions."""
        return self._call(self._client.put_file, content)

    def files(self) -> tuple[UploadedFile, ...]:
        """The caller's uploaded files."""
        return self._call(self._client.files)

    def delete_file(self, file: str) -> None:
        """Remove an uploaded file."""
        return self._call(self._client.delete_file, file)

    def usage(self) -> Usage:
        """What the caller holds of everything that users share."""
        return self._call(self._client.usage)

    def jobs(self, **filters: Filter) -> JobsPage:
        """A page of the caller's jobs."""
        return self._call(self._client.jobs, **filters)

    def every_job(self, **filters: Filter) -> Iterator[JobSummary]:
        """The jobs of all pages."""
        return self._each(self._client.every_job(**filters))

    def languages(self) -> tuple[Language, ...]:
        """The languages that can be run right now."""
        return self._call(self._client.languages)

    def history(self, job_id: str) -> list[EventObject]:
        """One job's events as stored."""
        return self._call(self._client.history, job_id)

    def artifacts(self, job_id: str) -> Artifacts:
        """The files that a finished job left."""
        return self._call(self._client.artifacts, job_id)

    def artifact(self, job_id: str, path: str) -> Iterator[bytes]:
        """Stream one file of a finished job, in chunks."""
        return self._each(self._client.artifact(job_id, path))

    def replay(
        self,
        *,
        after: int = 0,
        kind: str | Sequence[str] | None = None,
        job_id: str | None = None,
        stored_from: datetime | None = None,
        stored_to: datetime | None = None,
        user_id: str | None = None,
        everyone: bool = False,
    ) -> Iterator[EventObject]:
        """All of the caller's events in the log."""
        return self._each(
            self._client.replay(
                after=after,
                kind=kind,
                job_id=job_id,
                stored_from=stored_from,
                stored_to=stored_to,
                user_id=user_id,
                everyone=everyone,
            )
        )

    def follow(
        self, job_id: str = "*", *, after: str = "start", until_now: bool = False, on_gap: OnGap = ignore
    ) -> Iterator[EventObject]:
        """One job's events until it ends, or (``*``) all jobs' without end."""
        return self._each(self._client.follow(job_id, after=after, until_now=until_now, on_gap=on_gap))

    def stream(self, job_id: str, *, after: str = "start", on_gap: OnGap = ignore) -> Iterator[EventObject]:
        """One job's events and its output, live, until it ends."""
        return self._each(self._client.stream(job_id, after=after, on_gap=on_gap))
