"""The one queue between hub and socket: in order, bounded, ended once, and never stopped by what is in it."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.connections.close import Close
from services.notifier.connections.outbox import SMALL_BYTES_MAX, Outbox
from services.notifier.connections.queue_shares import QueueShare, QueueShares
from services.notifier.events.item import Text
from services.notifier.transports.headrace_v1.encoding import ENCODING

END = Close("complete", "over")
MIB = 1024 * 1024
EVENT_BYTES_MAX = 8 * MIB
"""What the broker takes at most."""


class Clock:
    """Time, as a test tells it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def outbox_of(bytes_max: int, clock: Clock | None = None, shares: QueueShares | None = None) -> Outbox:
    share = QueueShare(shares or QueueShares(64 * MIB, 512 * MIB), "alice")
    return Outbox(bytes_max, ENCODING, share, clock or Clock())


def event(size: int) -> Text:
    return Text(b"x" * size, is_bulk=True)


def small(content: bytes = b"pong") -> Text:
    return Text(content)


@pytest.mark.clause("9.2")
async def test_texts_leave_in_order_and_then_the_end() -> None:
    outbox = outbox_of(100)
    assert outbox.put(small(b"a"))
    assert outbox.put(Text(b"b", is_bulk=True))
    outbox.end(END)
    assert [await outbox.take() for _ in range(4)] == [b"a", b"b", END, END]
    assert outbox.closing.done()


@pytest.mark.clause("9.1")
async def test_it_is_full_when_as_much_as_the_bound_waits() -> None:
    outbox = outbox_of(100)
    assert outbox.put(event(1_000)), "one message of any size passes"
    assert not outbox.put(event(1))
    await outbox.take()
    assert not outbox.put(event(1)), "it waits until it was written"
    outbox.mark_sent()
    assert outbox.waiting_bytes == 0
    assert outbox.put(event(1))


@pytest.mark.clause("9.1")
async def test_a_small_message_behind_a_large_one_passes() -> None:
    outbox = outbox_of(100)
    outbox.put(event(EVENT_BYTES_MAX))
    assert outbox.put(small(b"complete"))
    assert outbox.put(small(b"pong"))
    outbox.end(END)
    sent = [await outbox.take() for _ in range(3)][1:]
    assert sent == [b"complete", b"pong"]


@pytest.mark.clause("9.1")
async def test_small_messages_are_bounded_too() -> None:
    outbox = outbox_of(100)
    count = 0
    while outbox.put(small()):
        count += 1
    assert count == SMALL_BYTES_MAX // len(b"pong")
    await outbox.take()
    outbox.mark_sent()
    assert outbox.put(small())


@pytest.mark.clause("9.1")
async def test_the_end_may_go_before_what_waits() -> None:
    outbox = outbox_of(100)
    outbox.put(event(1))
    outbox.end(END, drop=True)
    outbox.end(Close("slow", "too late"))
    assert outbox.put(event(1)), "texts after the end are dropped, which is no lack of room"
    assert await outbox.take() == END


async def test_an_empty_one_is_waited_for() -> None:
    outbox = outbox_of(100)
    taking = asyncio.ensure_future(outbox.take())
    await asyncio.sleep(0)
    outbox.put(small(b"a"))
    assert await taking == b"a"


async def test_history_waits_for_room() -> None:
    outbox = outbox_of(100)
    await outbox.wait_for_capacity()
    outbox.put(event(50))
    assert not outbox.has_room
    waiting = asyncio.ensure_future(outbox.wait_for_capacity())
    await outbox.take()
    await asyncio.sleep(0)
    assert not waiting.done()
    outbox.mark_sent()
    await waiting


@pytest.mark.clause("9.1")
async def test_it_is_unread_while_no_byte_leaves() -> None:
    clock = Clock()
    outbox = outbox_of(100, clock)
    since = [outbox.unread_since]
    for clock.now, act in (
        (5, lambda: outbox.put(event(90))),
        (6, lambda: outbox.put(small())),
        (7, outbox.mark_progress),
        (8, outbox.mark_sent),
    ):
        if clock.now == 7:
            await outbox.take()
        act()
        since.append(outbox.unread_since)
    await outbox.take()
    outbox.mark_sent()
    since.append(outbox.unread_since)
    assert since == [None, 5, 5, 7, 8, None], "a byte is enough, however large the message"


@pytest.mark.clause("3.1")
async def test_a_mark_is_passed_when_all_before_it_has_left() -> None:
    outbox = outbox_of(100)
    outbox.put(event(90))
    outbox.put(small())
    mark = outbox.mark
    outbox.put(event(1))
    passed = []
    for _ in range(3):
        passed.append(outbox.has_passed(mark))
        await outbox.take()
        outbox.mark_sent()
    assert (passed, outbox.has_passed(mark)) == ([False, False, True], True)


@pytest.mark.clause("9.1")
async def test_what_it_held_is_given_back_at_its_end() -> None:
    shares = QueueShares(64 * MIB, 512 * MIB)
    outbox = outbox_of(100, shares=shares)
    for text in (event(50), event(60), small()):
        outbox.put(text)
    await outbox.take()
    assert shares.held_by("alice") == 2 * 110, "each with its frame"
    outbox.end(END, drop=True)
    outbox.close()
    assert (shares.held_bytes, outbox.waiting_bytes) == (0, 0)


texts = st.lists(
    st.tuples(st.booleans(), st.one_of(st.integers(1, 300), st.integers(1, EVENT_BYTES_MAX))), max_size=30
)


@pytest.mark.clause("9.1")
@settings(max_examples=60)
@given(plan=texts, reads=st.lists(st.integers(1, 4 * MIB), min_size=1, max_size=20), rate=st.integers(1, 20))
async def test_a_reader_that_reads_gets_everything_in_order(
    plan: list[tuple[bool, int]], reads: list[int], rate: int
) -> None:
    """Whatever sizes are queued, and however few bytes are taken at a time, all of it leaves.

    What is refused is offered again when there is room, as history is; what is small is never refused.
    """
    clock, shares = Clock(), QueueShares(64 * MIB, 512 * MIB)
    outbox = outbox_of(4 * MIB, clock, shares)
    queued = [event(size) if is_bulk else small(b"s" * min(size, 300)) for is_bulk, size in plan]
    to_queue, sent = list(queued), list[int]()
    age_max, step = 0.0, 0
    while to_queue or outbox.waiting_bytes:
        while to_queue and outbox.put(to_queue[0]):
            to_queue.pop(0)
        assert not to_queue or to_queue[0].is_bulk, "a small one was refused"
        assert outbox.waiting_bytes < 4 * MIB + EVENT_BYTES_MAX + SMALL_BYTES_MAX
        assert outbox.waiting_bytes, "there was no room in an empty queue"
        taken = await outbox.take()
        assert isinstance(taken, bytes)
        left = len(taken)
        while left > 0:
            clock.now += 1 / rate
            unread_since = outbox.unread_since
            assert unread_since is not None
            age_max = max(age_max, clock.now - unread_since)
            left -= reads[step % len(reads)] + 64 * 1024
            step += 1
            outbox.mark_progress()
        sent.append(len(taken))
        outbox.mark_sent()
    assert sent == [text.size for text in queued]
    assert age_max <= 1 / rate + 1e-6, "it is as old as the last byte that left, and no older"
    assert shares.held_bytes == 0
