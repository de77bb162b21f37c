"""Subscriptions that are cut again and again at random bytes, and go on after the last event they handled."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from tests.faults.resume_checker import TERMINAL, Shown
from tests.faults.resume_socket import CutError, EndedError, Place, RawSocket

HALF_SENT = 0.15
"""How often a connection is cut while the client is still sending its `subscribe`."""

OPENING_BYTES = 420
"""What the server sends up to `subscribed`, about."""


@dataclass
class Cuts:
    """Counts what was done to the connections of all watchers, and wakes who waits for so many cuts."""

    places: Counter[Place] = field(default_factory=Counter)
    ended: int = 0
    gaps: list[Shown] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def count(self) -> int:
        return self.places.total()

    def cut(self, place: Place) -> None:
        self.places[place] += 1
        self._changed.set()

    async def reach(self, count: int) -> None:
        while self.count < count:
            self._changed.clear()
            await self._changed.wait()


@dataclass
class Replicas:
    """Where notifiers listen, and whether they do: a watcher that is refused waits until they are back."""

    urls: list[str]
    up: asyncio.Event = field(default_factory=asyncio.Event)


class Watcher:
    """One subscription of one user over many connections. `shown` is all that it handled."""

    def __init__(
        self, token: str, job_id: str, *, cuts: int, event_bytes: int, chance: random.Random, ends: int = 1
    ) -> None:
        """To be cut `cuts` times, each within about `event_bytes` of events; over after `ends` jobs ended."""
        self.job_id = job_id
        self.shown: list[Shown] = []
        self._token = token
        self._chance = chance
        self._ends = ends
        self._ended = 0
        self._cursor = "start"
        self._event_bytes = event_bytes
        self._cuts = cuts

    async def watch(self, replicas: Replicas, cuts: Cuts) -> None:
        """Return when every cut was made and everything was shown."""
        while True:
            budget = self._next_budget() if self._cuts else None
            url = self._chance.choice(replicas.urls)
            try:
                if await self._connect(url, budget, cuts):
                    return
            except EndedError:
                cuts.ended += 1
            except OSError:
                await asyncio.sleep(0)
                await replicas.up.wait()

    async def _connect(self, url: str, budget: int | None, cuts: Cuts) -> bool:
        """One connection, cut after `budget` bytes; True if there is nothing more to be shown or cut."""
        async with RawSocket(url, bytes_max=budget) as raw:
            with suppress(CutError):
                await self._read(raw, cuts)
            if budget is None:
                return self._is_done()
        # Whoever was shown everything before its bytes were used up is cut here.
        self._cuts -= 1
        cuts.cut(raw.place)
        return False

    async def _read(self, raw: RawSocket, cuts: Cuts) -> None:
        await raw.open()
        await raw.send(type="connection_init", token=self._token)
        assert (await raw.next())["type"] == "connection_ack"
        part = self._chance.random() if self._cuts and self._chance.random() < HALF_SENT else 1.0
        await raw.send(part=part, type="subscribe", id="s", job_id=self.job_id, after=self._cursor)
        if part < 1:
            raise CutError
        answer = await raw.next()
        if answer["type"] == "error" and answer["temporary"]:
            raise EndedError
        assert answer["type"] == "subscribed", answer
        raw.subscribed()
        while self.job_id != "*" or not self._is_done():
            message = await raw.next()
            match message["type"]:
                case "event":
                    self._handle(message["event"])
                case "gap":
                    cuts.gaps.append(message)
                case "complete":
                    assert self._is_done(), f"{self.job_id} is complete without its end"
                    return
                case "error" if message["temporary"]:
                    raise EndedError
                case _:
                    raise AssertionError(message)

    def _handle(self, event: Shown) -> None:
        self.shown.append(event)
        self._cursor = event["cursor"]
        self._ended += event["type"] in TERMINAL

    def _is_done(self) -> bool:
        return self._ended >= self._ends

    def _next_budget(self) -> int:
        """Up to a random byte: some before `subscribed`, most in the events after it."""
        if self._chance.random() < 0.25:
            return self._chance.randrange(1, OPENING_BYTES)
        return OPENING_BYTES + self._chance.randrange(self._event_bytes)
