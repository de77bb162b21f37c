"""Every event of the log and every note of the feed, one struct and one sentence each.

Published events never change: a later field has a default, an enumeration may grow and is read as text, a
new meaning is a new version with an upcast in `codec`. One golden file per version is kept under
`tests/contract/events/`.
This module holds shapes only: no clock, no ids, no I/O.
"""

from datetime import datetime
from typing import TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from shared.domain.contract_struct import ContractStruct
from shared.domain.enumerations import (
    OpenBucketName,
    OpenCgroupVersion,
    OpenEncoding,
    OpenExpiryReason,
    OpenFailureReason,
    OpenSignalName,
    OpenSourceEncoding,
    OpenStageName,
    OpenStreamName,
    OpenTimeoutReason,
)
from shared.domain.interaction import Interaction
from shared.domain.result import Result
from shared.domain.unsent import UnsentNote


class StoredFile(ContractStruct, frozen=True, kw_only=True):
    """Where the content of a submitted file is: an object of a bucket."""

    bucket: OpenBucketName
    object_name: str
    size: int
    sha256: str


class SourceFile(ContractStruct, frozen=True, kw_only=True):
    """One file of the submitted program; `content` is text, or base64 where it is not UTF-8.

    It is empty where the content is `stored`, or comes while the program runs (`live`, standard input alone).
    An executor that does not know such a value of `encoding` leaves the job to another one.
    """

    name: str
    content: str
    encoding: OpenSourceEncoding = "utf-8"
    stored: StoredFile | UnsetType = UNSET


class Limits(ContractStruct, frozen=True, kw_only=True):
    """What one stage may use. Bytes and milliseconds."""

    wall_ms: int = 10_000
    """Longest time from the stage's start to its end."""
    cpu_ms: int = 10_000
    """Processor time of all its processes together."""
    memory_bytes: int = 256 * 1024 * 1024
    """Memory of all its processes together, stacks, `/tmp` and `/dev/shm` included."""
    processes: int = 64
    """Processes and threads at a time."""
    disk_bytes: int = 64 * 1024 * 1024
    """The work directory, and the longest file."""
    output_bytes: int = 256 * 1024
    """Kept of each of the two streams; a program that prints more ends as `output_limit`."""
    files_open: int = 256
    """Open files of each process."""
    stack_bytes: int | None = None
    """The stack of a process's first thread, and of others that its C library is asked for without a
    size; None leaves the first to `memory_bytes` and the others to the library."""
    address_space_bytes: int | None = None
    """Addresses of each process, used or only reserved; None leaves them to the kernel."""


class ClampedLimit(ContractStruct, frozen=True, kw_only=True):
    """A limit beyond the operator's maximum that was lowered to it, as `limits_policy` asked."""

    name: str
    """Which of the `limits`."""
    requested: int
    """What the submission has."""
    applied: int
    """The maximum, which the job has instead."""


class Isolation(ContractStruct, frozen=True, kw_only=True):
    """What really stood between a program and its host during one attempt.

    `uids` is how many uids running cells have, each one of its own; where it is 1, they share `uid`.
    """

    namespaces: tuple[str, ...] = ()
    seccomp: str | None = None
    cgroup: OpenCgroupVersion = "none"
    uid: int | None = None
    runtime_digest: str | None = None
    uids: int = 1
    processor_shares: bool = False
    """Whether the processors are divided by cell. Where not, a cell of many processes gets more."""


class EventBase(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=False):
    """The fields that every event carries. `time` is the writer's clock, UTC."""

    job_id: str
    user_id: str
    time: datetime
    request_id: str
    trace: str | None = None


class JobQueued(EventBase, frozen=True, kw_only=True, tag="job.queued.v1"):
    """Accepted: the job will reach a terminal event. `artifacts` are patterns of the files to keep of it.

    `retry_of` is the dead letter that this job gives another chance. `ttl_s` counts from the terminal event;
    without one the job is kept until its user is erased. `artifacts_bytes_max` is the most that the user may
    hold of that store. The last fields are left out where no limit was lowered, the commands get no words,
    the program is not `interactive`, and where it runs in /work.
    """

    language: str
    files: tuple[SourceFile, ...]
    entrypoint: str
    fingerprint: str
    stdin: SourceFile | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    limits: Limits = Limits()
    labels: dict[str, str] = {}
    session: str | None = None
    expires_at: datetime | None = None
    concurrency: int = 1
    artifacts: tuple[str, ...] = ()
    retry_of: str | None = None
    ttl_s: int | None = None
    artifacts_bytes_max: int | None = None
    clamped: tuple[ClampedLimit, ...] | UnsetType = UNSET
    compiler_args: tuple[str, ...] | UnsetType = UNSET
    interpreter_args: tuple[str, ...] | UnsetType = UNSET
    interactive: Interaction | UnsetType = UNSET
    working_directory: str | UnsetType = UNSET


