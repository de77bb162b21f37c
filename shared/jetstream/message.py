"""A received message, and what handles it: the part of nats-py that the other modules see."""

from collections.abc import Awaitable, Callable
from typing import Protocol


class Message(Protocol):
    """A received message: the part of nats-py's `Msg` that Headrace uses."""

    subject: str
    reply: str
    data: bytes
    headers: dict[str, str] | None


Handler = Callable[[Message], Awaitable[None]]
