"""Finds the sockets of the named dialects: the folder of that name in this package, if there is one."""

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec

from services.notifier.connections.transport import TransportFactory


def find_transports(names: Iterable[str]) -> list[TransportFactory]:
    """The factory of each named dialect that has a socket."""
    return [found for name in names if (found := _find(name)) is not None]


def _find(name: str) -> TransportFactory | None:
    assert __package__ is not None
    if find_spec(f".{name}", __package__) is None:
        return None
    found: TransportFactory = import_module(f".{name}", __package__).transport
    return found
