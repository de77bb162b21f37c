"""What routes answer besides single records: lists and pages, each a struct that OpenAPI can tell."""

from services.api.batches import BatchItem
from services.api.catalogue import LanguageShown
from services.api.dead_letters import Advisory
from services.api.sessions import Session, SessionCard
from shared.codec import EventObject
from shared.events import Artifact, Shape, SkippedArtifact
from shared.record import JobSummary


class JobsPage(Shape, frozen=True, kw_only=True):
    """Newest first, without arguments, files and results; `next` goes on, None at the end."""

    jobs: tuple[JobSummary, ...]
    next: str | None


class Batch(Shape, frozen=True, kw_only=True):
    """One answer for each submission, in their order."""

    jobs: list[BatchItem]


class JobEvents(Shape, frozen=True, kw_only=True):
    """A job's history as stored."""

    events: list[EventObject]


class Artifacts(Shape, frozen=True, kw_only=True):
    """What was kept of a job's files, and what was not."""

    artifacts: tuple[Artifact, ...]
    skipped: tuple[SkippedArtifact, ...]


class Languages(Shape, frozen=True, kw_only=True):
    """What can be asked for, by name."""

    languages: list[LanguageShown]


class ShareUsed(Shape, frozen=True, kw_only=True):
    """What a user holds, and may hold in all at present: the share shrinks as others hold more."""

    used: int
    share: int


class UsageReport(Shape, frozen=True, kw_only=True):
    """What a user holds of each store and place. Waits are those at the process that answers."""

    log_bytes: ShareUsed
    sessions_bytes: ShareUsed
    artifacts_bytes: ShareUsed
    unfinished_jobs: ShareUsed
    waits: ShareUsed


class SessionList(Shape, frozen=True, kw_only=True):
    """Last saved first."""

    sessions: list[SessionCard]


class Revisions(Shape, frozen=True, kw_only=True):
    """Oldest first; `next` goes on, None at the end."""

    revisions: list[Session]
    next: str | None


class Messages(Shape, frozen=True, kw_only=True):
    """Oldest first."""

    messages: list[Advisory]


class FieldProblem(Shape, frozen=True, kw_only=True):
    """One broken rule: where, and what."""

    field: str
    message: str


class ProblemDocument(Shape, frozen=True, kw_only=True):
    """RFC 9457. `type` is stable, `detail` is for people, `instance` names the request in our logs."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: tuple[FieldProblem, ...] = ()
