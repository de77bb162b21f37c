"""The clauses of RFC 6455 that Autobahn's core sections test, from a bare socket, on every host.

Each case is named by the section of the suite that it stands for.
"""

from collections.abc import Sequence

import pytest

from services.notifier.app import MESSAGE_BYTES_MAX
from services.notifier.transports.websocket.protocol import FRAMES_BURST
from tests.conformance.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Received,
    close,
    frame,
    peer,
)

KOSME = "κόσμε-𝄞".encode()
SIZES = [0, 1, 125, 126, 127, 128, 65_535, MESSAGE_BYTES_MAX]
OK = (TEXT, b"ok")

Sent = Sequence[bytes]


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", SIZES)
async def test_1_messages_of_every_length(echo_port: int, opcode: int, size: int) -> None:
    payload = b"*" * size
    async with peer(echo_port) as one:
        await one.send(frame(opcode, payload))
        assert await one.receive() == (opcode, payload)


@pytest.mark.parametrize("chop", [1, 2, 7, 997])
async def test_1_a_frame_in_many_writes(echo_port: int, chop: int) -> None:
    whole = frame(TEXT, KOSME * 40)
    async with peer(echo_port) as one:
        await one.send(*(whole[at : at + chop] for at in range(0, len(whole), chop)))
        assert await one.receive() == (TEXT, KOSME * 40)


@pytest.mark.parametrize("payload", [b"", b"Hello", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125])
async def test_2_a_ping_is_answered_with_its_payload(echo_port: int, payload: bytes) -> None:
    async with peer(echo_port) as one:
        await one.send(frame(PING, payload))
        assert await one.receive() == (PONG, payload)


async def test_2_a_ping_that_is_too_long(echo_port: int) -> None:
    async with peer(echo_port) as one:
        await one.send(frame(PING, b"\xfe" * 126))
        assert await one.failure() in {None, 1002}


async def test_2_unasked_pongs_are_ignored(echo_port: int) -> None:
    async with peer(echo_port) as one:
        await one.send(frame(PONG), frame(PONG, b"unasked"), frame(PING, b"asked"))
        assert await one.receive() == (PONG, b"asked")


async def test_2_every_ping_of_many(echo_port: int) -> None:
    payloads = [f"payload-{number}".encode() for number in range(10)]
    async with peer(echo_port) as one:
        await one.send(b"".join(frame(PING, payload) for payload in payloads))
        assert [await one.receive() for _ in payloads] == [(PONG, payload) for payload in payloads]


@pytest.mark.parametrize("reserved", range(1, 8))
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, CLOSE])
async def test_3_reserved_bits(echo_port: int, reserved: int, opcode: int) -> None:
    async with peer(echo_port) as one:
        await one.send(frame(opcode, reserved=reserved))
        assert await one.failure() in {None, 1002}


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("payload", [b"", b"reserved"])
async def test_4_reserved_opcodes(echo_port: int, opcode: int, payload: bytes) -> None:
    async with peer(echo_port) as one:
        await one.send(frame(opcode, payload))
        assert await one.failure() in {None, 1002}


FRAGMENTS: dict[str, tuple[Sent, Sequence[Received]]] = {
    "two": ([frame(TEXT, b"o", fin=False), frame(CONTINUATION, b"k")], [OK]),
    "empty ones": (
        [frame(TEXT, fin=False), frame(CONTINUATION, fin=False), frame(CONTINUATION)],
        [(TEXT, b"")],
    ),
    "an empty end": ([frame(TEXT, b"ok", fin=False), frame(CONTINUATION)], [OK]),
    "a ping between": (
        [frame(TEXT, b"o", fin=False), frame(PING, b"between"), frame(CONTINUATION, b"k")],
        [(PONG, b"between"), OK],
    ),
    "pings between many": (
        [
            frame(BINARY, b"0", fin=False),
            *(frame(CONTINUATION, b"1", fin=False) + frame(PING, b"p") for _ in range(4)),
            frame(CONTINUATION, b"2"),
        ],
        [*[(PONG, b"p")] * 4, (BINARY, b"011112")],
    ),
    "a cut character": ([frame(TEXT, KOSME[:5], fin=False), frame(CONTINUATION, KOSME[5:])], [(TEXT, KOSME)]),
    "every byte": (
        [
            frame(TEXT, fin=False),
            *(frame(CONTINUATION, bytes([b]), fin=False) for b in KOSME),
            frame(CONTINUATION),
        ],
        [(TEXT, KOSME)],
    ),
}


@pytest.mark.parametrize("name", FRAGMENTS)
@pytest.mark.parametrize("at_once", [False, True])
async def test_5_fragments(echo_port: int, name: str, *, at_once: bool) -> None:
    sent, expected = FRAGMENTS[name]
    async with peer(echo_port) as one:
        await one.send(*([b"".join(sent)] if at_once else sent))
        assert [await one.receive() for _ in expected] == list(expected)


BROKEN_FRAGMENTS: dict[str, Sent] = {
    "a ping in fragments": [frame(PING, b"a", fin=False), frame(CONTINUATION, b"b")],
    "a pong in fragments": [frame(PONG, b"a", fin=False), frame(CONTINUATION, b"b")],
    "a close in fragments": [frame(CLOSE, b"\x03", fin=False)],
    "nothing to continue": [frame(CONTINUATION, b"a")],
    "nothing to continue, not the last": [frame(CONTINUATION, b"a", fin=False), frame(TEXT, b"b")],
    "a message within a message": [frame(TEXT, b"a", fin=False), frame(TEXT, b"b")],
    "another kind within a message": [frame(TEXT, b"a", fin=False), frame(BINARY, b"b")],
    "a frame without a mask": [frame(TEXT, b"a", masked=False)],
}


