"""Stored messages with their sequences: from the stream's leader, or in batches by Direct Get."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.contract.codec import decode_event
from shared.domain.events import Event
from shared.jetstream.ack_metadata import AckMetadata, parse_mark
from shared.jetstream.connection import API, Broker
from shared.jetstream.errors import JetStreamError, UnreachableError, check_answer
from shared.jetstream.message import Message

EVENT_ID = "Nats-Msg-Id"
PREVIOUS = "Nats-Last-Sequence"
"""In a batch: the sequence of the message before, 0 for the first."""
MESSAGE_OVERHEAD_BYTES = 256
"""Approximate bytes of a stored event beside subject and payload: record frame and headers."""

BATCH = 256
BATCH_BYTES = 512 * 1024
"""Bytes of a batch (at least one message). Many histories are read at a time; each holds one batch."""
ANSWER_TIMEOUT_S = 2.0
NO_MESSAGE = 10037
"""The server's error code for a message that is not there."""


class Entry(msgspec.Struct, frozen=True):
    """One stored message with its sequence; `event_id` is None for messages of foreign writers."""

    sequence: int
    stored_at: datetime
    subject: str
    payload: bytes
    event_id: str | None = None

    @property
    def stored_bytes(self) -> int:
        """Approximate bytes that it takes in the log."""
        return len(self.payload) + len(self.subject) + MESSAGE_OVERHEAD_BYTES

    def event(self) -> Event:
        """The decoded event. Raises UnknownTagError or UndecodableError."""
        return decode_event(self.subject, self.payload)


def pieces_of(entries: Iterable[Entry], bytes_max: int) -> Iterator[list[Entry]]:
    """Split entries into pieces of at most `bytes_max` of payload, each of at least one entry."""
    piece: list[Entry] = []
    size = 0
    for entry in entries:
        if piece and size + len(entry.payload) > bytes_max:
            yield piece
            piece, size = [], 0
        piece.append(entry)
        size += len(entry.payload)
    if piece:
        yield piece


def direct_entry(message: Message) -> Entry:
    """The entry of a Direct Get reply, whose sequence is in its headers."""
    headers = message.headers or {}
    return Entry(
        sequence=int(headers["Nats-Sequence"]),
        stored_at=parse_time(headers["Nats-Time-Stamp"]),
        subject=headers["Nats-Subject"],
        payload=message.data,
        event_id=headers.get(EVENT_ID),
    )


def pulled_entry(message: Message) -> tuple[Entry, AckMetadata]:
    """The entry of a message that a consumer delivered, and what its reply subject tells."""
    mark = parse_mark(message.reply)
    event_id = message.headers.get(EVENT_ID) if message.headers else None
    return Entry(mark.stream_sequence, mark.stored_at, message.subject, message.data, event_id), mark


class _LeaderMessage(msgspec.Struct, frozen=True):
    """The message in a `STREAM.MSG.GET` reply: payload and headers come in base64."""

    seq: int
    time: str
    subject: str
    data: bytes = b""
    hdrs: bytes = b""


class _LeaderReply(msgspec.Struct, frozen=True):
    message: _LeaderMessage | None = None
    error: dict[str, Any] | None = None


async def read_from_leader(broker: Broker, stream: str, what: Mapping[str, object]) -> Entry | None:
    """One message as the stream's leader knows it, so never stale; None if there is none (any more).

    `what` names it as the server does: `seq`, or `last_by_subj`, or `next_by_subj` with one of `seq` and
    `start_time`. Decoded here, because base64 of the largest events takes five times as long as a string of
    the whole reply. Raises BrokerError.
    """
    operation = f"STREAM.MSG.GET.{stream}"
    reply = msgspec.json.decode(await broker.api_answer(operation, what), type=_LeaderReply)
    message = reply.message
    if message is None:
        error = reply.error or {}
        if error.get("err_code") != NO_MESSAGE:
            check_answer(operation, {"error": error})
        return None
    return Entry(
        sequence=message.seq,
        stored_at=parse_time(message.time),
        subject=message.subject,
        payload=message.data,
        event_id=_event_id(message.hdrs),
    )


async def read_next(broker: Broker, stream: str, subject_filter: str, sequence: int) -> Entry | None:
    """The first message of a filter from `sequence` on, by Direct Get; None if there is none.

    A batch makes the server count what is pending, in the whole block: for one message this is cheaper.
    Raises BrokerError.
    """
    found: list[Entry] = []

    def receive(message: Message) -> bool:
        headers = message.headers or {}
        if "Status" in headers:
            _end_of_batch(headers)
        else:
            found.append(direct_entry(message))
        return True

    body = json.dumps({"seq": sequence, "next_by_subj": subject_filter}).encode()
    await broker.collect(f"{API}DIRECT.GET.{stream}", body, receive, timeout_s=ANSWER_TIMEOUT_S)
    return found[0] if found else None


async def read_batch(
    broker: Broker, stream: str, subject_filter: str, sequence: int, bytes_max: int = BATCH_BYTES
) -> tuple[list[Entry], bool]:
    """Messages from `sequence` on, and whether there are more, by batched Direct Get.

    nats-py has no call for it. The batch has at least one message, and more within both bounds. Raises
    BrokerError, also when a message of the batch was lost with a connection: each names the one before it.
    """
    found: list[Entry] = []
    more = False

    def receive(message: Message) -> bool:
        nonlocal more
        headers = message.headers or {}
        is_end = "Status" in headers
        if is_end:
            more = _end_of_batch(headers)
        if int(headers.get(PREVIOUS, 0)) != (found[-1].sequence if found else 0):
            raise UnreachableError(f"a batch of {subject_filter} is not whole")
        if not is_end:
            found.append(direct_entry(message))
        return is_end

    body = {
        "seq": sequence,
        "next_by_subj": subject_filter,
        "batch": BATCH,
        "max_bytes": bytes_max,
    }
    await broker.collect(
        f"{API}DIRECT.GET.{stream}", json.dumps(body).encode(), receive, timeout_s=ANSWER_TIMEOUT_S
    )
    return found, more


def parse_time(text: str) -> datetime:
    """An RFC 3339 time with up to nine decimals, cut to microseconds."""
    moment, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{moment}.{fraction[:6]:0<6}").replace(tzinfo=UTC)


def _end_of_batch(headers: Mapping[str, str]) -> bool:
    """Whether there are more messages. Raises BrokerError."""
    status = headers["Status"]
    if status in {"204", "404"}:
        return int(headers.get("Nats-Num-Pending", "0")) > 0
    if status == "503":
        raise UnreachableError("no server answers for the log")
    raise JetStreamError(int(status), headers.get("Description", "Direct Get failed"))


def _event_id(headers: bytes) -> str | None:
    for line in headers.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.decode("latin-1").lower() == EVENT_ID.lower():
            return value.strip().decode("latin-1")
    return None
