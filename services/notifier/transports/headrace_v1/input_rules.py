"""Which values a message of input may have: the command that it asks for, or the `error`. Pure."""

import base64
import binascii
from typing import Final, assert_never, get_args

from services.notifier.transports.headrace_v1.actions import (
    AddPiece,
    EndAnywhere,
    GiveInput,
    ResizeTerminal,
    Send,
    SendSignal,
)
from services.notifier.transports.headrace_v1.input_messages import (
    EndInput,
    Input,
    InputCommand,
    Resize,
    Signal,
)
from services.notifier.transports.headrace_v1.messages import ID_BYTES_MAX
from services.notifier.transports.headrace_v1.refusals import invalid_input, unknown_job
from shared.contract.subjects import is_job_id
from shared.domain.enumerations import SignalName
from shared.domain.interaction import PIECE_BYTES_MAX, TERMINAL_MAX, TerminalSize
from shared.domain.job_input import NewPiece

SIGNALS: Final[dict[str, SignalName]] = {name: name for name in get_args(SignalName)}


class _InvalidError(Exception):
    """A value that the message may not have; the words are safe to send back."""


def check_input(message: InputCommand) -> GiveInput | Send:
    """What to do with it. Only what is bounded is sent back: no id that is too long."""
    message_id = message.id
    if message_id is not None and not 0 < len(message_id.encode()) <= ID_BYTES_MAX:
        return _invalid(None, message.job_id, f"an id has 1 to {ID_BYTES_MAX} bytes")
    if not is_job_id(message.job_id):
        return Send(unknown_job(message_id))
    try:
        return _command(message)
    except _InvalidError as error:
        return _invalid(message_id, message.job_id, str(error))


def _command(message: InputCommand) -> GiveInput:
    match message:
        case Input():
            piece = NewPiece(_offset(message.offset), _content(message), message.end, message.secret)
            return AddPiece(message.id, message.job_id, piece)
        case EndInput():
            if message.offset is None:
                return EndAnywhere(message.id, message.job_id)
            return AddPiece(message.id, message.job_id, NewPiece(_offset(message.offset), b"", end=True))
        case Resize():
            if not (0 < message.columns <= TERMINAL_MAX and 0 < message.rows <= TERMINAL_MAX):
                raise _InvalidError(f"a terminal has 1 to {TERMINAL_MAX} columns, and as many rows")
            size = TerminalSize(columns=message.columns, rows=message.rows)
            return ResizeTerminal(message.id, message.job_id, size)
        case Signal():
            if message.signal not in SIGNALS:
                raise _InvalidError(f"signal is one of {', '.join(SIGNALS)}")
            return SendSignal(message.id, message.job_id, SIGNALS[message.signal])
    assert_never(message)


def _offset(offset: int) -> int:
    if offset < 0:
        raise _InvalidError("offset is not negative")
    return offset


def _content(message: Input) -> bytes:
    match message.encoding:
        case "utf-8":
            content = message.content.encode()
        case "base64":
            try:
                content = base64.b64decode(message.content, validate=True)
            except (binascii.Error, ValueError) as error:
                raise _InvalidError("content is not base64") from error
        case _:
            raise _InvalidError("encoding is utf-8 or base64")
    if len(content) > PIECE_BYTES_MAX:
        raise _InvalidError(f"a piece has at most {PIECE_BYTES_MAX} bytes")
    return content


def _invalid(message_id: str | None, job_id: str, why: str) -> Send:
    return Send(invalid_input(message_id, job_id if is_job_id(job_id) else None, why))
