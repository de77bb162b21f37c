"""The one queue between hub and socket: in order, bounded, ended once."""

import asyncio

from services.notifier.actions import Close
from services.notifier.outbox import Outbox

END = Close(1000, "over")


async def test_texts_leave_in_order_and_then_the_end() -> None:
    outbox = Outbox(100)
    assert outbox.put("a", 1)
    assert outbox.put("b", 1)
    outbox.end(END)
    assert [await outbox.take() for _ in range(4)] == [("a", 1), ("b", 1), END, END]
    assert outbox.closing.done()


async def test_it_is_full_when_as_much_as_the_bound_waits() -> None:
    outbox = Outbox(100)
    assert outbox.put("large", 1_000), "one message of any size passes"
    assert not outbox.put("x", 1)
    await outbox.take()
    assert not outbox.put("x", 1), "it waits until it was written"
    outbox.sent(1_000)
    assert outbox.waiting_bytes == 0
    assert outbox.put("x", 1)


async def test_the_end_may_go_before_what_waits() -> None:
    outbox = Outbox(100)
    outbox.put("a", 1)
    outbox.end(END, drop=True)
    outbox.end(Close(1001, "too late"))
    assert outbox.put("b", 1), "texts after the end are dropped, which is no lack of room"
    assert await outbox.take() == END


async def test_an_empty_one_is_waited_for() -> None:
    outbox = Outbox(100)
    async with asyncio.TaskGroup() as group:
        taking = group.create_task(outbox.take())
        group.create_task(_put(outbox))
    assert taking.result() == ("a", 1)


async def _put(outbox: Outbox) -> None:
    outbox.put("a", 1)


async def test_history_waits_for_room() -> None:
    outbox = Outbox(100)
    await outbox.room()
    outbox.put("a", 50)
    waiting = asyncio.ensure_future(outbox.room())
    text, size = _text(await outbox.take())
    assert not waiting.done()
    outbox.sent(size)
    await waiting
    assert text == "a"


def _text(taken: tuple[str, int] | Close) -> tuple[str, int]:
    assert not isinstance(taken, Close)
    return taken
