"""Stored and public forms of sessions: documents, their revisions, and their newest run."""

import hashlib
import json
from datetime import datetime

import msgspec
from pydantic import ValidationError

from services.api.http.problems import invalid
from services.api.jobs.schemas import INTERACTIVE_FIELDS, SubmissionBody
from services.api.sessions.schemas import RunBody, SessionBody
from shared.contract.problems import ProblemError
from shared.jetstream.stored_message import MESSAGE_OVERHEAD_BYTES, Entry

_LATER_FIELDS = (
    *("ttl_s", "limits_policy", "compiler_args", "interpreter_args", "working_directory"),
    *INTERACTIVE_FIELDS,
)
"""Fields added since fingerprints of runs were first stored."""
KEPT_UNKNOWN_BYTES = 64 * 1024
"""Assumed bytes of a session saved by an earlier version, which did not record sizes."""


class SessionCard(msgspec.Struct, frozen=True, kw_only=True):
    """A session as a list shows it."""

    session_id: str
    """Names the session: a UUID."""
    revision: int
    """Counts up with each save, with gaps; also the session's entity tag."""
    title: str
    """The document's title."""
    language: str
    """The document's language."""
    created_at: datetime
    """When the session began."""
    saved_at: datetime
    """When this revision was saved."""


class Session(SessionCard, frozen=True, kw_only=True):
    """A session with its document."""

    document: msgspec.Raw
    """What was saved: a `SessionBody`, without what was left out of it."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a revision that lists show; a header of its message."""

    title: str
    language: str
    created_at: datetime
    saved_at: datetime
    kept_bytes: int = KEPT_UNKNOWN_BYTES


class StoredRevision(msgspec.Struct, frozen=True, kw_only=True):
    """One revision in its stored form."""

    created_at: datetime
    saved_at: datetime
    document: msgspec.Raw
    earlier: tuple[int, ...] = ()
    """Sizes of the revisions that are kept beside it, oldest first."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of all kept revisions, this one last."""
        return (*self.earlier, len(bytes(self.document)) + MESSAGE_OVERHEAD_BYTES)


class NewestRun(msgspec.Struct, frozen=True, kw_only=True):
    """The newest run of a session: its revision, its fingerprint and its job."""

    revision: int
    fingerprint: str
    job_id: str


def document_of(body: SessionBody) -> msgspec.Raw:
    """The saved document as it was sent, without fields that were left out."""
    return msgspec.Raw(body.model_dump_json(exclude_unset=True).encode())


def submission_of(stored: StoredRevision, body: RunBody) -> SubmissionBody:
    """The document as a submission, with the run's own fields; a run's own limits have its own policy.

    Raises ProblemError (422) where they do not fit the document, as a standard input for an interactive one.
    """
    document = json.loads(bytes(stored.document))
    document.pop("title", None)
    own = body.model_dump(exclude_unset=True)
    if "limits" in own:
        own["limits_policy"] = body.limits_policy
    try:
        return SubmissionBody.model_validate({**document, **own})
    except ValidationError as error:
        problem = invalid(
            error.errors(include_url=False, include_context=False, include_input=False), SubmissionBody
        )
        raise ProblemError(problem.kind, problem.detail, errors=problem.errors) from error


def fingerprint_of(submission: SubmissionBody) -> str:
    """The submission's fingerprint; fields of later versions count only if used, as in `SubmissionBody`."""
    unused = submission.unused_later_fields(_LATER_FIELDS)
    return hashlib.sha256(submission.model_dump_json(exclude=unused).encode()).hexdigest()


def decode(entry: Entry) -> StoredRevision:
    """The revision of a stored message."""
    return msgspec.json.decode(entry.payload, type=StoredRevision)


def session_of(session_id: str, revision: int, stored: StoredRevision) -> Session:
    """The revision in its public form."""
    document = json.loads(bytes(stored.document))
    return Session(
        session_id=session_id,
        revision=revision,
        title=document.get("title", ""),
        language=document["language"],
        created_at=stored.created_at,
        saved_at=stored.saved_at,
        document=stored.document,
    )
