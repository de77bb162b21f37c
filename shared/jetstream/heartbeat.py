"""Pings the server of a connection, leaves a silent server, and gives up when none answers.

Never cancel a ping: in nats-py a PONG for a cancelled PING ends the reader task, while the connection still
looks healthy. Only a PONG proves that the reader task is alive.
"""

import asyncio
from typing import Any, Protocol

from shared.observability.logs import get_logger

logger = get_logger(__name__)

PING_EVERY_S = 1.0
OVERDUE_S = 4.0
"""Silence (s) after which the connection is replaced, by one to another server or to the same."""
SILENT_S = 3.0
"""Silence (s) after which the service is unready; shorter than OVERDUE_S."""
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
    """Watches one client. Code that hears from the server otherwise calls `record_answer`."""

    def __init__(self, client: Link) -> None:
        """Start as if the server had just answered."""
        self._client = client
        self._clock = asyncio.get_running_loop().time
        self._heard_at = self._clock()
        self._ping: asyncio.Task[float] | None = None
        self._pinged_connection = 0
        self.round_trip_ms: float | None = None

    @property
    def silent_s(self) -> float:
        """Seconds since the server was last heard."""
        return self._clock() - self._heard_at

    def record_answer(self) -> None:
        """Note that the server answered, or that a try to connect has ended."""
        self._heard_at = self._clock()

    async def run(self) -> None:
        """Return after LOST_AFTER_S without a PONG and without the end of a try to connect."""
        while self.silent_s < LOST_AFTER_S:
            await asyncio.sleep(PING_EVERY_S)
            if self._client.is_connected and not await self._answers():
                logger.warning("server_silent", silent_s=round(self.silent_s, 1))
                await self._client.force_reconnect()

    def stop(self) -> None:
        """Cancel the ping in flight; only after the client has closed."""
        if self._ping is not None:
            self._ping.cancel()

    async def _answers(self) -> bool:
        connection = self._connection
        ping = self._ping_of(connection)
        await asyncio.wait({ping}, timeout=OVERDUE_S)
        if not ping.done():
            # If this process itself was paused, the PONG has arrived and only has to be read.
            await asyncio.wait({ping}, timeout=PAUSED_S)
        if not ping.done():
            return connection != self._connection
        self._ping = None
        if ping.cancelled() or ping.exception() is not None:
            return False
        self.round_trip_ms = round(ping.result() * 1000, 2)
        self.record_answer()
        return True

    @property
    def _connection(self) -> int:
        """The number of the current connection: nats-py drops its pings when the number changes."""
        return self._client.stats["reconnects"]

    def _ping_of(self, connection: int) -> asyncio.Task[float]:
        """The ping in flight on this connection, or a new one."""
        if self._ping is not None and self._pinged_connection != connection:
            self._ping.cancel()
            self._ping = None
        if self._ping is None:
            self._ping = asyncio.create_task(self._ping_once())
            self._pinged_connection = connection
        return self._ping

    async def _ping_once(self) -> float:
        return await self._client.rtt(_FOR_EVER_S)


def pulse_diagnostics(pulse: Pulse) -> dict[str, Any]:
    """Diagnostics of the pulse."""
    return {"round_trip_ms": pulse.round_trip_ms, "silent_s": round(pulse.silent_s, 1)}
