"""Names of every stream, subject and durable; no other module formats subjects.

A user id is the `sub` of a token and may contain any character. `escape` encodes it as one legal subject
token, `unescape` decodes it: letters, digits, `-` and `_` stay, every other byte becomes `=HH`.
"""

import base64
import re
from collections.abc import Iterable
from functools import lru_cache

import msgspec

JOBS = "JOBS"
FEED = "FEED"
INPUT = "INPUT"
DEAD = "DEAD"
EXECUTORS = "KV_EXECUTORS"
LANGUAGES = "KV_LANGUAGES"

ARTIFACTS = "ARTIFACTS"
"""The bucket of the object store; its stream is `objects_stream(ARTIFACTS)`."""

FILES = "FILES"
"""Another bucket: files that users upload, to name them in submissions."""

SESSIONS = "KV_SESSIONS"
EXECUTOR_DURABLE = "executor"

JOBS_SUBJECTS = "jobs.*.*.*"
FEED_SUBJECTS = "feed.*.*.*"
INPUT_SUBJECTS = "input.*.*"
QUEUED_SUBJECTS = "jobs.*.*.queued"
QUEUED_KIND = "queued"
TERMINAL_KINDS = ("completed", "failed", "timeout", "cancelled")
"""The kind of a job's first event, and the kinds of its terminal event."""

EXPIRED_KIND = "expired"
"""The kind of a tombstone, which stays for a while after its job is removed."""

SESSIONS_SUBJECTS = "$KV.SESSIONS.>"
EXECUTOR_SUBJECTS = "$KV.EXECUTORS.>"
LANGUAGE_SUBJECTS = "$KV.LANGUAGES.>"
DEAD_SUBJECTS = (
    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>",
    "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>",
)

DEAD_ADVISORIES = "$JS.EVENT.ADVISORY.CONSUMER.>"
"""The subjects of DEAD."""

VIEW_JOB = "view.job"
VIEW_JOBS = "view.jobs"
VIEW_STATS = "view.stats"
VIEW_DEAD = "view.dead"
VIEW_USAGE = "view.usage"
VIEW_QUEUE = "view"

USER_BYTES_MAX = 128
"""Longest `sub` in bytes. Escaped it is at most three times as long, well within a subject's limit."""

USERS_REMEMBERED = 4_096
"""Size of the cache of escaped ids: readers of the log see the same users repeatedly."""

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_TOKEN = re.compile(r"(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_JOB_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class SubjectError(ValueError):
    """A name cannot be a subject token, or a subject is not one of Headrace's."""


class JobSubject(msgspec.Struct, frozen=True):
    """The parts of a subject of the log or the feed."""

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
    """The user id of an escaped token. Raises SubjectError for any other text."""
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
    """Subject of one event of a job."""
    return f"jobs.{escape(user_id)}.{_job_token(job_id)}.{kind}"


def job_events(user_id: str, job_id: str) -> str:
    """All events of one job; the filter that expected sequences are checked against."""
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
    """Subject of one note of a running job."""
    return f"feed.{escape(user_id)}.{_job_token(job_id)}.{kind}"


def feed_notes(user_id: str, job_id: str) -> str:
    """All notes of one job."""
    return f"feed.{escape(user_id)}.{_job_token(job_id)}.*"


def user_notes(user_id: str) -> str:
    """All notes of all jobs of one user."""
    return f"feed.{escape(user_id)}.*.*"


def job_input(user_id: str, job_id: str) -> str:
    """Subject of the input of one job, all its messages alike."""
    return f"input.{escape(user_id)}.{_job_token(job_id)}"


def user_input(user_id: str) -> str:
    """The input of all jobs of one user."""
    return f"input.{escape(user_id)}.*"


def parse_input(subject: str) -> tuple[str, str]:
    """The user and the job of a subject of input. Raises SubjectError for any other subject."""
    parts = subject.split(".")
    if len(parts) != 3 or parts[0] != "input":
        raise SubjectError(f"not a subject of input: {subject!r}")
    return unescape(parts[1]), _job_token(parts[2])


def executor_key(executor_id: str) -> str:
    """Key of an executor's presence."""
    return f"$KV.EXECUTORS.{executor_id}"


def language_key(name: str) -> str:
    """Key of an offered language."""
    return f"$KV.LANGUAGES.{escape(name)}"


def session_key(user_id: str, session_id: str) -> str:
    """Key of one session's revisions."""
    return f"$KV.SESSIONS.{escape(user_id)}.{_job_token(session_id)}"


def session_keys(user_id: str) -> str:
    """All sessions of one user."""
    return f"$KV.SESSIONS.{escape(user_id)}.*"


def session_everything(user_id: str) -> str:
    """All keys of one user: sessions and their newest runs."""
    return f"$KV.SESSIONS.{escape(user_id)}.>"


def session_run_key(user_id: str, session_id: str) -> str:
    """Key of the newest run of one session."""
    return f"$KV.SESSIONS.{escape(user_id)}.{_job_token(session_id)}.run"


def run_slot_key(user_id: str, slot: int) -> str:
    """Key of one of the slots in which runs are remembered that belong to no saved session."""
    return f"$KV.SESSIONS.{escape(user_id)}.slot.{slot}"


def artifact_name(job_id: str, attempt: int, number: int) -> str:
    """Object name of an attempt's artifact, by its index in the result rather than its path."""
    return f"{_job_token(job_id)}/{attempt}/{number}"


def file_name(user_id: str, sha256: str) -> str:
    """Object name of a user's file, which is found by its content."""
    if _SHA256.fullmatch(sha256) is None:
        raise SubjectError(f"not a SHA-256 in hexadecimal: {sha256!r}")
    return f"{escape(user_id)}.{sha256}"


def file_description(name: str) -> str:
    """Subject of the message that describes a user's file: by user, so that they can be listed."""
    return f"$O.{FILES}.M.{name}"


def user_files(user_id: str) -> str:
    """The descriptions of all files of one user."""
    return f"$O.{FILES}.M.{escape(user_id)}.*"


def objects_stream(bucket: str) -> str:
    """The stream of an object store bucket."""
    return f"OBJ_{bucket}"


def objects_subjects(bucket: str) -> tuple[str, str]:
    """All chunks and all descriptions of a bucket."""
    return f"$O.{bucket}.C.>", f"$O.{bucket}.M.>"


def object_chunks(bucket: str, token: str) -> str:
    """Subject of the chunks of one object, in order; each write of an object draws a new `token`."""
    return f"$O.{bucket}.C.{token}"


def object_description(bucket: str, name: str) -> str:
    """Subject of the message that describes an object and names its chunks."""
    return f"$O.{bucket}.M.{base64.urlsafe_b64encode(name.encode()).decode()}"


def parse(subject: str) -> JobSubject:
    """Parse a subject of the log or the feed. Raises SubjectError for any other subject."""
    parts = subject.split(".")
    if len(parts) != 4 or parts[0] not in {"jobs", "feed"} or not parts[3]:
        raise SubjectError(f"not a subject of the log or the feed: {subject!r}")
    return JobSubject(unescape(parts[1]), _job_token(parts[2]), parts[3])


def _job_token(job_id: str) -> str:
    if not is_job_id(job_id):
        raise SubjectError(f"not a job id: {job_id!r}")
    return job_id