@pytest.mark.parametrize("name", BROKEN_FRAGMENTS)
async def test_5_broken_fragments(echo_port: int, name: str) -> None:
    async with peer(echo_port) as one:
        await one.send(b"".join(BROKEN_FRAGMENTS[name]))
        assert await one.failure() in {None, 1002}


GOOD_UTF8 = [
    "Hello-µ@ßöäüàá-UTF-8!!",
    "κόσμε",
    "\x00",
    "\x80",
    "\u0800",
    "\U00010000",
    "\x7f",
    "\u07ff",
    "\uffff",
    "\U0010ffff",
    "\ud7ff",
    "\ue000",
    "\ufffd",
]


@pytest.mark.parametrize("text", GOOD_UTF8, ids=ascii)
async def test_6_good_utf8(echo_port: int, text: str) -> None:
    async with peer(echo_port) as one:
        await one.send(frame(TEXT, text.encode()))
        assert await one.receive() == (TEXT, text.encode())


BAD_UTF8 = {
    "a continuation alone": b"\x80",
    "a start alone": b"\xc3",
    "too short": b"\xe0\x80",
    "over-long": b"\xc0\xaf",
    "over-long NUL": b"\xf0\x80\x80\x80",
    "a surrogate": b"\xed\xa0\x80",
    "a pair of surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "beyond the last character": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "impossible": b"\xfe\xff",
}


@pytest.mark.parametrize("name", BAD_UTF8)
@pytest.mark.parametrize("before", [b"", KOSME])
async def test_6_bad_utf8(echo_port: int, name: str, before: bytes) -> None:
    async with peer(echo_port) as one:
        await one.send(frame(TEXT, before + BAD_UTF8[name]))
        assert await one.failure() in {None, 1007}


async def test_6_bad_utf8_fails_before_the_message_ends(echo_port: int) -> None:
    """Sent so far can never become text, so nobody waits for the last fragment."""
    async with peer(echo_port) as one:
        await one.send(frame(TEXT, KOSME, fin=False), frame(CONTINUATION, b"\xf4\x90\x80\x80", fin=False))
        assert await one.failure() in {None, 1007}


async def test_6_binary_is_not_looked_at(echo_port: int) -> None:
    async with peer(echo_port) as one:
        await one.send(frame(BINARY, b"\xfe\xff"))
        assert await one.receive() == (BINARY, b"\xfe\xff")


ALLOWED_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]


@pytest.mark.parametrize("code", ALLOWED_CODES)
async def test_7_close_codes_are_echoed(echo_port: int, code: int) -> None:
    async with peer(echo_port) as one:
        await one.send(close(code, b"why"))
        assert await one.close_code() == code


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535])
async def test_7_close_codes_that_must_not_be_sent(echo_port: int, code: int) -> None:
    async with peer(echo_port) as one:
        await one.send(close(code))
        assert await one.failure() in {None, 1002}


async def test_7_a_close_without_a_code(echo_port: int) -> None:
    async with peer(echo_port) as one:
        await one.send(close())
        assert await one.close_code() in {None, 1000}


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(frame(CLOSE, b"\x03"), 1002, id="half a code"),
        pytest.param(close(1000, b"x" * 124), 1002, id="longer than a control frame"),
        pytest.param(close(1000, b"\xf4\x90\x80\x80"), 1007, id="a reason that is no text"),
        pytest.param(close(1000, b"x" * 123), 1000, id="the longest reason"),
    ],
)
async def test_7_close_payloads(echo_port: int, sent: bytes, code: int) -> None:
    async with peer(echo_port) as one:
        await one.send(sent)
        assert await one.failure() in ({code} if code == 1000 else {None, code})


@pytest.mark.parametrize("after", [frame(TEXT, b"late"), frame(PING, b"late"), close(1001)])
async def test_7_nothing_after_a_close_is_answered(echo_port: int, after: bytes) -> None:
    async with peer(echo_port) as one:
        await one.send(close(1000) + after)
        assert await one.close_code() == 1000


async def test_7_a_close_within_a_fragmented_message(echo_port: int) -> None:
    """Case 7.1.5, which another implementation for uvicorn does not pass."""
    async with peer(echo_port) as one:
        await one.send(frame(TEXT, b"a", fin=False), close(1000))
        assert await one.close_code() == 1000


async def test_9_a_message_above_the_limit(echo_port: int) -> None:
    async with peer(echo_port) as one:
        await one.send(frame(TEXT, b"x" * (MESSAGE_BYTES_MAX + 1)))
        assert await one.failure() in {None, 1009}


async def test_10_as_many_frames_as_may_come_at_once_in_many_reads(echo_port: int) -> None:
    """A frame counts once, however many pieces the network makes of it."""
    payload = b"*" * MESSAGE_BYTES_MAX
    size = MESSAGE_BYTES_MAX // FRAMES_BURST
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)]
    sent = frame(TEXT, pieces[0], fin=False)
    sent += b"".join(frame(CONTINUATION, piece, fin=False) for piece in pieces[1:-1])
    sent += frame(CONTINUATION, pieces[-1])
    async with peer(echo_port) as one:
        await one.send(*(sent[at : at + 50] for at in range(0, len(sent), 50)))
        assert await one.receive() == (TEXT, payload)


@pytest.mark.parametrize("size", [128, 256, 1_300])
async def test_10_a_large_message_in_small_fragments(echo_port: int, size: int) -> None:
    payload = b"*" * MESSAGE_BYTES_MAX
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)]
    frames = [frame(TEXT, pieces[0], fin=False)]
    frames += [frame(CONTINUATION, piece, fin=False) for piece in pieces[1:-1]]
    async with peer(echo_port) as one:
        await one.send(b"".join(frames), frame(CONTINUATION, pieces[-1]))
        assert await one.receive() == (TEXT, payload)
