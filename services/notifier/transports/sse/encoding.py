"""How Server-Sent Events write what the core tells: one block each (HTML Living Standard, 9.2).

The event objects are those of `headrace.v1` byte for byte, and so are the other messages but for the
subscription's id: a stream has only one subscription. JSON needs one data line.
"""

from typing import assert_never

import msgspec

from services.notifier.connections.close import COMPLETE, RESTARTING, SLOW, UNAUTHENTICATED, Close
from services.notifier.events import outcomes
from services.notifier.events.item import EncodedEvent
from services.notifier.events.outcomes import Announcement, Ended, Started

REFUSED = "refused"
"""The cause of a stream that ends because its subscription could not be shown any further."""

_CODES = {RESTARTING: 1012, REFUSED: 1013, UNAUTHENTICATED: 4401, SLOW: 4420}
"""The numbers of docs/protocol.md, which the last event of a stream repeats."""


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    pass


class Subscribed(_Message, frozen=True, kw_only=True, tag="subscribed"):
    """Events follow."""

    recovered: bool
    from_: str = msgspec.field(name="from")
    to: str


class Gap(_Message, frozen=True, kw_only=True, tag="gap"):
    """Something between the two cursors may be gone for ever."""

    from_: str = msgspec.field(name="from")
    to: str
    reason: str


class Complete(_Message, frozen=True, kw_only=True, tag="complete"):
    """The job has ended and so has the stream."""


class Closed(_Message, frozen=True, kw_only=True, tag="close"):
    """Why the stream ends before it is complete."""

    code: int
    reason: str


_encoder = msgspec.json.Encoder()


class SseEncoding:
    """Blocks of `text/event-stream`."""

    def event(self, event: EncodedEvent, subscription_id: str) -> bytes:
        """Named by the event's type; its id is its cursor."""
        return _block(event.type, bytes(event.raw), event.cursor)

    def announcement(self, announcement: Announcement, subscription_id: str) -> bytes:
        """Named by its type. The id of `subscribed` is where it begins, so no client is without a cursor."""
        match announcement:
            case Started(begin, end, is_whole):
                message = Subscribed(recovered=is_whole, from_=str(begin), to=str(end))
                return _block("subscribed", _encoder.encode(message), message.from_)
            case outcomes.Gap(begin, end, reason):
                return _block("gap", _encoder.encode(Gap(from_=str(begin), to=str(end), reason=reason)))
            case Ended():
                return _block("complete", _encoder.encode(Complete()))
        assert_never(announcement)


ENCODING = SseEncoding()


def encode_retry(milliseconds: int) -> bytes:
    """How long a client waits before it comes back."""
    return b"retry: %d\n\n" % milliseconds


def encode_close(close: Close, retry_ms: int) -> bytes:
    """The last event of a stream; there is nothing to say after `complete`."""
    if close.cause == COMPLETE:
        return b""
    closed = Closed(code=_CODES[close.cause], reason=close.reason)
    return encode_retry(retry_ms) + _block("close", _encoder.encode(closed))


def _block(kind: str, content: bytes, cursor: str | None = None) -> bytes:
    head = f"event: {_one_line(kind)}\n"
    if cursor is not None:
        head = f"id: {cursor}\n{head}"
    return b"%bdata: %b\n\n" % (head.encode(), content)


def _one_line(kind: str) -> str:
    """A type comes from a stored event, whoever wrote it: it must not begin a line of its own."""
    return "".join(kind.splitlines())
