"""How an application tells its server that a token was accepted."""

from collections.abc import MutableMapping
from typing import Any

from shared.service.http_server.registry import ConnectionRegistry, Place

PLACE = "place"
REGISTRY = "registry"
"""Where the state of a scope has its connection's place, and the registry that counts it."""


def count_connection(scope: MutableMapping[str, Any], user_id: str) -> bool:
    """Count the connection to this user from now on; False if the user has too many."""
    state = scope["state"]
    place = state.get(PLACE)
    if place is None:
        # Called without a connection, as tests of the application alone do.
        return True
    registry = state[REGISTRY]
    assert isinstance(place, Place)
    assert isinstance(registry, ConnectionRegistry)
    return registry.accept(place, user_id)
