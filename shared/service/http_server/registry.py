"""Registry of one server's connections: counts per address and per user, and bytes of unfinished requests.

A connection counts for its address until a token is accepted on it, and for that user from then on.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from shared.observability import metrics
from shared.service.http_server.addresses import counted_address, is_trusted
from shared.service.http_server.refusals import FULL, FULL_ADDRESS, FULL_ADDRESS_BYTES, FULL_BYTES, Refusal
from shared.settings import HttpSettings

FREE_BYTES = 16_384
"""Bytes of each connection that are part of its place and not counted."""

REFUSED_MAX = 256
"""Refused connections that may wait for their response at a time; more are closed without one."""


class Connection(Protocol):
    """A connection as the registry sees it."""

    def check(self, now: float) -> None:
        """Close it if it is too slow."""

    def give_way(self) -> None:
        """Close it at once: another connection needs the place."""


@dataclass(slots=True, eq=False)
class Place:
    """One open connection. `address` is None for a trusted proxy that has not named its client."""

    connection: Connection
    address: str | None
    user_id: str | None = None
    held_bytes: int = 0
    is_refused: bool = False


class ConnectionRegistry:
    """Every open connection of one server, by its transport."""

    def __init__(self, settings: HttpSettings, *, connections_max: int) -> None:
        """`connections_max` is the lower of the setting and the limit of open files."""
        self.settings = settings
        self.trusted = settings.trusted_proxies
        self.connections_max = connections_max
        self._places: dict[object, Place] = {}
        self._unheard: dict[Place, None] = {}
        self._refused = 0
        self._of_address: Counter[str] = Counter()
        self._of_user: Counter[str] = Counter()
        self._bytes_of_address: Counter[str] = Counter()
        self._bytes = 0

    def enter(self, transport: object, connection: Connection, peer: str) -> tuple[Place, Refusal | None]:
        """Take a place; a refused connection is kept apart until it closes."""
        address = None if self.is_proxy(peer) else counted_address(peer)
        place = Place(connection, address)
        refusal = self._refusal(address)
        if refusal is None:
            self._unheard[place] = None
            self._count_address(place, 1)
        else:
            place.is_refused = True
            self._refused += 1
        self._places[transport] = place
        return place, refusal

    def is_proxy(self, peer: str) -> bool:
        """Whether the peer is a proxy whose `X-Forwarded-For` is trusted."""
        return is_trusted(peer, self.trusted)

    def may_await_response(self) -> bool:
        """Whether one more refused connection may stay until it has read its response."""
        return self._refused <= REFUSED_MAX

    def hand_over(self, transport: object, connection: Connection) -> Place:
        """The place of a connection that speaks another protocol from now on."""
        place = self._places[transport]
        place.connection = connection
        return place

    def leave(self, transport: object) -> None:
        """Free the place of a closed connection. Idempotent."""
        place = self._places.pop(transport, None)
        if place is None:
            return
        if place.is_refused:
            self._refused -= 1
            return
        self.mark_heard(place)
        self._hold(place, 0)
        if place.user_id is None:
            self._count_address(place, -1)
        else:
            self._count_user(place.user_id, -1)

    def mark_heard(self, place: Place) -> None:
        """Note that it has sent a complete head: it is no longer closed in favour of others."""
        self._unheard.pop(place, None)

    def count_for_client(self, place: Place, client: str | None) -> Refusal | None:
        """Count the connection for the client that a trusted proxy names in the next request."""
        address = None if client is None else counted_address(client)
        if place.user_id is not None or address == place.address:
            return None
        if address is not None and self._of_address[address] >= self.settings.http_address_connections_max:
            return FULL_ADDRESS
        held = place.held_bytes
        self._hold(place, 0)
        self._count_address(place, -1)
        place.address = address
        self._count_address(place, 1)
        self._hold(place, held)
        return None

    def accept(self, place: Place, user_id: str) -> bool:
        """Count the connection for this user, whose token was accepted. False if the user has too many."""
        if place.user_id == user_id or place.is_refused:
            return True
        if self._of_user[user_id] >= self.settings.http_user_connections_max:
            return False
        self._hold(place, 0)
        if place.user_id is None:
            self._count_address(place, -1)
        else:
            self._count_user(place.user_id, -1)
        place.user_id = user_id
        self._count_user(user_id, 1)
        return True

    def hold(self, place: Place, size: int) -> Refusal | None:
        """Set the buffered bytes of its unfinished request."""
        counted = max(0, size - FREE_BYTES)
        if counted == place.held_bytes or place.user_id is not None:
            return None
        more = counted - place.held_bytes
        if more > 0 and self._bytes + more > self.settings.http_unknown_bytes_max:
            return FULL_BYTES
        held = 0 if place.address is None else self._bytes_of_address[place.address]
        if more > 0 and held + more > self.settings.http_address_bytes_max:
            return FULL_ADDRESS_BYTES
        self._hold(place, counted)
        return None

    def check(self, now: float) -> None:
        """Close connections that are too slow."""
        for place in list(self._places.values()):
            place.connection.check(now)

    def _refusal(self, address: str | None) -> Refusal | None:
        if address is not None and self._of_address[address] >= self.settings.http_address_connections_max:
            return FULL_ADDRESS
        if len(self._places) - self._refused < self.connections_max:
            return None
        longest = next(iter(self._unheard), None)
        if longest is None:
            return FULL
        # Silent connections would otherwise keep out active ones.
        self.mark_heard(longest)
        longest.connection.give_way()
        return None

    def _hold(self, place: Place, counted: int) -> None:
        more = counted - place.held_bytes
        place.held_bytes = counted
        self._bytes += more
        if place.address is not None and more:
            _add(self._bytes_of_address, place.address, more)

    def _count_address(self, place: Place, more: int) -> None:
        metrics.HTTP_CONNECTIONS.labels(counted="address").inc(more)
        if place.address is not None:
            _add(self._of_address, place.address, more)

    def _count_user(self, user_id: str, more: int) -> None:
        metrics.HTTP_CONNECTIONS.labels(counted="user").inc(more)
        _add(self._of_user, user_id, more)


def _add(counts: Counter[str], key: str, more: int) -> None:
    """Add to a count and drop it at zero: an attacker has many addresses."""
    counts[key] += more
    if not counts[key]:
        del counts[key]
