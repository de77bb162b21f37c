"""What an executor tells of itself every few seconds: the languages it offers and how well it isolates.

Written by executors to the KV bucket EXECUTORS, where it expires soon after its executor; read by the api.
What was offered once stays in the KV bucket LANGUAGES: programs are accepted while no executor is there.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

import msgspec

from shared.contract.codec import UndecodableError
from shared.contract.subjects import (
    EXECUTOR_SUBJECTS,
    EXECUTORS,
    LANGUAGE_SUBJECTS,
    LANGUAGES,
    executor_key,
    language_key,
)
from shared.domain.events import Isolation, Limits, OpenStageName, Shape
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log

ShapeT = TypeVar("ShapeT", bound=Shape)

BEAT_S = 5.0
KV_OPERATION = "KV-Operation"
PROVISION_AGAIN = "after an upgrade, provision the streams again: python -m shared.provision"


class LanguageOffer(Shape, frozen=True, kw_only=True):
    """A language as an executor offers it, with the limits a job gets that asks for none."""

    name: str
    """What a submission asks for."""
    version: str
    """As its interpreter or compiler says it."""
    aliases: tuple[str, ...]
    """Other names that a submission may use."""
    extension: str
    """Of the file that a submission's `code` becomes, without the dot."""
    entrypoint: str
    """The file that is run where a submission names none."""
    stages: tuple[OpenStageName, ...]
    """What happens to a program, in this order."""
    limits: Limits
    """What a job gets that asks for none."""


class Presence(Shape, frozen=True, kw_only=True):
    """One executor, alive at `time`."""

    executor_id: str
    time: datetime
    slots: int
    isolation: Isolation
    languages: tuple[LanguageOffer, ...]


async def announce(broker: Broker, presence: Presence) -> None:
    """Say that the executor lives. Raises BrokerError."""
    await broker.request(executor_key(presence.executor_id), msgspec.json.encode(presence))


async def withdraw(broker: Broker, executor_id: str) -> None:
    """Say that it stops, so that nobody counts on it until its entry expires. Raises BrokerError."""
    await broker.request(executor_key(executor_id), b"", headers={KV_OPERATION: "DEL"})


async def keep(broker: Broker, offers: Iterable[LanguageOffer]) -> None:
    """Let languages be known for as long as nobody deletes them. Raises BrokerError."""
    for offer in offers:
        await broker.request(language_key(offer.name), msgspec.json.encode(offer))


async def executors(log: Log) -> list[Presence]:
    """Everybody whose announcement has not expired. Raises BrokerError, UndecodableError."""
    return await _read(log, EXECUTOR_SUBJECTS, EXECUTORS, Presence)


async def kept(log: Log) -> list[LanguageOffer]:
    """Every language that was ever offered, as it was offered last. Raises BrokerError, UndecodableError."""
    return await _read(log, LANGUAGE_SUBJECTS, LANGUAGES, LanguageOffer)


async def _read(log: Log, subjects: str, stream: str, kind: type[ShapeT]) -> list[ShapeT]:
    found = []
    async for entry in log.replay(subjects, stream=stream):
        if not entry.payload:  # deleted
            continue
        try:
            found.append(msgspec.json.decode(entry.payload, type=kind))
        except msgspec.MsgspecError as error:
            raise UndecodableError(f"{entry.subject}: {error}") from error
    return found
