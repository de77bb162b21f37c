"""Creates and checks the streams and the durable, once, before any service starts.

Run as ``python -m shared.provision`` with the permissions of the provisioner; services may not create
streams. Existing streams are updated where JetStream can change them. A stream that differs in kind is an
error, except where its content may be lost (the feed, the presence of executors): it is then recreated, for
example when one server becomes three.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec

from shared.contract import subjects
from shared.jetstream.connection import Broker, connect
from shared.jetstream.delivery import ACK_WAIT_S
from shared.jetstream.errors import (
    CONSUMER_NOT_FOUND,
    STREAM_NOT_FOUND,
    BrokerError,
    JetStreamError,
    UnreachableError,
)
from shared.observability.logs import configure, get_logger
from shared.retry import retry
from shared.service.runtime import EXIT_FAILED, load_or_exit
from shared.settings import EXIT_SETTINGS, MIB, BrokerSettings, Days, Rule, SettingsError

logger = get_logger(__name__)

DAY_S = 24 * 3600
EXECUTOR_TTL_S = 15
SESSION_REVISIONS = 20
LANGUAGES_BYTES_MAX = 4 * MIB

# JetStream cannot change these fields of an existing stream.
KIND = frozenset({"storage", "retention"})
TRANSIENT = frozenset({subjects.FEED, subjects.EXECUTORS})
PROVISIONED_WITHIN_S = 30.0
"""How long (s) to retry: a fresh cluster, or a stream with new replicas, has no leader yet."""
STARTED_WITHIN_S = 10.0
"""How long (s) a starting service waits for its first connection, and again for its first answer."""
LEADER_PAUSE_S = 0.2


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


class ProvisionError(Exception):
    """A stream or durable exists and differs in kind from what this version needs."""


class ProvisionSettings(BrokerSettings, frozen=True, kw_only=True):
    """Sizes and replicas of the streams."""

    replicas: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    retention_days: Days = 30
    jobs_bytes_max: StreamBytes = 4 * 1024 * MIB
    feed_bytes_max: StreamBytes = 256 * MIB
    artifacts_bytes_max: StreamBytes = 1024 * MIB
    sessions_bytes_max: StreamBytes = 1024 * MIB


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


AnswerT = TypeVar("AnswerT")


async def provision(broker: Broker, settings: ProvisionSettings) -> None:
    """Create or update every stream and durable. Raises ProvisionError or BrokerError."""
    for wanted in streams(settings):
        await _retry(partial(_provision_stream, broker, wanted), PROVISIONED_WITHIN_S)
    for durable in durables():
        await _retry(partial(_provision_durable, broker, durable), PROVISIONED_WITHIN_S)


async def executor_floor(broker: Broker) -> int:
    """The durable's ACK floor: every job queued up to it is terminal. Raises BrokerError."""
    ask = partial(broker.api, f"CONSUMER.INFO.{subjects.JOBS}.{subjects.EXECUTOR_DURABLE}")
    info = await _retry(ask, STARTED_WITHIN_S)
    return int(info["ack_floor"]["stream_seq"])


async def _retry(step: Callable[[], Awaitable[AnswerT]], within_s: float) -> AnswerT:
    """Retry a step while the broker does not answer. Each step is idempotent: it reads the state first."""
    return await retry(step, on=UnreachableError, within_s=within_s, pause_s=LEADER_PAUSE_S)


async def _provision_stream(broker: Broker, wanted: dict[str, Any]) -> None:
    name = wanted["name"]
    try:
        found = (await broker.api(f"STREAM.INFO.{name}"))["config"]
    except JetStreamError as error:
        if error.code != STREAM_NOT_FOUND:
            raise
        await _create_stream(broker, wanted)
        return
    differs = _differences(wanted, found)
    if differs & KIND and name in TRANSIENT:
        await broker.api(f"STREAM.DELETE.{name}", timeout_s=10)
        await _create_stream(broker, wanted)
        return
    if differs & KIND:
        raise ProvisionError(f"stream {name} exists with another {', '.join(sorted(differs & KIND))}")
    if differs:
        await broker.api(f"STREAM.UPDATE.{name}", {**found, **wanted}, timeout_s=10)
        logger.info("stream_updated", stream=name, fields=sorted(differs))


async def _create_stream(broker: Broker, wanted: dict[str, Any]) -> None:
    await broker.api(f"STREAM.CREATE.{wanted['name']}", wanted, timeout_s=10)
    logger.info("stream_created", stream=wanted["name"])


async def _provision_durable(broker: Broker, durable: Durable) -> None:
    name = durable.config["durable_name"]
    try:
        found = (await broker.api(f"CONSUMER.INFO.{durable.stream}.{name}"))["config"]
    except JetStreamError as error:
        if error.code != CONSUMER_NOT_FOUND:
            raise
        filtered = durable.config["filter_subject"]
        await broker.api(
            f"CONSUMER.CREATE.{durable.stream}.{name}.{filtered}",
            {"stream_name": durable.stream, "config": durable.config, "action": "create"},
        )
        logger.info("durable_created", durable=name)
        return
    differs = _differences(durable.config, found)
    if differs:
        raise ProvisionError(f"durable {name} exists with another {', '.join(sorted(differs))}")


def _differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> set[str]:
    return {field for field, value in wanted.items() if found.get(field) != value and value != -1}


async def _main(settings: ProvisionSettings) -> None:
    async with connect(settings, service="provisioner") as broker:
        await provision(broker, settings)


if __name__ == "__main__":
    configure("provisioner")
    try:
        asyncio.run(_main(load_or_exit(ProvisionSettings)))
    except (SettingsError, ProvisionError, BrokerError, msgspec.MsgspecError) as failure:
        logger.error("cannot_provision", error=str(failure))
        sys.exit(EXIT_SETTINGS if isinstance(failure, SettingsError) else EXIT_FAILED)
    except KeyboardInterrupt:
        logger.error("cannot_provision", error="interrupted; run it again, it goes on")
        sys.exit(EXIT_FAILED)
