"""Events over a connection that may break: it is opened again after the last event, without gap or repeat.

It comes back for ever, more slowly each time that nothing was shown; only what coming back would not
change ends it.
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
from headrace.client.subscription import Gap, Subscription, TryAgainError, subscribed
from shared.contract.codec import EventObject

PAUSE_FIRST_S = 0.1
PAUSE_MOST_S = 5.0
FINAL_CLOSE_CODES = frozenset({4400, 4401, 4403, 4406, 4409})
"""Closed for a reason that connecting again would not change."""
UNAUTHENTICATED = 4401

OnGap: TypeAlias = Callable[[Gap], None]
"""Told of output that the feed does not hold any more. The result in the terminal event has it."""


def ignore(gap: Gap) -> None:
    """What was lost is in the result."""


@dataclass(slots=True)
class Following:
    """One subscription over as many connections as it takes. Made for one use of `events`."""

    session: aiohttp.ClientSession
    url: str
    credentials: Credentials
    job_id: str
    cursor: str
    """A cursor, ``start`` or ``now``; moves on with each event."""
    on_gap: OnGap = ignore
    until_now: bool = False
    """End where nothing more has happened yet."""
    _pause_s: float = field(default=PAUSE_FIRST_S, init=False)
    _token_is_fresh: bool = field(default=False, init=False)

    async def events(self) -> AsyncGenerator[EventObject, None]:
        """Until the job has ended, or for ever. Raises HeadraceError."""
        token = await self.credentials.token()
        while True:
            wait_s = 0.0
            try:
                async with self._subscribed(token) as subscription:
                    self._opened(subscription)
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

    def _subscribed(self, token: str) -> AbstractAsyncContextManager[Subscription]:
        return subscribed(
            self.session,
            self.url,
            token,
            job_id=self.job_id,
            after=self.cursor,
            until_now=self.until_now,
        )

    def _opened(self, subscription: Subscription) -> None:
        self._token_is_fresh = False
        if self.cursor == "now":
            # If it breaks before the first event, that event is not to be missed.
            self.cursor = subscription.begins_after

    def _may_come_back(self, code: int) -> bool:
        """A token that was good once, or was not asked for just now, may be replaced by a better one."""
        if code == UNAUTHENTICATED:
            return self.credentials.can_be_renewed and not self._token_is_fresh
        return code not in FINAL_CLOSE_CODES

    async def _pause(self, at_least_s: float) -> None:
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 - it only keeps clients from coming back together
        await asyncio.sleep(at_least_s + self._pause_s * jitter)
        self._pause_s = min(self._pause_s * 2, PAUSE_MOST_S)
