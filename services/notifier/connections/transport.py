"""What a transport is to the rest of the notifier: routes to mount, and how the core queues for its clients.

Each folder of `services.notifier.transports` exports one `TransportFactory`, `transport`. Another one needs
nothing but this: an application is opened with it (`services.notifier.app.open_notifier`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from starlette.routing import BaseRoute

from services.notifier.connections.registry import ClientRegistry


@dataclass(frozen=True, slots=True)
class Transport:
    """A way in. Its routes extract credentials, write messages and report errors as clients of it expect."""

    routes: Sequence[BaseRoute]


TransportFactory: TypeAlias = Callable[[ClientRegistry], Transport]
"""Makes a transport on what all connections of the process share."""
