"""Pieces of output that wait are one event, if and only if nobody could tell them from one larger piece."""

import json
from base64 import b64encode
from collections import deque
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.connections.output_coalescing import JOINED_BYTES_MAX, take_joined
from services.notifier.events.item import Item, Text
from services.notifier.events.subscription import text_of
from services.notifier.transports.headrace_v1.encoding import ENCODING as FRAMES
from services.notifier.transports.sse.encoding import ENCODING as SERVER_SENT_EVENTS
from shared.contract.codec import encode
from shared.contract.subjects import feed_note
from shared.domain.events import JobOutput
from shared.jetstream.stored_message import Entry
from tests import builders
from tests.unit.notifier.stored import OTHER_JOB, live, logged


def piece(sequence: int, offset: int, content: str, **changes: Any) -> Item:  # noqa: ANN401 - fields of the note
    fields: dict[str, Any] = {
        "job_id": builders.JOB,
        "user_id": builders.USER,
        "time": builders.NOON,
        "request_id": "req-1",
        "attempt": 1,
        "stage": "run",
        "stream": "stdout",
        "encoding": "utf-8",
        **changes,
    }
    note = JobOutput(offset=offset, content=content, **fields)
    stored_at = builders.NOON + timedelta(milliseconds=sequence)
    return live(Entry(sequence, stored_at, feed_note(note.user_id, note.job_id, "output"), encode(note)))


def waiting(*items: Item | tuple[Item, str]) -> deque[Text]:
    """What waits for a client, of subscription `s` where none is given."""
    pairs = [item if isinstance(item, tuple) else (item, "s") for item in items]
    texts = [text_of(FRAMES, item, subscription) for item, subscription in pairs]
    return deque(text for text in texts if text is not None)


def taken(texts: deque[Text]) -> list[dict[str, Any]]:
    """Every message as it is sent; all texts that waited are accounted for."""
    waited = list(texts)
    accounted: list[Text] = []
    messages = []
    while texts:
        text, stood_for = take_joined(texts.popleft(), texts, FRAMES)
        accounted += stood_for
        messages.append(json.loads(text.payload))
    assert accounted == waited
    return messages


@pytest.mark.clause("5.5")
def test_pieces_that_follow_each_other_are_one() -> None:
    items = piece(1, 0, "añ"), piece(2, 3, "b"), piece(3, 4, "c")
    [message] = taken(waiting(*items))
    last = json.loads(waiting(items[2])[0].payload)
    last["event"]["data"] |= {"offset": 0, "content": "añbc"}
    assert message == last, "the cursor and the times are those of the last"


def test_pieces_in_an_encoding_of_a_later_version_are_left_as_they_are() -> None:
    """As base64 `AAAA` is three bytes, so these would seem to follow each other."""
    items = [piece(1, 0, "AAAA"), piece(2, 3, "AAAA")]
    for item in items:
        item.entry = msgspec.structs.replace(
            item.entry, payload=item.entry.payload.replace(b'"utf-8"', b'"later"')
        )
    messages = taken(waiting(*items))
    assert [message["event"]["data"]["content"] for message in messages] == ["AAAA", "AAAA"]
    assert messages[0]["event"]["data"]["encoding"] == "later"


def test_bytes_that_are_no_text_are_joined_as_bytes() -> None:
    first, second = b"\xff\x00", b"\xfe"
    items = [
        piece(1, 0, b64encode(first).decode(), encoding="base64"),
        piece(2, 2, b64encode(second).decode(), encoding="base64"),
    ]
    [message] = taken(waiting(*items))
    assert message["event"]["data"]["content"] == b64encode(first + second).decode()


