"""What routes answer besides single records: lists and pages, each a struct that OpenAPI can tell."""

from services.api.jobs.batch import BatchItem
from services.api.languages.catalogue import LanguageShown
from services.api.operators.dead_letters import Advisory
from services.api.sessions.service import Session, SessionCard
from shared.contract.codec import EventObject
from shared.domain.events import Artifact, Shape, SkippedArtifact
from shared.domain.record import JobSummary


class JobsPage(Shape, frozen=True, kw_only=True):
    """A page of jobs, without their arguments, files and results."""

    jobs: tuple[JobSummary, ...]
    """Newest first."""
    next: str | None
    """The `cursor` of the next page; None at the end."""


class Batch(Shape, frozen=True, kw_only=True):
    """What became of each submission of a batch."""

    jobs: list[BatchItem]
    """One for each submission, in their order."""


class JobEvents(Shape, frozen=True, kw_only=True):
    """A job's history as stored."""

    events: list[EventObject]
    """In the order of the log."""


class Artifacts(Shape, frozen=True, kw_only=True):
    """What was kept of a job's files, and what was not."""

    artifacts: tuple[Artifact, ...]
    """The files that were kept."""
    skipped: tuple[SkippedArtifact, ...]
    """The files that were asked for and are not kept."""


class Languages(Shape, frozen=True, kw_only=True):
    """What can be asked for."""

    languages: list[LanguageShown]
    """By name."""


class ShareUsed(Shape, frozen=True, kw_only=True):
    """What a user holds, and may hold in all at present: the share shrinks as others hold more."""

    used: int
    """What is held now."""
    share: int
    """What may be held in all at present."""


class UsageReport(Shape, frozen=True, kw_only=True):
    """What a user holds of each store and place."""

    log_bytes: ShareUsed
    """Bytes of the user's events in the log."""
    sessions_bytes: ShareUsed
    """Bytes of all kept revisions of the user's sessions."""
    artifacts_bytes: ShareUsed
    """Bytes of the files that the user's jobs left."""
    unfinished_jobs: ShareUsed
    """Jobs that have not ended."""
    waits: ShareUsed
    """Requests that wait at the process that answers (`Prefer: wait`)."""


class SessionList(Shape, frozen=True, kw_only=True):
    """All sessions of a user, without their documents."""

    sessions: list[SessionCard]
    """Last saved first."""


class Revisions(Shape, frozen=True, kw_only=True):
    """A page of the revisions of a session that are kept."""

    revisions: list[Session]
    """Oldest first, each with its document."""
    next: str | None
    """The `cursor` of the next page; None at the end."""


class Messages(Shape, frozen=True, kw_only=True):
    """The last messages that are not delivered any more."""

    messages: list[Advisory]
    """Oldest first."""


class FieldProblem(Shape, frozen=True, kw_only=True):
    """One broken rule."""

    field: str
    """Where: a path such as `files.0.name`, or `body`."""
    message: str
    """What is wrong there."""


class ProblemDocument(Shape, frozen=True, kw_only=True):
    """What went wrong (RFC 9457)."""

    type: str
    """Which kind of problem: stable, a URN. The page about it is the answer's `Link` with `rel="help"`."""
    title: str
    """The kind in words, fixed with it."""
    status: int
    """The HTTP status, again."""
    detail: str
    """What happened, for people; it may change."""
    instance: str
    """Names the request in our logs; also in `X-Request-Id`."""
    errors: tuple[FieldProblem, ...] = ()
    """Every broken rule, where rules of the request were broken."""
