"""What a client has sent is taken in order by one reader, and none of it is lost with a reader that stops."""

import asyncio

from services.notifier.transports.websocket.received import ReceivedMessages


async def test_messages_are_taken_in_order() -> None:
    received = ReceivedMessages()
    assert received.empty()
    for number in range(3):
        received.put_nowait(number)
    assert not received.empty()
    assert [await received.get() for _ in range(3)] == [0, 1, 2]
    assert received.empty()


async def test_a_reader_waits_for_one() -> None:
    received = ReceivedMessages()
    reading = asyncio.ensure_future(received.get())
    await asyncio.sleep(0)
    assert not reading.done()
    received.put_nowait("a")
    received.put_nowait("b")
    assert [await reading, await received.get()] == ["a", "b"]


async def test_a_reader_that_is_cancelled_takes_nothing_with_it() -> None:
    received = ReceivedMessages()
    for comes_before_it_ends in (False, True):
        reading = asyncio.ensure_future(received.get())
        await asyncio.sleep(0)
        if comes_before_it_ends:
            received.put_nowait("a")
        reading.cancel()
        await asyncio.wait({reading})
        if not comes_before_it_ends:
            received.put_nowait("a")
        assert await received.get() == "a"
