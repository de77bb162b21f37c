"""Presence of executors: each announces every few seconds its languages and its isolation.

Executors write it to the KV bucket EXECUTORS, where it expires soon after the executor stops; the api reads
it. Offered languages stay in the KV bucket LANGUAGES, so programs are accepted while no executor is running.
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
from shared.domain.contract_struct import ContractStruct
from shared.domain.enumerations import OpenStageName
from shared.domain.events import Isolation, Limits
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log

ShapeT = TypeVar("ShapeT", bound=ContractStruct)

BEAT_S = 5.0
KV_OPERATION = "KV-Operation"
PROVISION_AGAIN = "after an upgrade, provision the streams again: python -m shared.provision"


class LanguageOffer(ContractStruct, frozen=True, kw_only=True):
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
    compiler_args: tuple[str, ...] = ()
    """Forms of the words that a submission may add to the compiler's command (docs/languages.md)."""
    interpreter_args: tuple[str, ...] = ()
    """Forms of the words that a submission may add to the interpreter's command."""


class Presence(ContractStruct, frozen=True, kw_only=True):
    """One executor, alive at `time`."""

    executor_id: str
    time: datetime
    slots: int
    isolation: Isolation
    languages: tuple[LanguageOffer, ...]


async def announce(broker: Broker, presence: Presence) -> None:
    """Announce that the executor is running. Raises BrokerError."""
    await broker.request(executor_key(presence.executor_id), msgspec.json.encode(presence))


async def withdraw(broker: Broker, executor_id: str) -> None:
    """Delete the presence of a stopping executor, instead of waiting for its expiry. Raises BrokerError."""
    await broker.request(executor_key(executor_id), b"", headers={KV_OPERATION: "DEL"})


async def keep(broker: Broker, offers: Iterable[LanguageOffer]) -> None:
    """Store language offers, which never expire. Raises BrokerError."""
    for offer in offers:
        await broker.request(language_key(offer.name), msgspec.json.encode(offer))


async def executors(log: Log) -> list[Presence]:
    """Every executor whose announcement has not expired. Raises BrokerError, UndecodableError."""
    return await _read(log, EXECUTOR_SUBJECTS, EXECUTORS, Presence)


async def read_offers(log: Log) -> list[LanguageOffer]:
    """The latest offer of every language ever offered. Raises BrokerError, UndecodableError."""
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
