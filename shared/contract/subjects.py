"""Every stream, subject, and durable by name; nobody formats a subject elsewhere.

A user id is the `sub` of a token, so it may hold anything. `escape` makes it one legal subject token
and `unescape` reads it back: letters, digits, `-` and `_` stay, every other byte becomes `=HH`.
"""

import base64
import re
from collections.abc import Iterable
from functools import lru_cache

import msgspec

JOBS = "JOBS"
FEED = "FEED"
DEAD = "DEAD"
EXECUTORS = "KV_EXECUTORS"
LANGUAGES = "KV_LANGUAGES"

ARTIFACTS = "ARTIFACTS"
"""The bucket of the object store; its stream is `objects_stream(ARTIFACTS)`."""

SESSIONS = "KV_SESSIONS"
EXECUTOR_DURABLE = "executor"

JOBS_SUBJECTS = "jobs.*.*.*"
FEED_SUBJECTS = "feed.*.*.*"
QUEUED_SUBJECTS = "jobs.*.*.queued"
QUEUED_KIND = "queued"
TERMINAL_KINDS = ("completed", "failed", "timeout", "cancelled")
"""What begins a job, and what ends it."""

EXPIRED_KIND = "expired"
"""The subject of what is left of a job that is gone, for a while."""

SESSIONS_SUBJECTS = "$KV.SESSIONS.>"
EXECUTOR_SUBJECTS = "$KV.EXECUTORS.>"
LANGUAGE_SUBJECTS = "$KV.LANGUAGES.>"
DEAD_SUBJECTS = (
    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>",
    "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>",
)

DEAD_ADVISORIES = "$JS.EVENT.ADVISORY.CONSUMER.>"
"""Everything that DEAD holds."""

VIEW_JOB = "view.job"
VIEW_JOBS = "view.jobs"
VIEW_STATS = "view.stats"
VIEW_DEAD = "view.dead"
VIEW_USAGE = "view.usage"
VIEW_QUEUE = "view"

USER_BYTES_MAX = 128
"""Longest `sub` in bytes; escaped it is at most three times as long, well inside a subject's limit."""

USERS_REMEMBERED = 4_096
"""Whoever reads the log reads events of the same users again and again."""

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_TOKEN = re.compile(r"(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+")
_JOB_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class SubjectError(ValueError):
    """A name cannot be a subject token, or a subject is not one of ours."""


class JobSubject(msgspec.Struct, frozen=True):
    """What a subject of the log or the feed names."""

    user_id: str
    job_id: str
    kind: str


def is_job_id(text: str) -> bool:
    """Whether a client's text has the form of a job id (a lower-case UUID)."""
    return _JOB_ID.fullmatch(text) is not None


@lru_cache(USERS_REMEMBERED)
def escape(user_id: str) -> str:
    """The user id as one subject token. Raises SubjectError for an empty or over-long id."""
    raw = user_id.encode("utf-8", "surrogatepass")
    if not 0 < len(raw) <= USER_BYTES_MAX:
        raise SubjectError(f"a user id has 1 to {USER_BYTES_MAX} bytes, this one has {len(raw)}")
    return "".join(chr(byte) if byte in _PLAIN else f"={byte:02X}" for byte in raw)


@lru_cache(USERS_REMEMBERED)
def unescape(token: str) -> str:
    """The user id that `escape` was given. Raises SubjectError for any other text."""
    if _TOKEN.fullmatch(token) is None:
        raise SubjectError(f"not an escaped user id: {token!r}")
    if "=" not in token and len(token) <= USER_BYTES_MAX:
        return token
    raw = re.sub(rb"=([0-9A-F]{2})", lambda match: bytes.fromhex(match[1].decode()), token.encode())
    try:
        user_id = raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise SubjectError(f"not an escaped user id: {token!r}") from error
    if escape(user_id) != token:
        raise SubjectError(f"not the one escaped form of a user id: {token!r}")
    return user_id


def job_event(user_id: str, job_id: str, kind: str) -> str:
    """Where one event of a job is stored."""
    return f"jobs.{escape(user_id)}.{_job_token(job_id)}.{kind}"


