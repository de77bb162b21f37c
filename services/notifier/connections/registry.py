"""What all connections of this process share, how many of them there may be, and the end of all of them."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from services.notifier.connections.close import FULL, RESTARTING, Close
from services.notifier.connections.grant import Grant
from services.notifier.connections.info import ConnectionRecord
from services.notifier.connections.queue_shares import QueueShares
from services.notifier.events.catch_up import CatchUp
from services.notifier.events.ends import EndFinder
from services.notifier.events.hub import Hub
from services.notifier.events.stored_events import History
from services.notifier.settings import NotifierSettings
from shared.auth import CONNECTIONS_CLAIM, Tokens
from shared.domain.shares import Places
from shared.jetstream.cancel import Cancellations
from shared.jetstream.input_log import InputLog
from shared.observability import metrics

RESTART = Close(RESTARTING, "the notifier is restarting: resume now")
TOO_MANY = Close(FULL, "too many connections: try again later")
TOO_MANY_OF_USER = Close(FULL, "too many connections of this user")
LOOK_S = 1.0
"""How often it is asked who has not read for too long."""

FLUSH_S = 5.0
"""How long all of them together may take to read what is queued when the process is told to stop."""


class OpenConnection(Protocol):
    """One connection, as the others see it."""

    def end(self, close: Close) -> None:
        """Close it after what is queued."""

    def end_if_unread(self, since: float) -> None:
        """Close it if something waits and no byte of it has left since then."""

    def record(self) -> ConnectionRecord:
        """What operators may see of it."""


@dataclass(slots=True)
class ClientRegistry:
    """The parts that a connection uses, the connections, and the users who are connected."""

    settings: NotifierSettings
    tokens: Tokens
    hub: Hub
    history: History
    ends: EndFinder
    catch_up: CatchUp
    cancellations: Cancellations
    inputs: InputLog
    shares: QueueShares
    is_closing: bool = False
    _connections: dict[OpenConnection, None] = field(default_factory=dict)
    _user_of: dict[OpenConnection, str] = field(default_factory=dict)
    _empty: asyncio.Event = field(default_factory=asyncio.Event)
    _places: Places = field(init=False)

    def __post_init__(self) -> None:
        """Share out as many places as the settings have."""
        self._places = Places(self.settings.notifier_connections_max)

    def find_refusal(self) -> Close | None:
        """Why this process takes no connection now, if it does not."""
        if self.is_closing:
            return RESTART
        return TOO_MANY if len(self._connections) >= self.settings.notifier_connections_max else None

    def enter(self, connection: OpenConnection) -> None:
        """It is open."""
        self._connections[connection] = None
        self._empty.clear()
        metrics.CONNECTIONS.inc()

    def exit(self, connection: OpenConnection) -> None:
        """Its transport is closed."""
        del self._connections[connection]
        metrics.CONNECTIONS.dec()
        if not self._connections:
            self._empty.set()

    def join(self, connection: OpenConnection, grant: Grant) -> bool:
        """Count a connection for its user; False if his share has no room for it."""
        default_max = self.settings.notifier_user_connections_max
        count_max = min(
            grant.shares.get(CONNECTIONS_CLAIM, default_max), self.settings.notifier_claimed_connections_max
        )
        if not self._places.take(grant.user_id, count_max):
            metrics.REFUSED.labels(why="connections").inc()
            return False
        self._user_of[connection] = grant.user_id
        return True

    def leave(self, connection: OpenConnection) -> None:
        """Stop counting it; leaving twice is harmless."""
        user_id = self._user_of.pop(connection, None)
        if user_id is not None:
            self._places.leave(user_id)

    def records(self) -> Iterable[ConnectionRecord]:
        """Every open connection, the oldest first."""
        return (connection.record() for connection in self._connections)

    async def end_unread(self) -> None:
        """Close connections that have not read for too long, until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(LOOK_S)
            since = clock() - self.settings.notifier_queue_age_s
            for connection in list(self._connections):
                connection.end_if_unread(since)

    async def end_all(self) -> None:
        """Tell everybody to come back, send what is queued, and return when all are gone or time is up."""
        self.is_closing = True
        for connection in list(self._connections):
            connection.end(RESTART)
        if self._connections:
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._empty.wait()
