"""How messages look on their way to a client: as text frames of the subprotocol, or as Server-Sent Events.

What is said is the same in both: the event objects byte for byte, and the other messages but for the
subscription's id, of which a stream of Server-Sent Events has only one and needs none.
"""

from dataclasses import replace
from typing import Protocol

import msgspec

from services.notifier.events.item import Item, Output, Shown, Text
from services.notifier.transports.headrace_v1.actions import DONE, Close
from services.notifier.transports.headrace_v1.messages import (
    EventShown,
    ServerMessage,
    StatusShown,
    Subscribed,
    encode_message,
)

_encoder = msgspec.json.Encoder()


class Wire(Protocol):
    """One of the two."""

    def message(self, message: ServerMessage) -> Text:
        """Anything but an event."""

    def event(self, shown: Shown, subscription_id: str) -> Text:
        """An event of one subscription."""

    def key(self, subscription_id: str) -> str:
        """Subscriptions with the same key are sent the same texts."""


class Frames:
    """Text frames of `headrace.v1`."""

    def message(self, message: ServerMessage) -> Text:
        """The message as it is."""
        return Text(encode_message(message), is_bulk=isinstance(message, StatusShown))

    def event(self, shown: Shown, subscription_id: str) -> Text:
        """The message `event`."""
        return Text(encode_message(EventShown(id=subscription_id, event=shown.raw)), is_bulk=True)

    def key(self, subscription_id: str) -> str:
        """The id is in the text."""
        return subscription_id


class ServerSentEvents:
    """Blocks of `text/event-stream` (HTML Living Standard, 9.2). JSON needs one data line."""

    def message(self, message: ServerMessage) -> Text:
        """Named by its type. The id of `subscribed` is where it begins, so no client is without a cursor."""
        fields = msgspec.to_builtins(message)
        fields.pop("id", None)
        cursor = message.from_ if isinstance(message, Subscribed) else None
        return Text(block(fields["type"], _encoder.encode(fields), cursor))

    def event(self, shown: Shown, subscription_id: str) -> Text:
        """Named by the event's type; its id is its cursor."""
        return Text(block(shown.type, bytes(shown.raw), shown.cursor), is_bulk=True)

    def key(self, subscription_id: str) -> str:
        """No id is in the text, and no subscription's id is empty."""
        return ""


def block(kind: str, content: bytes, cursor: str | None = None) -> bytes:
    """One Server-Sent Event."""
    head = f"event: {_one_line(kind)}\n"
    if cursor is not None:
        head = f"id: {cursor}\n{head}"
    return b"%bdata: %b\n\n" % (head.encode(), content)


def retry(milliseconds: int) -> bytes:
    """How long a client waits before it comes back."""
    return b"retry: %d\n\n" % milliseconds


def closing(close: Close, retry_ms: int) -> bytes:
    """The last words of a stream; there is nothing to say after `complete`."""
    if close.code == DONE:
        return b""
    reason = {"type": "close", "code": close.code, "reason": close.reason}
    return retry(retry_ms) + block("close", _encoder.encode(reason))


def show(wire: Wire, item: Item, subscription_id: str) -> Text | None:
    """Encode an item, and keep the text for all who are sent the same; None for poison."""
    shown = item.shown()
    if shown is None:
        return None
    text = wire.event(shown, subscription_id)
    if item.is_output:
        text = replace(text, output=Output(subscription_id, item.entry, item.position))
    item.texts[wire.key(subscription_id)] = text
    return text


def _one_line(kind: str) -> str:
    """A type comes from a stored event, whoever wrote it: it must not begin a line of its own."""
    return "".join(kind.splitlines())


FRAMES = Frames()
SERVER_SENT_EVENTS = ServerSentEvents()
