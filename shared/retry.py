"""Repeats a call until it succeeds, or until its time is over.

Both functions stand on tenacity. The last attempt begins before the time is over and is not interrupted, so
each call needs a timeout of its own. Loops that follow a stream from a position, wait for an event, or
recompute what they send after a conflict are no retries and stay where they are (docs/decisions/0041).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

import tenacity

T = TypeVar("T")
FailureT = TypeVar("FailureT", bound=Exception)


class _NotYetError(Exception):
    """The call gave a result that `poll` does not accept."""


async def retry(
    call: Callable[[], Awaitable[T]],
    *,
    on: type[FailureT] | tuple[type[FailureT], ...],
    within_s: float = inf,
    pause_s: float,
    pause_max_s: float | None = None,
    report: Callable[[FailureT], None] = lambda _: None,
) -> T:
    """The result of the first call that does not raise `on`, from a call that is safe to repeat.

    Between two calls it waits `pause_s`, which doubles up to `pause_max_s` if that is given. `report`
    receives each failure that is followed by another call. Raises the last failure when `within_s`
    seconds have passed since the first call began, and any other exception at once.
    """
    began = time.monotonic()
    try:
        # Without tenacity, which costs 50 µs of processor time a call: almost every call succeeds at once.
        return await call()
    except on as error:
        first = [error]

    async def attempt() -> T:
        # The first attempt that tenacity counts is the call that has failed already.
        if first:
            raise first.pop()
        return await call()

    def report_failure(state: tenacity.RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome is not None else None
        if isinstance(failure, on):
            report(failure)

    attempts = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(on),
        wait=tenacity.wait_exponential(
            multiplier=pause_s, max=pause_s if pause_max_s is None else pause_max_s
        ),
        stop=tenacity.stop_after_delay(within_s - (time.monotonic() - began)),
        before_sleep=report_failure,
        sleep=asyncio.sleep,
        reraise=True,
    )
    result: T = await attempts(attempt)
    return result


async def poll(
    call: Callable[[], Awaitable[T]],
    *,
    until: Callable[[T], bool],
    within_s: float = inf,
    pause_s: float,
    pause_max_s: float | None = None,
) -> T:
    """The first result that `until` accepts; times as in `retry`.

    Raises TimeoutError when the time is over, and what `call` raises at once.
    """

    async def attempt() -> T:
        result = await call()
        if not until(result):
            raise _NotYetError
        return result

    try:
        return await retry(
            attempt, on=_NotYetError, within_s=within_s, pause_s=pause_s, pause_max_s=pause_max_s
        )
    except _NotYetError:
        raise TimeoutError(f"no result was accepted within {within_s:g} s") from None