def job_events(user_id: str, job_id: str) -> str:
    """All events of one job; also the one filter that every expected sequence is checked against."""
    return f"jobs.{escape(user_id)}.{_job_token(job_id)}.*"


def events_of_kind(kind: str) -> str:
    """All events of one kind, of every job."""
    return f"jobs.*.*.{kind}"


def event_of_job(job_id: str, kind: str) -> str:
    """One event of a job whose user is not known; ids are unique among all users."""
    return f"jobs.*.{_job_token(job_id)}.{kind}"


def user_events_of_kind(user_id: str, kind: str) -> str:
    """All events of one kind, of all jobs of one user."""
    return f"jobs.{escape(user_id)}.*.{kind}"


def user_events(user_id: str) -> str:
    """All events of all jobs of one user."""
    return f"jobs.{escape(user_id)}.*.*"


def events_among(user_id: str | None, job_id: str | None, kinds: Iterable[str]) -> tuple[str, ...]:
    """The events of one user (None: all), of one job (None: all), and of some kinds (none: every)."""
    user = "*" if user_id is None else escape(user_id)
    job = "*" if job_id is None else _job_token(job_id)
    return tuple(f"jobs.{user}.{job}.{kind}" for kind in sorted(set(kinds)) or ("*",))


def feed_note(user_id: str, job_id: str, kind: str) -> str:
    """Where one note of a running job is published."""
    return f"feed.{escape(user_id)}.{_job_token(job_id)}.{kind}"


def feed_notes(user_id: str, job_id: str) -> str:
    """All notes of one job."""
    return f"feed.{escape(user_id)}.{_job_token(job_id)}.*"


def user_notes(user_id: str) -> str:
    """All notes of all jobs of one user."""
    return f"feed.{escape(user_id)}.*.*"


def executor_key(executor_id: str) -> str:
    """Where an executor keeps its heartbeat."""
    return f"$KV.EXECUTORS.{executor_id}"


def language_key(name: str) -> str:
    """Where a language stays that was offered once."""
    return f"$KV.LANGUAGES.{escape(name)}"


def session_key(user_id: str, session_id: str) -> str:
    """Where the revisions of one session are saved."""
    return f"$KV.SESSIONS.{escape(user_id)}.{_job_token(session_id)}"


def session_keys(user_id: str) -> str:
    """All sessions of one user."""
    return f"$KV.SESSIONS.{escape(user_id)}.*"


def session_everything(user_id: str) -> str:
    """Whatever is saved of one user's sessions."""
    return f"$KV.SESSIONS.{escape(user_id)}.>"


def session_run_key(user_id: str, session_id: str) -> str:
    """Where the newest run of one session is named."""
    return f"$KV.SESSIONS.{escape(user_id)}.{_job_token(session_id)}.run"


def artifact_name(job_id: str, attempt: int, number: int) -> str:
    """The object that holds an attempt's artifact, by its place in the result, not by its path."""
    return f"{_job_token(job_id)}/{attempt}/{number}"


def objects_stream(bucket: str) -> str:
    """The stream beneath a bucket of the object store."""
    return f"OBJ_{bucket}"


def objects_subjects(bucket: str) -> tuple[str, str]:
    """All chunks and all descriptions of a bucket."""
    return f"$O.{bucket}.C.>", f"$O.{bucket}.M.>"


def object_chunks(bucket: str, token: str) -> str:
    """The chunks of one object, in order; `token` is drawn anew whenever an object is written."""
    return f"$O.{bucket}.C.{token}"


def object_description(bucket: str, name: str) -> str:
    """The one message that says what an object is and where its chunks are."""
    return f"$O.{bucket}.M.{base64.urlsafe_b64encode(name.encode()).decode()}"


def parse(subject: str) -> JobSubject:
    """What a subject of the log or the feed names. Raises SubjectError for any other subject."""
    parts = subject.split(".")
    if len(parts) != 4 or parts[0] not in {"jobs", "feed"} or not parts[3]:
        raise SubjectError(f"not a subject of the log or the feed: {subject!r}")
    return JobSubject(unescape(parts[1]), _job_token(parts[2]), parts[3])


def _job_token(job_id: str) -> str:
    if not is_job_id(job_id):
        raise SubjectError(f"not a job id: {job_id!r}")
    return job_id
