"""Every message of the subprotocol `headrace.v1`, one struct each, as JSON objects told apart by `type`.

Shapes and their bytes only; what may follow what is in `protocol`. Pure. Unknown fields are ignored, so that
clients newer than this program can talk to it.
"""

from typing import TypeAlias

import msgspec

from shared.domain.record import JobRecord

SUBPROTOCOL = "headrace.v1"
EVERY_JOB = "*"
ID_BYTES_MAX = 128


class MalformedError(Exception):
    """The client's text is none of the messages below."""


class _Client(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What a client may send."""


class ConnectionInit(_Client, frozen=True, kw_only=True, tag="connection_init"):
    """The first message; the token may be in the handshake's Authorization header instead."""

    token: str | None = None


class Subscribe(_Client, frozen=True, kw_only=True, tag="subscribe"):
    """Show me one job, or every job of mine. `after` is a cursor, ``start`` or ``now``."""

    id: str
    job_id: str
    after: str | None = None


class Unsubscribe(_Client, frozen=True, kw_only=True, tag="unsubscribe"):
    """Stop showing me this subscription."""

    id: str


class AskStatus(_Client, frozen=True, kw_only=True, tag="status"):
    """Tell me once what became of a job."""

    id: str
    job_id: str


class Cancel(_Client, frozen=True, kw_only=True, tag="cancel"):
    """Stop a job of mine, and tell me what became of it."""

    id: str
    job_id: str


class Refresh(_Client, frozen=True, kw_only=True, tag="refresh"):
    """Go on with a newer token of mine."""

    token: str


class ClientPing(_Client, frozen=True, kw_only=True, tag="ping"):
    """Are you there?"""


class ClientPong(_Client, frozen=True, kw_only=True, tag="pong"):
    """I am here."""


ClientMessage: TypeAlias = (
    ConnectionInit | Subscribe | Unsubscribe | AskStatus | Cancel | Refresh | ClientPing | ClientPong
)


class _Server(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """What the notifier sends."""


class ConnectionAck(_Server, frozen=True, kw_only=True, tag="connection_ack"):
    """You are who you say, for `expires_in` more seconds; expect a ping every `ping_s`."""

    connection_id: str
    ping_s: float
    expires_in: int
    max_subscriptions: int


class Subscribed(_Server, frozen=True, kw_only=True, tag="subscribed"):
    """Events follow: history after `from` up to `to`, then live. `recovered`: nothing of it is gone."""

    id: str
    recovered: bool
    from_: str = msgspec.field(name="from")
    to: str


class EventShown(_Server, frozen=True, kw_only=True, tag="event"):
    """One event of the log or note of the feed; `event` is the same object everywhere, encoded already."""

    id: str
    event: msgspec.Raw


class Gap(_Server, frozen=True, kw_only=True, tag="gap"):
    """Something between the two cursors may be gone for ever; `reason` says where."""

    id: str
    from_: str = msgspec.field(name="from")
    to: str
    reason: str


class Complete(_Server, frozen=True, kw_only=True, tag="complete"):
    """The job has ended and so has its subscription."""

    id: str


class Refreshed(_Server, frozen=True, kw_only=True, tag="refreshed"):
    """The newer token counts from now on, for `expires_in` more seconds."""

    expires_in: int


class StatusShown(_Server, frozen=True, kw_only=True, tag="status"):
    """The job as its events add up now."""

    id: str
    job: JobRecord


class ErrorShown(_Server, frozen=True, kw_only=True, tag="error"):
    """What was asked cannot be done; the connection goes on. `retry_after` in seconds, if `temporary`."""

    code: str
    detail: str
    temporary: bool
    id: str | None = None
    retry_after: float | None = None


class ServerPing(_Server, frozen=True, kw_only=True, tag="ping"):
    """Are you there?"""


class ServerPong(_Server, frozen=True, kw_only=True, tag="pong"):
    """I am here."""


ServerMessage: TypeAlias = (
    ConnectionAck
    | Refreshed
    | Subscribed
    | EventShown
    | Gap
    | Complete
    | StatusShown
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


RETRY_AFTER_S = 1.0


def unknown_job(message_id: str) -> ErrorShown:
    """The same for a job of somebody else, so that ids tell nothing."""
    return ErrorShown(id=message_id, code="unknown_job", detail="you have no job of this id", temporary=False)


def bad_cursor(message_id: str, why: str) -> ErrorShown:
    """Begin anew with ``start`` or ``now``, or with the cursor of an event."""
    return ErrorShown(id=message_id, code="bad_cursor", detail=why, temporary=False)


def already_finished(message_id: str) -> ErrorShown:
    """There is nothing left to cancel."""
    return ErrorShown(
        id=message_id, code="already_finished", detail="the job has already ended", temporary=False
    )


def bad_token(why: str) -> ErrorShown:
    """The earlier token counts until it expires."""
    return ErrorShown(code="bad_token", detail=why, temporary=False)


def unavailable(message_id: str, why: str = "the log does not answer") -> ErrorShown:
    """The log does not answer, or not so that this program understands it; asking again later may help."""
    return ErrorShown(
        id=message_id,
        code="unavailable",
        detail=why,
        temporary=True,
        retry_after=RETRY_AFTER_S,
    )


def keys_unavailable(why: str, retry_after_s: float) -> ErrorShown:
    """A token's issuer cannot be asked for its keys, so nothing is known of the token."""
    return ErrorShown(code="unavailable", detail=why, temporary=True, retry_after=retry_after_s)


def busy(message_id: str) -> ErrorShown:
    """This connection asks faster than it is answered."""
    return ErrorShown(
        id=message_id,
        code="busy",
        detail="earlier questions of this connection are still being answered",
        temporary=True,
        retry_after=RETRY_AFTER_S,
    )
