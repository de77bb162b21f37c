"""Waiting until a service is ready: not for one that ends again and again, nor for one that stands still.

One that reads a long log anew, as a projector does whose view was deleted, may take as long as it takes.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from headrace.local.managed import Managed
from headrace.local.stack import StackError

PATIENCE_S = 60.0
START_ATTEMPTS_MAX = 3
LOOK_S = 0.05
REPORT_S = 10.0


@dataclass
class Patience:
    """Until when to wait, by any clock: longer, as long as fewer and fewer events are to be read. Pure."""

    until: float
    behind: int | None = None

    def hear(self, behind: int | None, now: float) -> None:
        """So many events are to be read still; None if that was not said."""
        if behind is not None and (self.behind is None or behind < self.behind):
            self.behind = behind
            self.until = now + PATIENCE_S


async def until_ready(http: aiohttp.ClientSession, one: Managed, report: Callable[[str], None]) -> None:
    """Wait for it; `report` hears now and then how much it reads. Raises StackError, with its last words."""
    clock = asyncio.get_running_loop().time
    patience = Patience(until=clock() + PATIENCE_S)
    report_at = clock() + REPORT_S
    while one.restarts < START_ATTEMPTS_MAX:
        if one.is_refused:
            raise StackError(f"{one.name}: {one.last_words()}")
        said = await _said(http, one)
        if said and said.get("instance") != one.instance:
            raise StackError(f"{one.name}: another program answers at {one.health_url}")
        if said.get("status") == "ok":
            return
        patience.hear(behind_of(said), clock())
        if clock() >= patience.until:
            raise StackError(f"{one.name} was not ready in {PATIENCE_S:.0f} s; it said: {one.last_words()}")
        if patience.behind and clock() >= report_at:
            report(f"{one.name} reads the log: {patience.behind} events to go")
            report_at = clock() + REPORT_S
        await asyncio.sleep(LOOK_S)
    raise StackError(f"{one.name} cannot start; it said: {one.last_words()}")


def behind_of(said: Mapping[str, Any]) -> int | None:
    """How many events a service is behind, by its `/readyz?verbose`; None if it does not know."""
    known = [fact["behind"] for fact in said.get("facts", {}).values() if fact.get("behind") is not None]
    return sum(known) if known else None


async def _said(http: aiohttp.ClientSession, one: Managed) -> Mapping[str, Any]:
    with contextlib.suppress(aiohttp.ClientError, TimeoutError, ValueError):
        async with http.get(one.health_url, params={"verbose": ""}) as answer:
            said: Mapping[str, Any] = await answer.json()
            return said
    return {}