class JobRunning(EventBase, frozen=True, kw_only=True, tag="job.running.v1"):
    """An attempt has begun on one executor.

    `stage` is the first of its stages, which begins at once, and `remaining_s` how long it usually takes:
    progress that the feed does not repeat. Without a stage, what begins is told by the feed.
    """

    attempt: int
    executor_id: str
    queue_wait_ms: int
    isolation: Isolation = Isolation()
    language_version: str | None = None
    stage: OpenStageName | None = None
    remaining_s: float | None = None


class JobCompleted(EventBase, frozen=True, kw_only=True, tag="job.completed.v1"):
    """The program ended with exit code 0. `feed_sequence` is the attempt's last output in the feed.

    `unsent_notes` are what is not in the feed, because the attempt was over before.
    """

    attempt: int
    result: Result
    feed_sequence: int = 0
    unsent_notes: tuple[UnsentNote, ...] = ()


class JobFailed(EventBase, frozen=True, kw_only=True, tag="job.failed.v1"):
    """The program, its compiler, or its executor failed; `reason` says which way."""

    attempt: int
    reason: OpenFailureReason
    detail: str | None = None
    result: Result | None = None
    feed_sequence: int = 0
    unsent_notes: tuple[UnsentNote, ...] = ()


class JobTimeout(EventBase, frozen=True, kw_only=True, tag="job.timeout.v1"):
    """The program used up a time limit in the named stage."""

    attempt: int
    reason: OpenTimeoutReason
    stage: OpenStageName
    result: Result
    feed_sequence: int = 0
    unsent_notes: tuple[UnsentNote, ...] = ()


class JobCancelRequested(EventBase, frozen=True, kw_only=True, tag="job.cancel_requested.v1"):
    """The user wants a running job stopped."""

    by: str


class JobCancelled(EventBase, frozen=True, kw_only=True, tag="job.cancelled.v1"):
    """Stopped on request, while queued (no attempt) or while running."""

    by: str
    attempt: int | None = None
    result: Result | None = None
    feed_sequence: int = 0
    unsent_notes: tuple[UnsentNote, ...] = ()


Terminal: TypeAlias = JobCompleted | JobFailed | JobTimeout | JobCancelled


class JobExpired(EventBase, frozen=True, kw_only=True, tag="job.expired.v1"):
    """The job is gone, with all that it left: a tombstone, which tells nothing of the program."""

    reason: OpenExpiryReason


Event: TypeAlias = JobQueued | JobRunning | JobCancelRequested | Terminal | JobExpired


class JobOutput(EventBase, frozen=True, kw_only=True, tag="job.output.v1"):
    """A piece of a running job's output; `offset` counts the stream's bytes before it."""

    attempt: int
    stage: OpenStageName
    stream: OpenStreamName
    offset: int
    content: str
    encoding: OpenEncoding = "utf-8"


class JobProgress(EventBase, frozen=True, kw_only=True, tag="job.progress.v1"):
    """How far a running job has come: its stage, and an estimate where one is known."""

    attempt: int
    stage: OpenStageName
    percent: int
    message: str
    remaining_s: float | None = None


class InputBase(EventBase, frozen=True, kw_only=True):
    """A message of a job's input: of its stream, or a note of the feed that an `attempt` was given it.

    `number` counts the messages of this job's input before it, `offset` the bytes.
    """

    number: int
    offset: int
    attempt: int | UnsetType = UNSET


class JobInput(InputBase, frozen=True, kw_only=True, tag="job.input.v1"):
    """A piece of a job's input or, with `end`, the last of it.

    Of a `secret` piece the feed shows only the `length`.
    """

    content: str = ""
    encoding: OpenEncoding = "utf-8"
    end: bool = False
    secret: bool = False
    length: int | UnsetType = UNSET


class JobResized(InputBase, frozen=True, kw_only=True, tag="job.resized.v1"):
    """The terminal of a job has another size. `ended`: the input had ended before."""

    columns: int
    rows: int
    ended: bool = False


class JobSignalled(InputBase, frozen=True, kw_only=True, tag="job.signalled.v1"):
    """The program is sent a signal. `ended`: the input had ended before."""

    signal: OpenSignalName
    ended: bool = False


InputMessage: TypeAlias = JobInput | JobResized | JobSignalled

FeedNote: TypeAlias = JobOutput | JobProgress | InputMessage


def tag_of(event: EventBase) -> str:
    """The versioned tag of an event, for example ``job.queued.v1``."""
    tag = event.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def kind_of(event: EventBase) -> str:
    """The tag's middle word, which is also the last token of the subject: ``queued``."""
    return tag_of(event).split(".")[1]
