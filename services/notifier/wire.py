"""How messages look on their way to a client: as text frames of the subprotocol, or as Server-Sent Events.

What is said is the same in both: the event objects byte for byte, and the other messages but for the
subscription's id, of which a stream of Server-Sent Events has only one and needs none.
"""

from dataclasses import replace
from typing import Protocol

import msgspec

from services.notifier.actions import DONE, Close
from services.notifier.item import Item, Output, Shown, Text
from services.notifier.messages import EventShown, ServerMessage, Subscribed, encode_message

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
        payload = encode_message(message)
        return Text(payload.decode(), len(payload))

    def event(self, shown: Shown, subscription_id: str) -> Text:
        """The message `event`."""
        return self.message(EventShown(id=subscription_id, event=shown.raw))

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
        return block(fields["type"], _encoder.encode(fields).decode(), cursor)

    def event(self, shown: Shown, subscription_id: str) -> Text:
        """Named by the event's type; its id is its cursor."""
        return block(shown.type, bytes(shown.raw).decode(), shown.cursor)

    def key(self, subscription_id: str) -> str:
        """No id is in the text, and no subscription's id is empty."""
        return ""


def block(kind: str, text: str, cursor: str | None = None) -> Text:
    """One Server-Sent Event."""
    shown = f"event: {_one_line(kind)}\ndata: {text}\n\n"
    if cursor is not None:
        shown = f"id: {cursor}\n{shown}"
    return Text(shown, len(shown.encode()))


def retry(milliseconds: int) -> str:
    """How long a client waits before it comes back."""
    return f"retry: {milliseconds}\n\n"


def closing(close: Close, retry_ms: int) -> str:
    """The last words of a stream; there is nothing to say after `complete`."""
    if close.code == DONE:
        return ""
    reason = {"type": "close", "code": close.code, "reason": close.reason}
    return retry(retry_ms) + block("close", _encoder.encode(reason).decode()).text


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
