"""Encodes and decodes events, and converts them to the form that clients see.

Stored bytes decode to an event, raise `UnknownTagError` (a newer writer: retry after an upgrade, never drop),
or raise `UndecodableError` (poison: no version can decode them). Unknown values of enumerations are decoded
unchanged and never written.
"""

from datetime import datetime
from typing import Any

import msgspec

from shared.contract.subjects import SubjectError, parse, parse_input
from shared.domain.contract_struct import ContractStruct
from shared.domain.enumerations import UnknownValueError, check_values
from shared.domain.events import Event, EventBase, FeedNote, InputMessage


class UndecodableError(Exception):
    """The stored bytes are not a Headrace event, or do not match their subject."""


class UnknownTagError(Exception):
    """The event's type is newer than this program."""


class EventObject(ContractStruct, frozen=True, kw_only=True, omit_defaults=True):
    """An event as clients see it, the same over HTTP, WebSocket, SSE and the command line."""

    cursor: str
    """Opaque: a subscription that begins after it goes on behind this event."""
    type: str
    """What happened, with its version: `job.queued.v1`."""
    job_id: str
    """To which job."""
    time: str
    """By the writer's clock, UTC."""
    stored_at: datetime
    """By the log's clock, UTC."""
    data: dict[str, Any]
    """The event's other fields, as stored."""
    seq: int | None = None
    """Its place in the log; absent for output and progress, which are not in the log."""


class _Tag(msgspec.Struct):
    type: str


_encoder = msgspec.json.Encoder()
_tag_decoder = msgspec.json.Decoder(_Tag)
_object_decoder = msgspec.json.Decoder(dict[str, Any])
_event_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_note_decoder: msgspec.json.Decoder[FeedNote] = msgspec.json.Decoder(FeedNote)
_input_decoder: msgspec.json.Decoder[InputMessage] = msgspec.json.Decoder(InputMessage)
_KNOWN_EVENTS = frozenset(
    str(member.__struct_config__.tag) for member in Event.__args__ if issubclass(member, EventBase)
)
_KNOWN_NOTES = frozenset(
    str(member.__struct_config__.tag) for member in FeedNote.__args__ if issubclass(member, EventBase)
)

_KNOWN_INPUT = frozenset(
    str(member.__struct_config__.tag) for member in InputMessage.__args__ if issubclass(member, EventBase)
)


def encode(event: EventBase) -> bytes:
    """Encode an event as JSON. Raises UnknownValueError for values that this version does not write."""
    check_values(event)
    return _encoder.encode(event)


def check_copy(stored: bytes, event: EventBase) -> None:
    """Raises UnknownValueError if a copy of the stored event would lose a field or a value."""
    if not _is_within(msgspec.json.decode(stored), msgspec.json.decode(encode(event))):
        raise UnknownValueError("fields of a later version")


def _is_within(stored: object, known: object) -> bool:
    match stored, known:
        case dict(), dict():
            return all(name in known and _is_within(value, known[name]) for name, value in stored.items())
        case list(), list():
            return all(map(_is_within, stored, known))
        case _:
            return True


def decode_event(subject: str, payload: bytes) -> Event:
    """Decode a message of the log. Raises UnknownTagError or UndecodableError."""
    try:
        event = _event_decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _why(payload, _KNOWN_EVENTS, error) from error
    _check_subject(subject, event)
    return event


def decode_note(subject: str, payload: bytes) -> FeedNote:
    """Decode a message of the feed. Raises UnknownTagError or UndecodableError."""
    try:
        note = _note_decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _why(payload, _KNOWN_NOTES, error) from error
    _check_subject(subject, note)
    return note


def decode_input(subject: str, payload: bytes) -> InputMessage:
    """Decode a message of a job's input. Raises UnknownTagError or UndecodableError."""
    try:
        message = _input_decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _why(payload, _KNOWN_INPUT, error) from error
    try:
        named = parse_input(subject)
    except SubjectError as error:
        raise UndecodableError(str(error)) from error
    if named != (message.user_id, message.job_id):
        raise UndecodableError(f"{subject} holds input of another job")
    return message


def event_object(payload: bytes, *, cursor: str, stored_at: datetime, seq: int | None) -> EventObject:
    """The client's view of stored bytes, whatever their version. Raises UndecodableError."""
    try:
        fields: dict[str, Any] = _object_decoder.decode(payload)
        return EventObject(
            cursor=cursor,
            seq=seq,
            type=fields.pop("type"),
            job_id=fields.pop("job_id"),
            time=fields.pop("time"),
            stored_at=stored_at,
            data=fields,
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError) as error:
        raise UndecodableError(f"not an event: {error}") from error


def _why(payload: bytes, known: frozenset[str], error: Exception) -> UnknownTagError | UndecodableError:
    try:
        tag = _tag_decoder.decode(payload).type
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return UndecodableError(f"not an event: {error}")
    if tag.startswith("job.") and tag not in known:
        return UnknownTagError(tag)
    return UndecodableError(f"not a {tag}: {error}")


def _check_subject(subject: str, event: EventBase) -> None:
    """Check that subject and body name the same job; otherwise a writer could alter another job's history."""
    try:
        named = parse(subject)
    except SubjectError as error:
        raise UndecodableError(str(error)) from error
    kind = str(event.__struct_config__.tag).split(".")[1]
    if (named.user_id, named.job_id, named.kind) != (event.user_id, event.job_id, kind):
        raise UndecodableError(f"{subject} holds a {kind} of another job")
