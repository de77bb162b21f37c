"""Whether the server behind a connection answers: pings it, leaves one that is silent, gives up at last.

A ping is waited for but never given up: nats-py's reader dies of a pong whose ping was cancelled, and the
connection looks healthy all the same. A pong proves the reader alive; nothing else does.
"""

import asyncio
from typing import Any, Protocol

from shared.observability.logs import get_logger

logger = get_logger(__name__)

PING_EVERY_S = 1.0
OVERDUE_S = 4.0
"""A server that is silent for longer is left for another one, or for a new connection to the same."""
SILENT_S = 3.0
"""What readiness tells of, before anything is done about it."""
LOST_AFTER_S = 15.0
PAUSED_S = 0.5
_FOR_EVER_S = 10**9


class Link(Protocol):
    """The part of nats-py's client that is watched."""

    stats: dict[str, int]

    @property
    def is_connected(self) -> bool:
        """Whether the socket is up."""

    async def rtt(self, timeout: int) -> float:  # noqa: ASYNC109 - nats-py's own name
        """A ping and its pong, in seconds."""

    async def force_reconnect(self) -> None:
        """Leave this connection for another one."""


class Pulse:
    """Watches one client. Whoever hears of the server by other ways says so by `heard`."""

    def __init__(self, client: Link) -> None:
        """Begin as if the server had just answered."""
        self._client = client
        self._clock = asyncio.get_running_loop().time
        self._heard_at = self._clock()
        self._ping: asyncio.Task[float] | None = None
        self._pinged_connection = 0
        self.round_trip_ms: float | None = None

    @property
    def silent_s(self) -> float:
        """How long nothing was heard."""
        return self._clock() - self._heard_at

    def heard(self) -> None:
        """The server answered, or another try to reach it has ended."""
        self._heard_at = self._clock()

    async def run(self) -> None:
        """Return when neither a pong nor the end of a try was heard for LOST_AFTER_S."""
        while self.silent_s < LOST_AFTER_S:
            await asyncio.sleep(PING_EVERY_S)
            if self._client.is_connected and not await self._answers():
                logger.warning("server_silent", silent_s=round(self.silent_s, 1))
                await self._client.force_reconnect()

    def stop(self) -> None:
        """Forget the ping under way; only after the client has closed."""
        if self._ping is not None:
            self._ping.cancel()

    async def _answers(self) -> bool:
        connection = self._connection
        ping = self._ping_of(connection)
        await asyncio.wait({ping}, timeout=OVERDUE_S)
        if not ping.done():
            # If this process was paused itself, the pong is there and only has to be read.
            await asyncio.wait({ping}, timeout=PAUSED_S)
        if not ping.done():
            return connection != self._connection
        self._ping = None
        if ping.cancelled() or ping.exception() is not None:
            return False
        self.round_trip_ms = round(ping.result() * 1000, 2)
        self.heard()
        return True

    @property
    def _connection(self) -> int:
        """Which one it is: in the moment that the client counts another one it forgets its pings."""
        return self._client.stats["reconnects"]

    def _ping_of(self, connection: int) -> asyncio.Task[float]:
        """The ping under way on this connection, or a new one."""
        if self._ping is not None and self._pinged_connection != connection:
            self._ping.cancel()
            self._ping = None
        if self._ping is None:
            self._ping = asyncio.create_task(self._ping_once())
            self._pinged_connection = connection
        return self._ping

    async def _ping_once(self) -> float:
        return await self._client.rtt(_FOR_EVER_S)


def facts_of(pulse: Pulse) -> dict[str, Any]:
    """What there is to tell of it."""
    return {"round_trip_ms": pulse.round_trip_ms, "silent_s": round(pulse.silent_s, 1)}
