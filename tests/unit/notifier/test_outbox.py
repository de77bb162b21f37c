"""The one queue between hub and socket: in order, bounded, ended once."""

import asyncio

import pytest

from services.notifier.actions import Close
from services.notifier.item import Text
from services.notifier.outbox import Outbox
from services.notifier.wire import FRAMES

END = Close(1000, "over")


def outbox_of(bytes_max: int) -> Outbox:
    return Outbox(bytes_max, FRAMES)


def put(outbox: Outbox, text: str, size: int, now: float = 0) -> bool:
    return outbox.put(Text(text, size), now)


@pytest.mark.clause("9.2")
async def test_texts_leave_in_order_and_then_the_end() -> None:
    outbox = outbox_of(100)
    assert put(outbox, "a", 1)
    assert put(outbox, "b", 1)
    outbox.end(END)
    assert [await outbox.take() for _ in range(4)] == [("a", 1), ("b", 1), END, END]
    assert outbox.closing.done()


@pytest.mark.clause("9.1")
async def test_it_is_full_when_as_much_as_the_bound_waits() -> None:
    outbox = outbox_of(100)
    assert put(outbox, "large", 1_000), "one message of any size passes"
    assert not put(outbox, "x", 1)
    await outbox.take()
    assert not put(outbox, "x", 1), "it waits until it was written"
    outbox.sent(1_000)
    assert outbox.waiting_bytes == 0
    assert put(outbox, "x", 1)


@pytest.mark.clause("9.1")
async def test_the_end_may_go_before_what_waits() -> None:
    outbox = outbox_of(100)
    put(outbox, "a", 1)
    outbox.end(END, drop=True)
    outbox.end(Close(1001, "too late"))
    assert put(outbox, "b", 1), "texts after the end are dropped, which is no lack of room"
    assert await outbox.take() == END


async def test_an_empty_one_is_waited_for() -> None:
    outbox = outbox_of(100)
    async with asyncio.TaskGroup() as group:
        taking = group.create_task(outbox.take())
        group.create_task(_put(outbox))
    assert taking.result() == ("a", 1)


async def _put(outbox: Outbox) -> None:
    put(outbox, "a", 1)


async def test_history_waits_for_room() -> None:
    outbox = outbox_of(100)
    await outbox.room()
    put(outbox, "a", 50)
    waiting = asyncio.ensure_future(outbox.room())
    text, size = _text(await outbox.take())
    assert not waiting.done()
    outbox.sent(size)
    await waiting
    assert text == "a"


def _text(taken: tuple[str, int] | Close) -> tuple[str, int]:
    assert not isinstance(taken, Close)
    return taken


@pytest.mark.clause("9.1")
async def test_the_age_is_that_of_the_oldest_that_has_not_left() -> None:
    outbox = outbox_of(100)
    ages = [outbox.oldest_at]
    put(outbox, "a", 1, now=5)
    put(outbox, "b", 1, now=6)
    ages.append(outbox.oldest_at)
    for _ in range(2):
        await outbox.take()
        ages.append(outbox.oldest_at)
        outbox.sent(1)
        ages.append(outbox.oldest_at)
    assert ages == [None, 5, 5, 6, 6, None], "also while it is being written"