@pytest.mark.clause("5.5")
@pytest.mark.parametrize(
    "other",
    [
        pytest.param(piece(2, 2, "b"), id="a gap between them"),
        pytest.param(piece(2, 0, "b"), id="the same again"),
        pytest.param(piece(2, 1, "b", stream="stderr"), id="another stream"),
        pytest.param(piece(2, 1, "b", stage="compile"), id="another stage"),
        pytest.param(piece(2, 1, "b", attempt=2), id="another attempt"),
        pytest.param(piece(2, 1, "b", job_id=OTHER_JOB), id="another job"),
        pytest.param(piece(2, 1, "Yg==", encoding="base64"), id="another encoding"),
        pytest.param(piece(2, 1, "b", request_id="req-2"), id="another cause"),
        pytest.param((piece(2, 1, "b"), "t"), id="another subscription"),
        pytest.param(live(logged(builders.running(), 2)), id="no output"),
    ],
)
def test_what_is_not_joined(other: Item | tuple[Item, str]) -> None:
    assert len(taken(waiting(piece(1, 0, "a"), other))) == 2


def test_nothing_may_be_between_them() -> None:
    between = live(logged(builders.running(), 1))
    assert len(taken(waiting(piece(1, 0, "a"), between, piece(2, 1, "b")))) == 3


def test_stored_notes_of_another_shape_are_left_as_they_are() -> None:
    subject = feed_note(builders.USER, builders.JOB, "output")

    def strange(sequence: int, **data: object) -> Item:
        fields = {"type": "job.output.v1", "job_id": builders.JOB, "time": "t", **data}
        return live(Entry(sequence, builders.NOON, subject, json.dumps(fields).encode()))

    odd = [
        strange(2),
        strange(3, offset="0", content="x"),
        strange(4, offset=0, content=7, encoding="utf-8"),
        strange(5, offset=0, content="no base64!", encoding="base64"),
        strange(6, offset=0, content="x", encoding="later"),
    ]
    assert len(taken(waiting(piece(1, 0, "a"), *odd, piece(7, 1, "b")))) == 7


def test_what_is_joined_is_bounded() -> None:
    content = "x" * (JOINED_BYTES_MAX // 3)
    items = [piece(number, number * len(content), content) for number in range(6)]
    assert len(taken(waiting(*items))) == 3


@pytest.mark.clause("5.5", "10.2")
def test_the_same_over_server_sent_events() -> None:
    shown_alone = [text_of(SERVER_SENT_EVENTS, piece(1 + at, at, "x"), "stream") for at in range(2)]
    first, second = [one for one in shown_alone if one is not None]
    text, stood_for = take_joined(first, deque([second]), SERVER_SENT_EVENTS)
    cursor, name, data, *_ = text.payload.decode().split("\n")
    shown = json.loads(data.removeprefix("data: "))
    assert (shown["data"]["offset"], shown["data"]["content"]) == (0, "xx")
    assert (cursor, name) == (f"id: {shown['cursor']}", "event: job.output.v1")
    assert stood_for == [first, second]


@pytest.mark.clause("5.5")
@given(
    st.lists(
        st.tuples(st.sampled_from(["stdout", "stderr", "event"]), st.text(max_size=3)),
        max_size=30,
    )
)
def test_the_bytes_of_every_stream_are_the_same(plan: list[tuple[str, str]]) -> None:
    """Laid together from the offsets, as a client does it; and the last cursor is the last one's."""
    offsets = {"stdout": 0, "stderr": 0}
    expected = {"stdout": b"", "stderr": b""}
    items: list[Item] = []
    for sequence, (kind, content) in enumerate(plan, start=1):
        if kind == "event":
            items.append(live(logged(builders.running(), sequence)))
            continue
        items.append(piece(sequence, offsets[kind], content, stream=kind))
        offsets[kind] += len(content.encode())
        expected[kind] += content.encode()
    shown = taken(waiting(*items))
    found = {"stdout": b"", "stderr": b""}
    for message in shown:
        data = message["event"]["data"]
        if "stream" in data:
            assert len(found[data["stream"]]) == data["offset"]
            found[data["stream"]] += data["content"].encode()
    assert found == expected
    if items:
        assert shown[-1]["event"]["cursor"] == str(items[-1].position)
