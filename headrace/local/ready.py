"""Waits until a service is ready; fails if it ends repeatedly or makes no progress.

A service that reads a long log again, as a projector does after its view was deleted, may take any time.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from headrace.local.managed import Managed
from headrace.local.stack import StackError

READY_WITHIN_S = 60.0
START_ATTEMPTS_MAX = 3
LOOK_S = 0.05
REPORT_S = 10.0


@dataclass
class Patience:
    """The deadline for waiting, by any clock: extended as long as the number of events to read falls.
    Pure."""

    until: float
    behind: int | None = None

    def hear(self, behind: int | None, now: float) -> None:
        """Report how many events are still to be read; None if unknown."""
        if behind is not None and (self.behind is None or behind < self.behind):
            self.behind = behind
            self.until = now + READY_WITHIN_S


async def until_ready(http: aiohttp.ClientSession, one: Managed, report: Callable[[str], None]) -> None:
    """Wait for it; `report` receives its progress now and then. Raises StackError, with the end of its
    log."""
    clock = asyncio.get_running_loop().time
    patience = Patience(until=clock() + READY_WITHIN_S)
    report_at = clock() + REPORT_S
    while one.restarts < START_ATTEMPTS_MAX:
        if one.is_refused:
            raise StackError(f"{one.name}: {one.last_words()}")
        health = await _probe(http, one)
        if health and health.get("instance") != one.instance:
            raise StackError(f"{one.name}: another program answers at {one.health_url}")
        if health.get("status") == "ok":
            return
        patience.hear(behind_of(health), clock())
        if clock() >= patience.until:
            raise StackError(
                f"{one.name} was not ready in {READY_WITHIN_S:.0f} s; it said: {one.last_words()}"
            )
        if patience.behind and clock() >= report_at:
            report(f"{one.name} reads the log: {patience.behind} events to go")
            report_at = clock() + REPORT_S
        await asyncio.sleep(LOOK_S)
    raise StackError(f"{one.name} cannot start; it said: {one.last_words()}")


def behind_of(health: Mapping[str, Any]) -> int | None:
    """How many events a service is behind, by its `/readyz?verbose`; None if it does not know."""
    known = [fact["behind"] for fact in health.get("facts", {}).values() if fact.get("behind") is not None]
    return sum(known) if known else None


async def _probe(http: aiohttp.ClientSession, one: Managed) -> Mapping[str, Any]:
    with contextlib.suppress(aiohttp.ClientError, TimeoutError, ValueError):
        async with http.get(one.health_url, params={"verbose": ""}) as answer:
            health: Mapping[str, Any] = await answer.json()
            return health
    return {}
