"""Key-value bucket of saved documents, with compare-and-set writes.

The layout is that of JetStream's key-value buckets. A revision is the sequence of its message. The fields
that lists show are in a header, so that listing reads no documents.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from shared.jetstream.ack_metadata import parse_mark
from shared.jetstream.connection import API, Broker
from shared.jetstream.errors import UnreachableError
from shared.jetstream.event_log import AppendResult, Log
from shared.jetstream.message import Message
from shared.jetstream.stored_message import Entry

SUMMARY = "Headrace-Card"
ROLLUP = {"Nats-Rollup": "sub"}
"""Removes the earlier messages of the subject."""

ANSWER_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Listed:
    """The newest revision under one key, without its document."""

    subject: str
    revision: int
    summary: str


class Bucket:
    """A key-value bucket; keys are whole subjects."""

    def __init__(self, broker: Broker, log: Log, stream: str) -> None:
        """Use a connected broker, and `log` for reading and storing messages."""
        self._broker = broker
        self._log = log
        self._stream = stream

    async def put(
        self,
        key: str,
        document: bytes,
        *,
        summary: str = "",
        expected: int,
        patience_s: float,
        is_only_one: bool = False,
    ) -> AppendResult:
        """Save if the newest revision is `expected` (0 for none). `summary` is one line of ASCII.

        With `is_only_one` the earlier revisions are removed.

        Raises BrokerError; after an UnreachableError the document may or may not be saved.
        """
        return await self._log.store(
            key,
            document,
            subject_filter=key,
            expected=expected,
            patience_s=patience_s,
            headers={**({SUMMARY: summary} if summary else {}), **(ROLLUP if is_only_one else {})},
            stream=self._stream,
        )

    async def newest(self, key: str) -> Entry | None:
        """The newest revision, from the stream's leader. Raises BrokerError."""
        return await self._log.last(key, stream=self._stream)

    async def revision(self, key: str, revision: int) -> Entry | None:
        """An older revision, if it is still kept. Raises BrokerError."""
        async for entry in self._log.replay(key, after=revision - 1, up_to=revision, stream=self._stream):
            return entry
        return None

    def history(self, key: str, *, after: int = 0) -> AsyncGenerator[Entry, None]:
        """Every kept revision after `after`, oldest first. Raises BrokerError."""
        return self._log.replay(key, after=after, stream=self._stream)

    async def count(self, keys: str) -> int:
        """The number of keys that match a filter. Raises BrokerError."""
        info = await self._broker.api(f"STREAM.INFO.{self._stream}", {"subjects_filter": keys})
        return len(info["state"].get("subjects") or {})

    async def purge(self, key: str) -> None:
        """Purge every revision of a key. Raises BrokerError."""
        await self._broker.api(f"STREAM.PURGE.{self._stream}", {"filter": key})

    async def list_summaries(self, keys: str) -> list[Listed]:
        """The newest revision under each key of a filter, in no order. Raises BrokerError."""
        found: list[Listed] = []
        count = 0
        done = asyncio.Event()

        async def receive(message: Message) -> None:
            headers = message.headers or {}
            if "Status" not in headers:
                sequence = parse_mark(message.reply).stream_sequence
                found.append(Listed(message.subject, sequence, headers.get(SUMMARY, "")))
            if "Status" in headers or len(found) == count:
                # A status ends the list if keys were deleted meanwhile.
                done.set()

        consumer = f"api-{uuid.uuid4().hex[:12]}"
        inbox = self._broker.inbox()
        subscription = await self._broker.subscribe(inbox, receive)
        try:
            count = await self._lister(consumer, keys)
            if count:
                subject = f"{API}CONSUMER.MSG.NEXT.{self._stream}.{consumer}"
                body = json.dumps({"batch": count, "no_wait": True}).encode()
                await self._broker.publish(subject, body, reply=inbox)
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    await done.wait()
        except TimeoutError as error:
            raise UnreachableError(f"the documents of {keys} were not all listed") from error
        finally:
            await subscription.unsubscribe()
            await self._broker.publish(f"{API}CONSUMER.DELETE.{self._stream}.{consumer}", b"")
        return found

    async def _lister(self, consumer: str, keys: str) -> int:
        """Create a consumer of the newest messages' headers; returns how many are pending."""
        config = {
            "name": consumer,
            "ack_policy": "none",
            "deliver_policy": "last_per_subject",
            "filter_subject": keys,
            "headers_only": True,
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": int(10e9),
        }
        created = await self._broker.api(
            f"CONSUMER.CREATE.{self._stream}.{consumer}.{keys}",
            {"stream_name": self._stream, "config": config, "action": "create"},
        )
        return int(created["num_pending"])
