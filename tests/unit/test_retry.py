"""Calls that are repeated: until they succeed, until their time is over, with the pauses asked for."""

import asyncio
from collections.abc import Callable
from itertools import count

import pytest

from shared.retry import poll, retry


class LostError(Exception):
    """What the calls below are repeated on."""


class WorseError(LostError):
    """A kind of it."""


class Flaky:
    """A call that fails `failures` times before it gives its number."""

    def __init__(
        self, failures: float, error: Callable[[int], Exception] = lambda nth: LostError(str(nth))
    ) -> None:
        self.calls = 0
        self._failures = failures
        self._error = error

    async def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error(self.calls)
        return self.calls


@pytest.fixture
def pauses_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between calls, which take no time."""
    taken: list[float] = []

    async def pause(seconds: float) -> None:
        taken.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", pause)
    return taken


async def test_a_call_that_succeeds_is_made_once(pauses_s: list[float]) -> None:
    call = Flaky(0)
    assert await retry(call, on=LostError, pause_s=1) == 1
    assert (call.calls, pauses_s) == (1, [])


async def test_a_call_is_repeated_until_it_succeeds(pauses_s: list[float]) -> None:
    reported: list[str] = []
    result = await retry(Flaky(3), on=LostError, pause_s=2, report=lambda error: reported.append(str(error)))
    assert (result, pauses_s, reported) == (4, [2, 2, 2], ["1", "2", "3"])


async def test_pauses_double_up_to_the_longest(pauses_s: list[float]) -> None:
    await retry(Flaky(6), on=LostError, pause_s=0.5, pause_max_s=3)
    assert pauses_s == [0.5, 1, 2, 3, 3, 3]


async def test_pauses_stay_bounded_however_often_it_fails(pauses_s: list[float]) -> None:
    await retry(Flaky(3_000), on=LostError, pause_s=0.001, pause_max_s=0.1)
    assert max(pauses_s) == 0.1


async def test_another_failure_ends_it_at_once(pauses_s: list[float]) -> None:
    with pytest.raises(ValueError, match="2"):
        await retry(
            Flaky(9, lambda nth: LostError() if nth == 1 else ValueError(nth)), on=LostError, pause_s=1
        )
    assert pauses_s == [1]


async def test_kinds_of_a_failure_and_several_are_repeated(pauses_s: list[float]) -> None:
    call = Flaky(2, lambda nth: WorseError() if nth == 1 else OSError())
    assert await retry(call, on=(LostError, OSError), pause_s=1) == 3


@pytest.mark.usefixtures("pauses_s")
async def test_without_time_there_is_one_call() -> None:
    call = Flaky(9)
    with pytest.raises(LostError, match="1"):
        await retry(call, on=LostError, within_s=0, pause_s=1)
    assert call.calls == 1


async def test_when_the_time_is_over_the_last_failure_is_raised() -> None:
    call = Flaky(1e9)
    async with asyncio.timeout(20):
        with pytest.raises(LostError) as caught:
            await retry(call, on=LostError, within_s=0.3, pause_s=0.1)
    assert 2 <= call.calls <= 4
    assert str(caught.value) == str(call.calls)


async def test_the_time_of_the_first_call_counts() -> None:
    """It begins before the first call, not after it."""
    calls = count()

    async def slow() -> None:
        next(calls)
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(0.05, over.set)
        await over.wait()
        raise LostError

    with pytest.raises(LostError):
        await retry(slow, on=LostError, within_s=0.04, pause_s=0)
    assert next(calls) == 1


async def test_a_cancellation_ends_it() -> None:
    failed = asyncio.Event()
    task = asyncio.create_task(retry(Flaky(1e9), on=LostError, pause_s=60, report=lambda _: failed.set()))
    await failed.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancelled_call_ends_it() -> None:
    """The second call, which tenacity makes, is the one that is cancelled."""
    began = asyncio.Event()
    calls = count()

    async def call() -> None:
        if next(calls) == 0:
            raise LostError
        began.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(retry(call, on=LostError, pause_s=0))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert next(calls) == 2


async def test_a_result_is_awaited(pauses_s: list[float]) -> None:
    assert await poll(Flaky(0), until=lambda number: number == 4, pause_s=1, pause_max_s=2) == 4
    assert pauses_s == [1, 2, 2]


@pytest.mark.usefixtures("pauses_s")
async def test_a_result_that_does_not_come_in_time_is_a_timeout() -> None:
    with pytest.raises(TimeoutError, match=r"within 0 s"):
        await poll(Flaky(0), until=lambda _: False, within_s=0, pause_s=1)


async def test_a_call_that_fails_is_not_repeated_for_its_result(pauses_s: list[float]) -> None:
    with pytest.raises(LostError):
        await poll(Flaky(1), until=lambda _: True, pause_s=1)
    assert pauses_s == []
