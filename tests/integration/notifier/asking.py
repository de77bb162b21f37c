"""A connection that counts what is asked of the server, and may show the log as a replica that is behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.jetstream.connection import API, Broker
from shared.jetstream.message import Message
from shared.jetstream.requests import OnReply


class Status:
    """The end of a batch, as a replica that is behind would have it."""

    def __init__(self, message: Message, last: int) -> None:
        self.subject = message.subject
        self.reply = ""
        self.data = b""
        self.headers: dict[str, str] | None = {"Status": "404"}
        if last:
            self.headers = {"Status": "204", "Nats-Num-Pending": "0", "Nats-Last-Sequence": str(last)}


class Asked(Broker):
    """Another broker's connection. `asked` has each request: the operation, and what it asks for."""

    def __init__(self, broker: Broker) -> None:
        self.__dict__ = dict(broker.__dict__)
        self.asked: list[tuple[str, Any]] = []
        self._shows = 0
        self._lies = 0

    @contextmanager
    def noting(self) -> Iterator[list[tuple[str, Any]]]:
        """What is asked within."""
        begin = len(self.asked)
        noted: list[tuple[str, Any]] = []
        yield noted
        noted += self.asked[begin:]

    def fall_behind(self, shows: int, *, lies: int) -> None:
        """The next batches show nothing after `shows`."""
        self._shows, self._lies = shows, lies

    @property
    def lies(self) -> int:
        """How many batches more will be behind."""
        return self._lies

    async def api_answer(self, operation: str, body: object = None, *, timeout_s: float = 2.0) -> bytes:
        self.asked.append((operation, body))
        return await super().api_answer(operation, body, timeout_s=timeout_s)

    async def collect(self, subject: str, payload: bytes, on_reply: OnReply, *, timeout_s: float) -> None:
        self.asked.append((subject.removeprefix(API), payload))
        is_behind = self._lies > 0
        self._lies -= is_behind
        last = 0

        def receive(message: Message) -> bool:
            nonlocal last
            headers = message.headers or {}
            if "Status" in headers:
                return on_reply(Status(message, last))
            if int(headers["Nats-Sequence"]) > self._shows:
                return b'"batch"' not in payload and on_reply(Status(message, 0))
            last = int(headers["Nats-Sequence"])
            return on_reply(message)

        await super().collect(subject, payload, receive if is_behind else on_reply, timeout_s=timeout_s)


def operations(noted: list[tuple[str, Any]]) -> list[str]:
    """The operations alone."""
    return [operation for operation, _ in noted]


def whole_users(noted: list[tuple[str, Any]]) -> list[Any]:
    """What was asked of the kind that costs more with each job of a user."""
    return [
        body for _, body in noted if isinstance(body, dict) and body.get("last_by_subj", "").count("*") > 1
    ]
