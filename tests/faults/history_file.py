"""Histories as files: written line by line while a run goes on, read whole afterwards."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from tests.faults.history import (
    Began,
    Call,
    Connection,
    Fault,
    History,
    Life,
    Line,
    Missed,
    Refused,
    Row,
    Shown,
    Stored,
    View,
)

LineT = TypeVar("LineT")

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class Recorder:
    """Writes lines as they come, between ``with`` and its end."""

    def __init__(self, path: Path) -> None:
        """Write to this file, which is made anew."""
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def note(self, line: Line) -> None:
        """Keep one line."""
        self._file.write(_encoder.encode(line) + b"\n")


def read(path: Path) -> History:
    """What was written. Raises msgspec.DecodeError for what is no history."""
    with path.open("rb") as file:
        return gathered(_decoder.decode(line) for line in file)


def write(path: Path, history: History) -> None:
    """A whole history at once."""
    with Recorder(path) as recorder:
        for line in lines_of(history):
            recorder.note(line)


def gathered(lines: Iterable[Line]) -> History:
    """Lines, sorted by kind. One of them must be `Began`."""
    every = list(lines)
    (began,) = _of(every, Began)
    return History(
        began,
        calls=_of(every, Call),
        connections=_of(every, Connection),
        shown=_of(every, Shown),
        missed=_of(every, Missed),
        log=_of(every, Stored),
        views=_of(every, View),
        rows=_of(every, Row),
        faults=_of(every, Fault),
        lives=_of(every, Life),
        refused=_of(every, Refused),
    )


def _of(lines: list[Line], kind: type[LineT]) -> tuple[LineT, ...]:
    return tuple(line for line in lines if isinstance(line, kind))


def lines_of(history: History) -> Iterator[Line]:
    """Every line, kind by kind."""
    yield history.began
    for kind in (
        history.calls,
        history.connections,
        history.shown,
        history.missed,
        history.log,
        history.views,
        history.rows,
        history.faults,
        history.lives,
        history.refused,
    ):
        yield from kind
