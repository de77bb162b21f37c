"""Lets an application tell its server that a token was accepted."""

from collections.abc import MutableMapping
from typing import Any

from shared.service.http_server.registry import ConnectionRegistry, Place

PLACE = "place"
REGISTRY = "registry"
"""Key in the scope's state: the connection's place, and the registry that counts it."""


def count_connection(scope: MutableMapping[str, Any], user_id: str) -> bool:
    """Attribute the connection to this user from now on; False if the user has too many."""
    state = scope["state"]
    place = state.get(PLACE)
    if place is None:
        # Without a connection, as in tests of the application alone.
        return True
    registry = state[REGISTRY]
    assert isinstance(place, Place)
    assert isinstance(registry, ConnectionRegistry)
    return registry.accept(place, user_id)
