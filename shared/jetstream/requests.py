"""Requests over one connection: one subscription receives the replies to all of them.

nats-py's own request loses a cancellation that arrives together with the reply (`wait_for` of Python 3.11),
so a service could not be stopped at that moment.
"""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Protocol

from shared.jetstream.errors import UnreachableError
from shared.jetstream.message import Handler, Message

NO_RESPONDERS = "503"


class Connection(Protocol):
    """The part of the connection that requests need."""

    def inbox(self) -> str:
        """A fresh subject."""

    async def publish(
        self, subject: str, payload: bytes, *, reply: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """Publish without waiting. Raises UnreachableError."""

    async def subscribe(self, subject: str, handler: Handler) -> object:
        """Call `handler` for each message. Raises UnreachableError."""


class Requests:
    """The requests of one connection that wait for their replies."""

    def __init__(self, connection: Connection) -> None:
        """Start without a subscription: the first request makes it."""
        self._connection = connection
        self._reply_prefix = ""
        self._replies: dict[str, asyncio.Future[Message]] = {}

    async def send(
        self, subject: str, payload: bytes, *, headers: Mapping[str, str] | None, timeout_s: float
    ) -> Message:
        """Send a request and wait for its reply. Raises UnreachableError."""
        token = uuid.uuid4().hex
        reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._replies[token] = reply
        try:
            await self._subscribe()
            await self._connection.publish(
                subject, payload, reply=f"{self._reply_prefix}.{token}", headers=headers
            )
            async with asyncio.timeout(timeout_s):
                message = await reply
        except TimeoutError as error:
            raise UnreachableError(f"no answer from {subject} in {timeout_s} s") from error
        finally:
            del self._replies[token]
        if message.headers and message.headers.get("Status") == NO_RESPONDERS:
            raise UnreachableError(f"no process answers on {subject}")
        return message

    async def _subscribe(self) -> None:
        if not self._reply_prefix:
            self._reply_prefix = self._connection.inbox()
            await self._connection.subscribe(f"{self._reply_prefix}.*", self._receive)

    async def _receive(self, message: Message) -> None:
        reply = self._replies.get(message.subject.rpartition(".")[2])
        if reply is not None and not reply.done():
            reply.set_result(message)
