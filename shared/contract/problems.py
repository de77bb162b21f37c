"""Every problem type (RFC 9457) that the services return.

`type` is a URN, independent of the service's address; the answering service serves its page
(`ProblemType.link`). `detail` is for people and may change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

MEDIA_TYPE = "application/problem+json"
PREFIX = "urn:headrace:problem:"
PAGES = "/problems/"
"""Path prefix of the problem pages, at the api and at the notifier."""


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem: its slug, its HTTP status, and its fixed title."""

    slug: str
    status: HTTPStatus
    title: str

    @property
    def uri(self) -> str:
        """The value of `type`."""
        return PREFIX + self.slug

    @property
    def link(self) -> str:
        """The `Link` field (RFC 8288) of a response with this problem: its page."""
        return f'<{PAGES}{self.slug}>; rel="help"'


BAD_REQUEST = ProblemType("bad-request", HTTPStatus.BAD_REQUEST, "The request cannot be read")
BAD_CURSOR = ProblemType("bad-cursor", HTTPStatus.BAD_REQUEST, "There is no such place in this log")
UNAUTHENTICATED = ProblemType("unauthenticated", HTTPStatus.UNAUTHORIZED, "A valid token is needed")
FORBIDDEN = ProblemType("forbidden", HTTPStatus.FORBIDDEN, "The token does not allow this")
NOT_FOUND = ProblemType("not-found", HTTPStatus.NOT_FOUND, "There is no such thing here")
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed", HTTPStatus.METHOD_NOT_ALLOWED, "The method is not allowed here"
)
UNKNOWN_JOB = ProblemType("unknown-job", HTTPStatus.NOT_FOUND, "You have no job of this id")
EXPIRED = ProblemType("expired", HTTPStatus.GONE, "The job has expired")
ALREADY_FINISHED = ProblemType("already-finished", HTTPStatus.CONFLICT, "The job has already ended")
NOT_INTERACTIVE = ProblemType("not-interactive", HTTPStatus.CONFLICT, "The job reads no input while it runs")
NO_TERMINAL = ProblemType("no-terminal", HTTPStatus.CONFLICT, "The job has no terminal")
NOT_RUNNING = ProblemType("not-running", HTTPStatus.CONFLICT, "The program does not run yet")
INPUT_MISMATCH = ProblemType(
    "input-mismatch", HTTPStatus.CONFLICT, "The input does not continue what is there"
)
INPUT_ENDED = ProblemType("input-ended", HTTPStatus.CONFLICT, "The input has ended already")
INPUT_LIMIT = ProblemType(
    "input-limit", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "More input than a job may have"
)
INPUT_NOT_READ = ProblemType(
    "input-not-read", HTTPStatus.CONFLICT, "More input than a job may have before it runs"
)
UNKNOWN_ARTIFACT = ProblemType("unknown-artifact", HTTPStatus.NOT_FOUND, "The job has no such artifact")
NOT_FINISHED = ProblemType("not-finished", HTTPStatus.CONFLICT, "The job has not ended yet")
UNKNOWN_FILE = ProblemType("unknown-file", HTTPStatus.NOT_FOUND, "You have no such file")
TOO_MANY_FILES = ProblemType(
    "too-many-files", HTTPStatus.CONFLICT, "More uploaded files than this user may have"
)
UNKNOWN_SESSION = ProblemType("unknown-session", HTTPStatus.NOT_FOUND, "You have no session of this id")
TOO_MANY_SESSIONS = ProblemType(
    "too-many-sessions", HTTPStatus.CONFLICT, "More sessions than this user may have"
)
STORAGE_FULL = ProblemType("storage-full", HTTPStatus.INSUFFICIENT_STORAGE, "There is no room left to save")
PRECONDITION_FAILED = ProblemType(
    "precondition-failed", HTTPStatus.PRECONDITION_FAILED, "It has changed since it was read"
)
NOT_DEAD = ProblemType("not-dead", HTTPStatus.CONFLICT, "The job is no dead letter")
TOO_LARGE = ProblemType("too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large")
URI_TOO_LONG = ProblemType("uri-too-long", HTTPStatus.REQUEST_URI_TOO_LONG, "The address is too long")
HEADERS_TOO_LARGE = ProblemType(
    "headers-too-large", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The header fields are too large"
)
TOO_SLOW = ProblemType("too-slow", HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time")
UNSUPPORTED_MEDIA = ProblemType(
    "unsupported-media-type", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must be JSON"
)
INVALID = ProblemType("invalid-request", HTTPStatus.UNPROCESSABLE_ENTITY, "The request breaks a rule")
UNKNOWN_LANGUAGE = ProblemType(
    "unknown-language", HTTPStatus.UNPROCESSABLE_ENTITY, "No executor offers this language"
)
TOO_MANY_REQUESTS = ProblemType(
    "too-many-requests", HTTPStatus.TOO_MANY_REQUESTS, "More requests a second than this user may send"
)
TOO_MANY_JOBS = ProblemType(
    "too-many-jobs", HTTPStatus.TOO_MANY_REQUESTS, "More unfinished jobs than this user may have"
)
TOO_MANY_READERS = ProblemType(
    "too-many-readers", HTTPStatus.TOO_MANY_REQUESTS, "More histories at once than this user may read"
)
TOO_MANY_BODIES = ProblemType(
    "too-many-bodies", HTTPStatus.TOO_MANY_REQUESTS, "More bytes of requests at once than this user may send"
)
OVERLOADED = ProblemType("overloaded", HTTPStatus.SERVICE_UNAVAILABLE, "Too many jobs wait already")
INTERNAL = ProblemType("internal", HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed")
UNAVAILABLE = ProblemType(
    "unavailable", HTTPStatus.SERVICE_UNAVAILABLE, "A part of the service does not answer"
)
NEWER_EVENT = ProblemType(
    "newer-event", HTTPStatus.SERVICE_UNAVAILABLE, "The job has an event of a newer version"
)
TOO_MANY_CONNECTIONS = ProblemType(
    "too-many-connections", HTTPStatus.SERVICE_UNAVAILABLE, "There is no place for this connection now"
)
OTHER_HTTP = ProblemType("http", HTTPStatus.BAD_REQUEST, "The request cannot be served")

ALL = (
    BAD_REQUEST,
    BAD_CURSOR,
    UNAUTHENTICATED,
    FORBIDDEN,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    UNKNOWN_JOB,
    EXPIRED,
    ALREADY_FINISHED,
    NOT_INTERACTIVE,
    NO_TERMINAL,
    NOT_RUNNING,
    INPUT_MISMATCH,
    INPUT_ENDED,
    INPUT_LIMIT,
    INPUT_NOT_READ,
    UNKNOWN_ARTIFACT,
    NOT_FINISHED,
    UNKNOWN_FILE,
    TOO_MANY_FILES,
    UNKNOWN_SESSION,
    TOO_MANY_SESSIONS,
    STORAGE_FULL,
    PRECONDITION_FAILED,
    NOT_DEAD,
    TOO_LARGE,
    URI_TOO_LONG,
    HEADERS_TOO_LARGE,
    TOO_SLOW,
    UNSUPPORTED_MEDIA,
    INVALID,
    UNKNOWN_LANGUAGE,
    TOO_MANY_REQUESTS,
    TOO_MANY_JOBS,
    TOO_MANY_READERS,
    TOO_MANY_BODIES,
    OVERLOADED,
    INTERNAL,
    UNAVAILABLE,
    NEWER_EVENT,
    TOO_MANY_CONNECTIONS,
    OTHER_HTTP,
)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One broken rule: its place (a JSON path such as ``files.0.name``) and the message."""

    field: str
    message: str


class ProblemError(Exception):
    """Ends a request; the outermost layer turns it into the response."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        headers: dict[str, str] | None = None,
        status: int | None = None,
        extra: Mapping[str, int] | None = None,
    ) -> None:
        """`status` overrides the type's own, for problems of the HTTP layer only.

        `extra` are further members of the document, which `ProblemDocument` names.
        """
        super().__init__(detail)
        self.problem = Problem(kind, detail, errors, headers or {}, status or int(kind.status), extra or {})


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem as the client receives it."""

    kind: ProblemType
    detail: str
    errors: tuple[FieldError, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 0
    extra: Mapping[str, int] = field(default_factory=dict)

    def document(self, instance: str) -> dict[str, object]:
        """The JSON object of RFC 9457; `instance` is the request id."""
        document: dict[str, object] = {
            "type": self.kind.uri,
            "title": self.kind.title,
            "status": self.status or int(self.kind.status),
            "detail": self.detail,
            "instance": instance,
            **self.extra,
        }
        if self.errors:
            document["errors"] = [{"field": one.field, "message": one.message} for one in self.errors]
        return document
