"""What is said is the same on both wires, and nothing stored can say more than it is."""

import json

import pytest

from services.notifier.connections.close import COMPLETE, SLOW, Close
from services.notifier.events.encoding import Encoding
from services.notifier.events.item import Item, Text
from services.notifier.events.outcomes import Announcement, Ended, Gap, Started
from services.notifier.events.position import FeedMark, Position
from services.notifier.events.subscription import text_of
from services.notifier.transports.headrace_v1.encoding import ENCODING as FRAMES
from services.notifier.transports.sse.encoding import ENCODING as SERVER_SENT_EVENTS
from services.notifier.transports.sse.encoding import encode_close
from shared.jetstream.stored_message import Entry
from tests import builders
from tests.unit.notifier.stored import live, logged, noted


def shown(encoding: Encoding, item: Item, subscription: str = "s") -> Text:
    text = text_of(encoding, item, subscription)
    assert text is not None
    return text


def fields(payload: bytes) -> list[tuple[str, str]]:
    """The lines of one block, as a client splits them."""
    text = payload.decode()
    assert text.endswith("\n\n")
    return [(name, value) for name, _, value in (line.partition(": ") for line in text[:-2].split("\n"))]


@pytest.mark.clause("10.2")
@pytest.mark.parametrize("item", [live(logged(builders.completed(), 7)), live(noted(3, 10))])
def test_both_show_the_same_bytes(item: Item) -> None:
    frame = shown(FRAMES, item).payload.decode()
    (_, cursor), (_, kind), (_, data) = fields(shown(SERVER_SENT_EVENTS, item).payload)
    assert frame == f'{{"type":"event","id":"s","event":{data}}}'
    event = json.loads(data)
    assert (cursor, kind) == (event["cursor"], event["type"])


@pytest.mark.clause("10.3")
def test_other_messages_lose_their_subscription() -> None:
    begin, end = Position(1, FeedMark(2)), Position(3, FeedMark(4))
    assert both(Started(begin, end, is_whole=True)) == (
        b'{"type":"subscribed","id":"s","recovered":true,"from":"1-2.0","to":"3-4.0"}',
        (
            b"id: 1-2.0\nevent: subscribed\n"
            b'data: {"type":"subscribed","recovered":true,"from":"1-2.0","to":"3-4.0"}\n\n'
        ),
    )
    assert both(Gap(begin, end, "log_purged")) == (
        b'{"type":"gap","id":"s","from":"1-2.0","to":"3-4.0","reason":"log_purged"}',
        b'event: gap\ndata: {"type":"gap","from":"1-2.0","to":"3-4.0","reason":"log_purged"}\n\n',
    )
    assert both(Ended()) == (
        b'{"type":"complete","id":"s"}',
        b'event: complete\ndata: {"type":"complete"}\n\n',
    )


def both(announcement: Announcement) -> tuple[bytes, bytes]:
    return FRAMES.announcement(announcement, "s"), SERVER_SENT_EVENTS.announcement(announcement, "s")


def test_a_type_cannot_begin_a_line_of_its_own() -> None:
    stored = logged(builders.queued(), 1)
    payload = json.dumps({"type": "job.x\nid: 9-9\r\rdata: {}", "job_id": builders.JOB, "time": "t\n\n"})
    text = shown(
        SERVER_SENT_EVENTS, live(Entry(1, stored.stored_at, stored.subject, payload.encode()))
    ).payload
    assert [name for name, _ in fields(text)] == ["id", "event", "data"]
    assert b"\r" not in text


def test_texts_are_shared_by_those_who_are_sent_the_same() -> None:
    item = live(logged(builders.queued(), 1))
    texts = {(wire, name): shown(wire, item, name) for wire in (FRAMES, SERVER_SENT_EVENTS) for name in "ab"}
    assert item.texts == texts


@pytest.mark.parametrize("encoding", [FRAMES, SERVER_SENT_EVENTS])
def test_poison_has_no_text(encoding: Encoding) -> None:
    stored = logged(builders.queued(), 1)
    assert text_of(encoding, live(Entry(1, stored.stored_at, stored.subject, b"\xff")), "s") is None


@pytest.mark.clause("10.8")
def test_the_last_words() -> None:
    assert encode_close(Close(COMPLETE, "over"), 700) == b""
    again, *rest = encode_close(Close(SLOW, "too slow"), 700).split(b"\n\n")
    assert again == b"retry: 700"
    (_, kind), (_, data) = fields(rest[0] + b"\n\n")
    assert (kind, json.loads(data)) == ("close", {"type": "close", "code": 4420, "reason": "too slow"})
