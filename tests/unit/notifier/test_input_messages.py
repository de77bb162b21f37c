"""Messages of input: which values they may have, and what the protocol makes of them."""

import base64
from typing import Any

import pytest

from services.notifier.transports.headrace_v1.actions import (
    Action,
    AddPiece,
    EndAnywhere,
    ResizeTerminal,
    Send,
    SendSignal,
)
from services.notifier.transports.headrace_v1.messages import ErrorShown
from shared.domain.interaction import PIECE_BYTES_MAX, TerminalSize
from shared.domain.job_input import NewPiece
from tests.builders import JOB
from tests.unit.notifier.test_protocol import code, new, ready, receive

PIECE: dict[str, Any] = {"type": "input", "id": "i", "job_id": JOB, "offset": 0, "content": "x"}
END: dict[str, Any] = {"type": "end_input", "id": "i", "job_id": JOB}
RESIZE: dict[str, Any] = {"type": "resize", "id": "i", "job_id": JOB, "columns": 80, "rows": 24}
SIGNAL: dict[str, Any] = {"type": "signal", "id": "i", "job_id": JOB, "signal": "SIGINT"}
MESSAGES = [PIECE, END, RESIZE, SIGNAL]


def refused(actions: list[Action]) -> ErrorShown:
    [send] = actions
    assert isinstance(send, Send)
    assert isinstance(send.message, ErrorShown)
    return send.message


@pytest.mark.clause("12.1", "12.2", "12.3")
@pytest.mark.parametrize(
    ("message", "action"),
    [
        (PIECE, AddPiece("i", JOB, NewPiece(0, b"x"))),
        ({**PIECE, "id": None, "content": "é"}, AddPiece(None, JOB, NewPiece(0, "é".encode()))),
        ({**PIECE, "encoding": "base64", "content": "//8="}, AddPiece("i", JOB, NewPiece(0, b"\xff\xff"))),
        (
            {**PIECE, "offset": 7, "end": True, "secret": True},
            AddPiece("i", JOB, NewPiece(7, b"x", end=True, secret=True)),
        ),
        ({**PIECE, "content": ""}, AddPiece("i", JOB, NewPiece(0, b""))),
        (END, EndAnywhere("i", JOB)),
        ({**END, "offset": 0}, AddPiece("i", JOB, NewPiece(0, b"", end=True))),
        (RESIZE, ResizeTerminal("i", JOB, TerminalSize(columns=80, rows=24))),
        ({**RESIZE, "columns": 1_000}, ResizeTerminal("i", JOB, TerminalSize(columns=1_000, rows=24))),
        (SIGNAL, SendSignal("i", JOB, "SIGINT")),
    ],
)
def test_what_is_asked_for(message: dict[str, Any], action: Action) -> None:
    assert receive(ready(), **message) == [action]


@pytest.mark.clause("12.1")
@pytest.mark.parametrize("encoding", ["utf-8", "base64"])
def test_the_largest_piece(encoding: str) -> None:
    for size, fits in ((PIECE_BYTES_MAX, True), (PIECE_BYTES_MAX + 1, False)):
        content = "x" * size if encoding == "utf-8" else base64.b64encode(b"x" * size).decode()
        [action] = receive(ready(), **{**PIECE, "content": content, "encoding": encoding})
        assert isinstance(action, AddPiece) == fits


@pytest.mark.clause("12.5")
@pytest.mark.parametrize(
    "message",
    [
        {**PIECE, "offset": -1},
        {**PIECE, "encoding": "base64", "content": "x"},
        {**PIECE, "encoding": "base64", "content": "é==="},
        {**PIECE, "encoding": "base64", "content": "eA==\n"},
        {**PIECE, "encoding": "latin-1"},
        {**PIECE, "content": "é" * (PIECE_BYTES_MAX // 2 + 1)},
        {**END, "offset": -1},
        {**RESIZE, "columns": 0, "rows": 0},
        {**RESIZE, "columns": 10_000},
        {**RESIZE, "rows": -1},
        {**SIGNAL, "signal": "SIGKILL"},
        {**SIGNAL, "signal": ""},
    ],
)
def test_values_that_no_message_has_are_an_error_and_no_end(message: dict[str, Any]) -> None:
    protocol = ready()
    error = refused(receive(protocol, **message))
    assert (error.id, error.job_id, error.code, error.temporary) == ("i", JOB, "invalid_input", False)
    assert receive(protocol, **SIGNAL) == [SendSignal("i", JOB, "SIGINT")]


@pytest.mark.clause("12.5")
@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("message_id", ["", "x" * 129, "é" * 65])
def test_an_id_that_is_too_long_is_not_sent_back(message: dict[str, Any], message_id: str) -> None:
    error = refused(receive(ready(), **{**message, "id": message_id}))
    assert (error.id, error.job_id, error.code) == (None, JOB, "invalid_input")
    error = refused(receive(ready(), **{**message, "id": message_id, "job_id": "x" * 1_000}))
    assert (error.job_id, error.code) == (None, "invalid_input")


@pytest.mark.clause("12.5")
@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("job_id", ["", "*", "x", JOB.upper(), f"{JOB}.x"])
def test_a_text_that_is_no_job_id_is_an_unknown_job(message: dict[str, Any], job_id: str) -> None:
    error = refused(receive(ready(), **{**message, "job_id": job_id}))
    assert (error.id, error.job_id, error.code) == ("i", None, "unknown_job")


@pytest.mark.clause("1.2")
@pytest.mark.parametrize(
    "message",
    [
        {**PIECE, "offset": "0"},
        {**PIECE, "offset": 0.5},
        {**PIECE, "content": None},
        {**PIECE, "end": 1},
        {**RESIZE, "columns": None},
        {**SIGNAL, "signal": 2},
        {**END, "id": 1},
    ],
)
def test_what_is_no_message_ends_the_connection(message: dict[str, Any]) -> None:
    assert code(receive(ready(), **message)) == 4400


@pytest.mark.clause("1.2")
def test_half_of_a_surrogate_pair_is_no_text() -> None:
    text = f'{{"type":"input","job_id":"{JOB}","offset":0,"content":"\\ud800"}}'
    assert code(ready().receive(text, 0)) == 4400


@pytest.mark.clause("2.4")
@pytest.mark.parametrize("message", MESSAGES)
def test_nothing_is_given_before_the_token(message: dict[str, Any]) -> None:
    assert code(receive(new(), **message)) == 4401
