"""What is said is the same on both wires, and nothing stored can say more than it is."""

import json

import pytest

from services.notifier.events.item import Item, Text
from services.notifier.transports.encoding import FRAMES, SERVER_SENT_EVENTS, Wire, closing, show
from services.notifier.transports.headrace_v1.actions import DONE, SLOW, Close
from services.notifier.transports.headrace_v1.messages import Complete, Gap, Subscribed
from shared.jetstream.stored_message import Entry
from tests import builders
from tests.unit.notifier.stored import live, logged, noted


def shown(wire: Wire, item: Item, subscription: str = "s") -> Text:
    text = show(wire, item, subscription)
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
    subscribed = Subscribed(id="s", recovered=True, from_="1-2", to="3-4")
    (_, cursor), (_, kind), (_, data) = fields(SERVER_SENT_EVENTS.message(subscribed).payload)
    assert (cursor, kind) == ("1-2", "subscribed")
    assert json.loads(data) == {"type": "subscribed", "recovered": True, "from": "1-2", "to": "3-4"}
    gap = Gap(id="s", from_="1-2", to="3-4", reason="log_purged")
    assert [name for name, _ in fields(SERVER_SENT_EVENTS.message(gap).payload)] == ["event", "data"]
    assert fields(SERVER_SENT_EVENTS.message(Complete(id="s")).payload)[1] == ("data", '{"type":"complete"}')


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
    assert shown(SERVER_SENT_EVENTS, item, "one") is item.texts[SERVER_SENT_EVENTS.key("two")]
    assert shown(FRAMES, item, "one") is item.texts[FRAMES.key("one")]
    assert FRAMES.key("two") not in item.texts


@pytest.mark.parametrize("wire", [FRAMES, SERVER_SENT_EVENTS])
def test_poison_has_no_text(wire: Wire) -> None:
    stored = logged(builders.queued(), 1)
    assert show(wire, live(Entry(1, stored.stored_at, stored.subject, b"\xff")), "s") is None


@pytest.mark.clause("10.8")
def test_the_last_words() -> None:
    assert closing(Close(DONE, "over"), 700) == b""
    again, *rest = closing(Close(SLOW, "too slow"), 700).split(b"\n\n")
    assert again == b"retry: 700"
    (_, kind), (_, data) = fields(rest[0] + b"\n\n")
    assert (kind, json.loads(data)) == ("close", {"type": "close", "code": 4420, "reason": "too slow"})
