"""Requests over one connection: one subscription receives the replies to all of them.

nats-py's own request loses a cancellation that arrives together with the reply (`wait_for` of Python 3.11),
so a service could not be stopped at that moment.
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from typing import Protocol

from shared.jetstream.errors import UnreachableError
from shared.jetstream.message import Handler, Message

NO_RESPONDERS = "503"

SERVERS_INBOX = ".several"
"""One token more than other services may answer to (docs/security-of-the-log.md): only the server has several
replies to a request."""


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


OnReply = Callable[[Message], bool]
"""Called with each reply; returns whether it was the last one. What it raises ends the request."""


class Requests:
    """The requests of one connection that wait for their replies."""

    def __init__(self, connection: Connection) -> None:
        """Start without a subscription: the first request makes it."""
        self._connection = connection
        self._reply_prefix = ""
        self._receivers: dict[str, OnReply] = {}
        self._ends: dict[str, asyncio.Future[None]] = {}

    async def send(
        self, subject: str, payload: bytes, *, headers: Mapping[str, str] | None, timeout_s: float
    ) -> Message:
        """Send a request and wait for its reply. Raises UnreachableError."""
        replies: list[Message] = []

        def receive(message: Message) -> bool:
            replies.append(message)
            return True

        await self._collect(subject, payload, receive, headers=headers, timeout_s=timeout_s)
        (message,) = replies
        if message.headers and message.headers.get("Status") == NO_RESPONDERS:
            raise UnreachableError(f"no process answers on {subject}")
        return message

    async def collect(self, subject: str, payload: bytes, on_reply: OnReply, *, timeout_s: float) -> None:
        """Send a request and wait for the last of its replies. Raises UnreachableError."""
        await self._collect(subject, payload, on_reply, timeout_s=timeout_s, inbox=SERVERS_INBOX)

    async def _collect(
        self,
        subject: str,
        payload: bytes,
        on_reply: OnReply,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float,
        inbox: str = "",
    ) -> None:
        token = uuid.uuid4().hex
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._receivers[token], self._ends[token] = on_reply, end
        try:
            await self._subscribe()
            await self._connection.publish(
                subject, payload, reply=f"{self._reply_prefix}{inbox}.{token}", headers=headers
            )
            async with asyncio.timeout(timeout_s):
                await end
        except TimeoutError as error:
            raise UnreachableError(f"no answer from {subject} in {timeout_s} s") from error
        finally:
            del self._receivers[token], self._ends[token]

    async def _subscribe(self) -> None:
        if not self._reply_prefix:
            self._reply_prefix = self._connection.inbox()
            await self._connection.subscribe(f"{self._reply_prefix}.>", self._receive)

    async def _receive(self, message: Message) -> None:
        token = message.subject.rpartition(".")[2]
        end = self._ends.get(token)
        if end is None or end.done():
            return
        try:
            if self._receivers[token](message):
                end.set_result(None)
        except Exception as error:  # noqa: BLE001 - it is raised where the reply is awaited
            end.set_exception(error)
