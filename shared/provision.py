"""Creates and checks the streams and the durable, once, before any service starts.

Run as ``python -m shared.provision`` with the permissions of the provisioner; services may not create
streams. Existing streams are updated where JetStream can change them. A stream that differs in kind is an
error, except where its content may be lost (the feed, the presence of executors): it is then recreated, for
example when one server becomes three.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import msgspec

from shared.contract import subjects
from shared.jetstream.connection import Broker, connect
from shared.jetstream.errors import (
    CONSUMER_NOT_FOUND,
    STREAM_NOT_FOUND,
    BrokerError,
    JetStreamError,
    UnreachableError,
)
from shared.jetstream.stream_config import Durable, ProvisionSettings, durables, streams
from shared.observability.logs import configure, get_logger
from shared.retry import retry
from shared.service.runtime import EXIT_FAILED, load_or_exit
from shared.settings import EXIT_SETTINGS, SettingsError

logger = get_logger(__name__)

# JetStream cannot change these fields of an existing stream.
KIND = frozenset({"storage", "retention"})
TRANSIENT = frozenset({subjects.FEED, subjects.EXECUTORS})
PROVISIONED_WITHIN_S = 30.0
"""How long (s) to retry: a fresh cluster, or a stream with new replicas, has no leader yet."""
STARTED_WITHIN_S = 10.0
"""How long (s) a starting service waits for its first connection, and again for its first answer."""
LEADER_PAUSE_S = 0.2

AnswerT = TypeVar("AnswerT")


class ProvisionError(Exception):
    """A stream or durable exists and differs in kind from what this version needs."""


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
