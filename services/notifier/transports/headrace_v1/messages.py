"""Every message of the subprotocol `headrace.v1`, one struct each, as JSON objects told apart by `type`.

Shapes and their bytes only; what may follow what is in `protocol`, those of input are in `input_messages`.
Pure. Unknown fields are ignored, so that clients newer than this program can talk to it.
"""

from typing import TypeAlias

import msgspec

from services.notifier.transports.headrace_v1.input_messages import (
    EndInput,
    Input,
    InputStored,
    Resize,
    Signal,
)
from services.notifier.transports.headrace_v1.message_base import ClientBase, ServerBase
from shared.domain.record import JobRecord

SUBPROTOCOL = "headrace.v1"
EVERY_JOB = "*"
ID_BYTES_MAX = 128


class MalformedError(Exception):
    """The client's text is none of the messages below."""


class ConnectionInit(ClientBase, frozen=True, kw_only=True, tag="connection_init"):
    """The first message; the token may be in the handshake's Authorization header instead."""

    token: str | None = None


class Subscribe(ClientBase, frozen=True, kw_only=True, tag="subscribe"):
    """Show me one job, or every job of mine. `after` is a cursor, ``start`` or ``now``."""

    id: str
    job_id: str
    after: str | None = None


class Unsubscribe(ClientBase, frozen=True, kw_only=True, tag="unsubscribe"):
    """Stop showing me this subscription."""

    id: str


class AskStatus(ClientBase, frozen=True, kw_only=True, tag="status"):
    """Tell me once what became of a job."""

    id: str
    job_id: str


class Cancel(ClientBase, frozen=True, kw_only=True, tag="cancel"):
    """Stop a job of mine, and tell me what became of it."""

    id: str
    job_id: str


class Refresh(ClientBase, frozen=True, kw_only=True, tag="refresh"):
    """Go on with a newer token of mine."""

    token: str


class ClientPing(ClientBase, frozen=True, kw_only=True, tag="ping"):
    """Are you there?"""


class ClientPong(ClientBase, frozen=True, kw_only=True, tag="pong"):
    """I am here."""


ClientMessage: TypeAlias = (
    ConnectionInit
    | Subscribe
    | Unsubscribe
    | AskStatus
    | Cancel
    | Input
    | EndInput
    | Resize
    | Signal
    | Refresh
    | ClientPing
    | ClientPong
)


class ConnectionAck(ServerBase, frozen=True, kw_only=True, tag="connection_ack"):
    """You are who you say, for `expires_in` more seconds; expect a ping every `ping_s`."""

    connection_id: str
    ping_s: float
    expires_in: int
    max_subscriptions: int


class Subscribed(ServerBase, frozen=True, kw_only=True, tag="subscribed"):
    """Events follow: history after `from` up to `to`, then live. `recovered`: nothing of it is gone."""

    id: str
    recovered: bool
    from_: str = msgspec.field(name="from")
    to: str


class EventShown(ServerBase, frozen=True, kw_only=True, tag="event"):
    """One event of the log or note of the feed; `event` is the same object everywhere, encoded already."""

    id: str
    event: msgspec.Raw


class Gap(ServerBase, frozen=True, kw_only=True, tag="gap"):
    """Something between the two cursors may be gone for ever; `reason` says where."""

    id: str
    from_: str = msgspec.field(name="from")
    to: str
    reason: str


class Complete(ServerBase, frozen=True, kw_only=True, tag="complete"):
    """The job has ended and so has its subscription."""

    id: str


class Refreshed(ServerBase, frozen=True, kw_only=True, tag="refreshed"):
    """The newer token counts from now on, for `expires_in` more seconds."""

    expires_in: int


class StatusShown(ServerBase, frozen=True, kw_only=True, tag="status"):
    """The job as its events add up now."""

    id: str
    job: JobRecord


class ErrorShown(ServerBase, frozen=True, kw_only=True, tag="error"):
    """What was asked cannot be done; the connection goes on. `retry_after` in seconds, if `temporary`.

    `job_id` is that of refused input, and `expected` the offset at which its next piece begins.
    """

    code: str
    detail: str
    temporary: bool
    id: str | None = None
    retry_after: float | None = None
    job_id: str | None = None
    expected: int | None = None


class ServerPing(ServerBase, frozen=True, kw_only=True, tag="ping"):
    """Are you there?"""


class ServerPong(ServerBase, frozen=True, kw_only=True, tag="pong"):
    """I am here."""


ServerMessage: TypeAlias = (
    ConnectionAck
    | Refreshed
    | Subscribed
    | EventShown
    | Gap
    | Complete
    | StatusShown
    | InputStored
    | ErrorShown
    | ServerPing
    | ServerPong
)

_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
_encoder = msgspec.json.Encoder()


def decode_message(text: str) -> ClientMessage:
    """A client's text frame. Raises MalformedError, whose words are safe to send back."""
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise MalformedError("not a message of headrace.v1") from error


def encode_message(message: ServerMessage) -> bytes:
    """The JSON of a text frame."""
    return _encoder.encode(message)
