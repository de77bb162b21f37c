"""How long a dialect's socket lives: until its token expires, and while its client answers pings.

Pings are those of the WebSocket protocol, which browsers answer by themselves.
"""

import asyncio
from math import inf

from starlette.websockets import WebSocket

from services.notifier.connections.client_connection import ClientConnection
from services.notifier.connections.close import Close
from services.notifier.transports.dialects.close_codes import NO_PONG, TOKEN_EXPIRED
from services.notifier.transports.websocket.flow import flow_of


class Lifetime:
    """Of one socket."""

    def __init__(self, websocket: WebSocket, connection: ClientConnection, ping_s: float) -> None:
        """Nothing happens yet."""
        self._clock = asyncio.get_running_loop().time
        self._expires = inf
        self._expired = TOKEN_EXPIRED
        self._websocket = websocket
        self._connection = connection
        self._ping_s = ping_s

    def expire_in(self, lasts_s: float, close: Close = TOKEN_EXPIRED) -> None:
        """End the connection after so many seconds, at most a ping late if it is open already."""
        self._expires = self._clock() + lasts_s
        self._expired = close

    async def run(self) -> None:
        """Return when the connection is to end."""
        flow = flow_of(self._websocket.scope)
        pongs: int | None = None
        while True:
            await asyncio.sleep(max(0.0, min(self._ping_s, self._expires - self._clock())))
            if self._clock() >= self._expires:
                self._connection.end(self._expired)
                return
            # No pong is due while something waits to be read: then it counts whether that is read.
            if pongs is not None and flow.pongs == pongs and not self._connection.outbox.waiting_bytes:
                self._connection.end(NO_PONG)
                return
            pongs = flow.pongs if flow.ping() else None
