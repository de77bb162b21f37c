"""Configuration of every stream and of the durable, from the provisioner's settings (`shared.provision`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from shared.contract import subjects
from shared.jetstream.delivery import ACK_WAIT_S
from shared.settings import MIB, BrokerSettings, Days, Rule

DAY_S = 24 * 3600
EXECUTOR_TTL_S = 15
SESSION_REVISIONS = 20
LANGUAGES_BYTES_MAX = 4 * MIB
INPUT_AGE_S = 7 * DAY_S

STREAM_BYTES_MIN = 64 * 1024
"""Space for a small message and its metadata; a smaller stream could store nothing."""

StreamBytes = Annotated[
    int,
    msgspec.Meta(ge=-1, le=2**50),
    Rule(
        f"-1 for no bound, or a whole number from {STREAM_BYTES_MIN} to {2**50}",
        lambda size: None if size == -1 or size >= STREAM_BYTES_MIN else "nothing could be stored",
    ),
]


class ProvisionSettings(BrokerSettings, frozen=True, kw_only=True):
    """Sizes and replicas of the streams."""

    replicas: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    retention_days: Days = 30
    jobs_bytes_max: StreamBytes = 4 * 1024 * MIB
    feed_bytes_max: StreamBytes = 256 * MIB
    artifacts_bytes_max: StreamBytes = 1024 * MIB
    sessions_bytes_max: StreamBytes = 1024 * MIB
    files_bytes_max: StreamBytes = 1024 * MIB
    input_bytes_max: StreamBytes = 1024 * MIB
    files_retention_days: Days = 7


@dataclass(frozen=True, slots=True)
class Durable:
    """A durable consumer of one stream."""

    stream: str
    config: Mapping[str, Any]


def streams(settings: ProvisionSettings) -> list[dict[str, Any]]:
    """The configuration of every stream (docs/operations.md, Durability; decision 2)."""
    file = {"storage": "file", "num_replicas": settings.replicas, "retention": "limits"}
    transient = {**_transient(settings.replicas), "num_replicas": settings.replicas, "retention": "limits"}
    return [
        {
            **file,
            "name": subjects.JOBS,
            "subjects": [subjects.JOBS_SUBJECTS],
            # A full log refuses new jobs; it never drops history.
            "discard": "new",
            "max_bytes": settings.jobs_bytes_max,
            "allow_direct": True,
            "allow_msg_ttl": True,
            "compression": "s2",
            "duplicate_window": int(120e9),
            "max_consumers": 1_000,
        },
        {
            **file,
            "name": subjects.DEAD,
            "subjects": list(subjects.DEAD_SUBJECTS),
            "max_age": int(settings.retention_days * DAY_S * 1e9),
            "allow_direct": True,
        },
        {
            **transient,
            "name": subjects.FEED,
            "subjects": [subjects.FEED_SUBJECTS],
            # Notes of running jobs stay until their maximum age. Executors send no notes beyond a user's
            # share, so one user's output never displaces another's.
            "discard": "new",
            "max_age": int(600e9),
            "max_bytes": settings.feed_bytes_max,
            "allow_direct": True,
            "duplicate_window": int(60e9),
            "max_consumers": 1_000,
        },
        {
            **file,
            "name": subjects.INPUT,
            "subjects": [subjects.INPUT_SUBJECTS],
            # Input leaves with its job's end, or at the latest by its age. A full stream refuses more of it.
            "discard": "new",
            "max_age": int(INPUT_AGE_S * 1e9),
            "max_bytes": settings.input_bytes_max,
            "allow_direct": True,
            "duplicate_window": int(120e9),
            "max_consumers": 1_000,
        },
        {
            **transient,
            "name": subjects.EXECUTORS,
            "subjects": [subjects.EXECUTOR_SUBJECTS],
            "discard": "new",
            "max_msgs_per_subject": 1,
            "max_age": int(EXECUTOR_TTL_S * 1e9),
            "duplicate_window": int(EXECUTOR_TTL_S * 1e9),
            "allow_direct": True,
            "allow_rollup_hdrs": True,
        },
        {
            **file,
            "name": subjects.LANGUAGES,
            "subjects": [subjects.LANGUAGE_SUBJECTS],
            # A language stays known without a running executor, for any time.
            "discard": "new",
            "max_msgs_per_subject": 1,
            "max_bytes": LANGUAGES_BYTES_MAX,
            "duplicate_window": int(120e9),
            "allow_direct": True,
            "allow_rollup_hdrs": True,
        },
        {
            **file,
            "name": subjects.SESSIONS,
            "subjects": [subjects.SESSIONS_SUBJECTS],
            # A full bucket refuses to save, and the client gets an error; saved documents stay.
            "discard": "new",
            "max_bytes": settings.sessions_bytes_max,
            "max_msgs_per_subject": SESSION_REVISIONS,
            "duplicate_window": int(120e9),
            "allow_direct": True,
            "allow_rollup_hdrs": True,
            "max_consumers": 1_000,
        },
        {
            **file,
            "name": subjects.objects_stream(subjects.ARTIFACTS),
            "subjects": list(subjects.objects_subjects(subjects.ARTIFACTS)),
            # A full store refuses new files, and the job's result says so; stored files stay.
            "discard": "new",
            "max_bytes": settings.artifacts_bytes_max,
            "max_age": int(settings.retention_days * DAY_S * 1e9),
            "duplicate_window": int(120e9),
            "allow_direct": True,
            "allow_rollup_hdrs": True,
        },
        {
            **file,
            "name": subjects.objects_stream(subjects.FILES),
            "subjects": list(subjects.objects_subjects(subjects.FILES)),
            # A full store refuses uploads; what is stored stays until it is too old.
            "discard": "new",
            "max_bytes": settings.files_bytes_max,
            "max_age": int(settings.files_retention_days * DAY_S * 1e9),
            "duplicate_window": int(120e9),
            "allow_direct": True,
            "allow_rollup_hdrs": True,
        },
    ]


def _transient(replicas: int) -> dict[str, str]:
    """Storage of transient streams: replicated in memory, or, on a single server, in a file without sync.

    A single server loses a memory stream with its definition when it restarts, and no service may create
    streams (docs/decisions/0002).
    """
    return {"storage": "memory"} if replicas > 1 else {"storage": "file", "persist_mode": "async"}


def durables() -> list[Durable]:
    """The one durable: all executors share it (decision 24)."""
    return [
        Durable(
            subjects.JOBS,
            {
                "durable_name": subjects.EXECUTOR_DURABLE,
                "name": subjects.EXECUTOR_DURABLE,
                "filter_subject": subjects.QUEUED_SUBJECTS,
                "ack_policy": "explicit",
                "ack_wait": int(ACK_WAIT_S * 1e9),
                # The log counts attempts; the consumer must not stop redelivery by itself.
                "max_deliver": -1,
                "deliver_policy": "all",
                "replay_policy": "instant",
                "max_ack_pending": 100_000,
                "max_waiting": 2_048,
            },
        )
    ]
