"""Makes and checks the streams and the durable, once, before any service starts.

Run as ``python -m shared.provision`` by whoever may create streams (the provisioner); services may not.
What exists is brought up to date where JetStream can change it, and refused where it differs in kind; only
what may be lost (the feed, the presence of executors) is made anew then, as when one server becomes three.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec

from shared.contract import subjects
from shared.jetstream.connection import (
    CONSUMER_NOT_FOUND,
    STREAM_NOT_FOUND,
    Broker,
    BrokerError,
    JetStreamError,
    UnreachableError,
    connect,
)
from shared.jetstream.delivery import ACK_WAIT_S
from shared.observability.logs import configure, get_logger
from shared.service.runtime import EXIT_FAILED, load_or_exit
from shared.settings import EXIT_SETTINGS, MIB, BrokerSettings, Days, Rule, SettingsError

logger = get_logger(__name__)

DAY_S = 24 * 3600
EXECUTOR_TTL_S = 15
SESSION_REVISIONS = 20
LANGUAGES_BYTES_MAX = 4 * MIB

# Changing one of these would make another stream of the same name.
KIND = frozenset({"storage", "retention"})
TRANSIENT = frozenset({subjects.FEED, subjects.EXECUTORS})
PATIENCE_S = 30.0
"""A cluster that has just started, or a stream that has just got replicas, has no leader yet."""
STARTED_WITHIN_S = 10.0
"""A service that starts waits so long for its first connection and then for its first answer."""
PAUSE_S = 0.2


STREAM_BYTES_MIN = 64 * 1024
"""What a small message and its metadata need; in a smaller stream nothing could be stored."""

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
    """How large and how safe the streams are."""

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
    """Every stream, with the reason for each setting that matters in DESIGN 3.1."""
    file = {"storage": "file", "num_replicas": settings.replicas, "retention": "limits"}
    transient = {**_transient(settings.replicas), "num_replicas": settings.replicas, "retention": "limits"}
    return [
        {
            **file,
            "name": subjects.JOBS,
            "subjects": [subjects.JOBS_SUBJECTS],
            # Never silently lose history: a full log refuses new jobs instead.
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
            # What is told of running jobs stays until its age is over: executors send no user's notes beyond
            # his share, so one user's output never flushes another's.
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
            # A language stays known while no executor is there, however long that is.
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
            # A full bucket refuses to save, and the client is told: what is saved stays.
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
            # A full store refuses new files, and their job says so: files that a job names stay.
            "discard": "new",
            "max_bytes": settings.artifacts_bytes_max,
            "max_age": int(settings.retention_days * DAY_S * 1e9),
            "duplicate_window": int(120e9),
            "allow_direct": True,
            "allow_rollup_hdrs": True,
        },
    ]


def _transient(replicas: int) -> dict[str, str]:
    """Storage for what may be lost: replicated in memory, or on one server a file that is never synced.

    A single server forgets a memory stream altogether when it restarts, its definition included, and no
    service may create streams (docs/decisions/0002).
    """
    return {"storage": "memory"} if replicas > 1 else {"storage": "file", "persist_mode": "async"}


def durables() -> list[Durable]:
    """The one durable: all executors share it (DESIGN 5.2)."""
    return [
        Durable(
            subjects.JOBS,
            {
                "durable_name": subjects.EXECUTOR_DURABLE,
                "name": subjects.EXECUTOR_DURABLE,
                "filter_subject": subjects.QUEUED_SUBJECTS,
                "ack_policy": "explicit",
                "ack_wait": int(ACK_WAIT_S * 1e9),
                # Attempts are counted in the log; the consumer must never give up on a job by itself.
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
    """Bring every stream and durable into being. Raises ProvisionError or BrokerError."""
    for wanted in streams(settings):
        await _patiently(partial(_provision_stream, broker, wanted), PATIENCE_S)
    for durable in durables():
        await _patiently(partial(_provision_durable, broker, durable), PATIENCE_S)


async def executor_floor(broker: Broker) -> int:
    """Every job queued up to this sequence is terminal: only those are acknowledged. Raises BrokerError."""
    ask = partial(broker.api, f"CONSUMER.INFO.{subjects.JOBS}.{subjects.EXECUTOR_DURABLE}")
    info = await _patiently(ask, STARTED_WITHIN_S)
    return int(info["ack_floor"]["stream_seq"])


async def _patiently(step: Callable[[], Awaitable[AnswerT]], patience_s: float) -> AnswerT:
    """Ask again while nobody answers. Each step looks first at what is there, so it may be repeated."""
    deadline = asyncio.get_running_loop().time() + patience_s
    while True:
        try:
            return await step()
        except UnreachableError:
            if asyncio.get_running_loop().time() >= deadline:
                raise
            await asyncio.sleep(PAUSE_S)


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
