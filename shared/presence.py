"""What an executor tells of itself every few seconds: the languages it offers and how well it isolates.

Written by executors to the KV bucket EXECUTORS, where it expires soon after its executor; read by the api.
"""

from datetime import datetime

import msgspec

from shared.broker import Broker, BrokerError
from shared.codec import UndecodableError
from shared.events import Isolation, Limits, Shape, StageName
from shared.log import Log
from shared.subjects import EXECUTOR_SUBJECTS, EXECUTORS, executor_key

BEAT_S = 5.0
KV_OPERATION = "KV-Operation"


class LanguageOffer(Shape, frozen=True, kw_only=True):
    """A language as an executor offers it, with the limits a job gets that asks for none."""

    name: str
    version: str
    aliases: tuple[str, ...]
    extension: str
    entrypoint: str
    stages: tuple[StageName, ...]
    limits: Limits


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


async def executors(log: Log) -> list[Presence]:
    """Everybody whose announcement has not expired. Raises BrokerError, UndecodableError."""
    found = []
    async for entry in log.replay(EXECUTOR_SUBJECTS, stream=EXECUTORS):
        if not entry.payload:
            continue
        try:
            found.append(msgspec.json.decode(entry.payload, type=Presence))
        except msgspec.MsgspecError as error:
            raise UndecodableError(f"{entry.subject}: {error}") from error
    return found


__all__ = ["BEAT_S", "BrokerError", "LanguageOffer", "Presence", "announce", "executors", "withdraw"]
