"""Detects reused sequences: a stream that is not synced may lose its end in a crash and reuse them."""

import asyncio
from datetime import datetime

from shared.jetstream.connection import Broker
from shared.jetstream.errors import JetStreamError
from shared.jetstream.stored_message import read_from_leader
from shared.observability.logs import get_logger

logger = get_logger(__name__)

CONFIRMATIONS = 4
CONFIRMED_EVERY_S = 0.5


async def reuses_sequences(broker: Broker, stream: str, position: int, stored_at: datetime) -> bool:
    """Whether the stream has, or will give, another message at `position` than the one stored at that time.

    Raises BrokerError.
    """
    last, first = await _extent(broker, stream)
    is_recreated = last < position and await _stays_behind(broker, stream, position)
    if not is_recreated and first <= position:
        is_recreated = await _time_at(broker, stream, position) not in {None, stored_at}
    if is_recreated:
        logger.warning("stream_began_anew", stream=stream, position=position, last=last)
    return is_recreated


async def _extent(broker: Broker, stream: str) -> tuple[int, int]:
    """The last and the first sequence of a stream."""
    state = (await broker.api(f"STREAM.INFO.{stream}"))["state"]
    return int(state["last_seq"]), int(state["first_seq"])


async def _stays_behind(broker: Broker, stream: str, position: int) -> bool:
    """Whether several answers agree that the stream ends before `position`.

    A stale leader (one that was frozen) gives one or two old answers, until it hears of its successor.
    """
    for _ in range(CONFIRMATIONS):
        await asyncio.sleep(CONFIRMED_EVERY_S)
        last, _first = await _extent(broker, stream)
        if last >= position:
            return False
    return True


async def _time_at(broker: Broker, stream: str, sequence: int) -> datetime | None:
    try:
        entry = await read_from_leader(broker, stream, {"seq": sequence})
    except JetStreamError:
        return None
    return None if entry is None else entry.stored_at
