"""A stream of events that reconnects after the last event, without gap or repeat.

It reconnects without end, with a growing delay while no event arrives; only a final close code ends it.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TypeAlias

import aiohttp

from headrace.client.credentials import Credentials
from headrace.client.errors import ClosedError, UnreachableError
from headrace.client.subscription import Gap, Subscription, TryAgainError, subscribe
from shared.contract.codec import EventObject

PAUSE_FIRST_S = 0.1
PAUSE_MOST_S = 5.0
FINAL_CLOSE_CODES = frozenset({4400, 4401, 4403, 4406, 4409})
"""Close codes for reasons that a reconnection would not change."""
UNAUTHENTICATED = 4401

OnGap: TypeAlias = Callable[[Gap], None]
"""Called for output that the feed no longer holds. The result in the terminal event has it."""


def ignore(gap: Gap) -> None:
    """Ignore it: the lost output is in the result."""


@dataclass(slots=True)
class Following:
    """One subscription over as many connections as it takes. `events` may be used once."""

    session: aiohttp.ClientSession
    url: str
    credentials: Credentials
    job_id: str
    cursor: str
    """A cursor, ``start`` or ``now``; advances with each event."""
    on_gap: OnGap = ignore
    until_now: bool = False
    """End at the last event that exists."""
    _pause_s: float = field(default=PAUSE_FIRST_S, init=False)
    _token_is_fresh: bool = field(default=False, init=False)

    async def events(self) -> AsyncGenerator[EventObject, None]:
        """Until the job has ended, or without end. Raises HeadraceError."""
        token = await self.credentials.token()
        while True:
            wait_s = 0.0
            try:
                async with self._subscribe(token) as subscription:
                    self._mark_open(subscription)
                    async for event in subscription.events(self.on_gap):
                        self.cursor = event.cursor
                        self._pause_s = PAUSE_FIRST_S
                        yield event
                    return
            except ClosedError as error:
                if not self._may_come_back(error.code):
                    raise
            except TryAgainError as error:
                wait_s = error.retry_after_s
            except UnreachableError:
                pass
            await self._pause(wait_s)
            token = await self.credentials.other_than(token)
            self._token_is_fresh = True

    def _subscribe(self, token: str) -> AbstractAsyncContextManager[Subscription]:
        return subscribe(
            self.session,
            self.url,
            token,
            job_id=self.job_id,
            after=self.cursor,
            until_now=self.until_now,
        )

    def _mark_open(self, subscription: Subscription) -> None:
        self._token_is_fresh = False
        if self.cursor == "now":
            # If the connection breaks before the first event, that event must not be missed.
            self.cursor = subscription.begins_after

    def _may_come_back(self, code: int) -> bool:
        """Whether to reconnect after this close code. A rejected token must be renewable and not have
        been fresh."""
        if code == UNAUTHENTICATED:
            return self.credentials.can_be_renewed and not self._token_is_fresh
        return code not in FINAL_CLOSE_CODES

    async def _pause(self, at_least_s: float) -> None:
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 - it only keeps clients from coming back together
        await asyncio.sleep(at_least_s + self._pause_s * jitter)
        self._pause_s = min(self._pause_s * 2, PAUSE_MOST_S)
