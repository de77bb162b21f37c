"""Pieces of output that wait for one client, laid together: fewer events for whoever is behind. Pure.

Only what a client could not tell apart from one larger piece is joined: the next bytes of the same stream,
stage and attempt, in the same subscription, with nothing between them.
"""

from base64 import b64decode, b64encode
from collections import deque
from dataclasses import dataclass
from typing import Any

import msgspec

from services.notifier.events.encoding import Encoding
from services.notifier.events.item import EncodedEvent, Output, Text
from shared.contract.codec import EventObject

JOINED_BYTES_MAX = 256 * 1024
"""Of the texts that are laid together."""

TYPE = "job.output.v1"


@dataclass(frozen=True, slots=True)
class Piece:
    """An event of output and the bytes that it adds at `offset` of its stream."""

    event: EventObject
    offset: int
    content: bytes

    def is_followed_by(self, other: "Piece") -> bool:
        """Whether `other` is what comes next of the same stream; fields of later versions must agree too."""
        return (
            self.event.job_id == other.event.job_id
            and self.offset + len(self.content) == other.offset
            and _about(self.event) == _about(other.event)
        )


def take_joined(first: Text, waiting: deque[Text], encoding: Encoding) -> tuple[Text, list[Text]]:
    """Take what waits behind the first text and may be joined with it: what to send, what it stands for."""
    run: list[Piece] = []
    taken = [first]
    size = first.size
    last = _first_of_two(first, waiting)
    while last is not None:
        run.append(last)
        following = _next(waiting, first, last, JOINED_BYTES_MAX - size)
        if following is not None:
            taken.append(waiting.popleft())
            size += taken[-1].size
        last = following
    if first.output is None or len(run) < 2:
        return first, taken
    payload = encoding.event(EncodedEvent.of(join_pieces(run)), first.output.subscription_id)
    assert payload is not None, "an encoding that shows pieces of output shows a larger piece"
    return Text(payload, is_bulk=True), taken


def _first_of_two(first: Text, waiting: deque[Text]) -> Piece | None:
    """Nothing is decoded for a text that has no neighbour to be joined with."""
    if first.output is None or not waiting or waiting[0].output is None:
        return None
    return piece_of(first.output)


def _next(waiting: deque[Text], first: Text, last: Piece, bytes_max: int) -> Piece | None:
    """What the next text adds to the run, if it goes on with it."""
    if not waiting or waiting[0].size > bytes_max:
        return None
    output = waiting[0].output
    if output is None or first.output is None or output.subscription_id != first.output.subscription_id:
        return None
    piece = piece_of(output)
    return piece if piece is not None and last.is_followed_by(piece) else None


def piece_of(output: Output) -> Piece | None:
    """What may be joined; None for anything that is not as this version writes it."""
    event = output.event()
    offset, content = event.data.get("offset"), event.data.get("content")
    if event.type != TYPE or not isinstance(offset, int) or not isinstance(content, str):
        return None
    try:
        match event.data.get("encoding"):
            case "utf-8":
                return Piece(event, offset, content.encode())
            case "base64":
                return Piece(event, offset, b64decode(content, validate=True))
            case _:
                return None
    except ValueError:
        return None


def join_pieces(run: list[Piece]) -> EventObject:
    """One event for pieces that follow each other: the first one's offset, the last one's place and time."""
    last = run[-1].event
    content = b"".join(piece.content for piece in run)
    is_text = last.data.get("encoding") == "utf-8"
    text = content.decode() if is_text else b64encode(content).decode()
    return msgspec.structs.replace(last, data={**last.data, "offset": run[0].offset, "content": text})


def _about(event: EventObject) -> dict[str, Any]:
    return {name: value for name, value in event.data.items() if name not in {"offset", "content"}}
