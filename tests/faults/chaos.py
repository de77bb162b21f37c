"""Disturbs a fleet: a random process is killed every so often, and other things befall processes and their
connections in between. Everything is drawn from one seed, noted in the history, and undone at the end.
"""

import asyncio
import itertools
import random
import signal
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias, TypeVar

from tests.faults.fleet import Fleet
from tests.faults.history import Fault, now
from tests.faults.history_file import Recorder
from tests.faults.load import Progress
from tests.faults.members import Member, Replica
from tests.faults.proxy import Proxy, Weather

PAUSE_S = {"executor": (11.0, 15.0), "nats": (0.5, 3.0)}
"""An executor is paused for longer than its lease (10 s), so that its jobs run elsewhere meanwhile."""

OTHERS_PAUSE_S = (0.5, 8.0)
PATIENCE_S = 10.0
"""So long after the last end of a job it strikes again: what stands still is disturbed as well."""

BAD_WEATHER_S = (2.0, 12.0)

Trouble: TypeAlias = Callable[[], None]
Card = TypeVar("Card")


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between kills, and between other troubles, at least; and how many of each at most."""

    kill_every_s: float
    trouble_every_s: float
    kills_max: int | None = None
    troubles_max: int | None = None


def _dealt(cards: Sequence[Card], chance: random.Random) -> Callable[[], Card]:
    """Each of them in a random order, then each again, so that a short run has every one."""
    deck: list[Card] = []

    def deal() -> Card:
        if not deck:
            deck.extend(cards)
            chance.shuffle(deck)
        return deck.pop()

    return deal


def _another(chance: random.Random) -> random.Random:
    """Dice of its own, so that what one thing draws does not depend on when another one did."""
    return random.Random(chance.random())  # noqa: S311 - disturbances


class Chaos:
    """Runs until cancelled, and then leaves everything as it should be."""

    def __init__(
        self,
        fleet: Fleet,
        pace: Pace,
        chance: random.Random,
        recorder: Recorder,
        progress: Progress,
        *,
        spared: Collection[str] = (),
    ) -> None:
        """Disturb this fleet at work. Members who are spared suffer from their connections only."""
        self._fleet = fleet
        self._progress = progress
        self._spared = spared
        self._pace = pace
        self._chance = chance
        self._recorder = recorder
        self._healing: set[asyncio.Task[None]] = set()
        troubles: list[Trouble] = [
            *(self._pause, self._pause, self._restart),
            *(self._latency, self._reset, self._black_hole, self._narrow, self._slice),
        ]
        self._next_trouble = _dealt(troubles, _another(chance))
        self._next_victim = _dealt(
            [member for member in fleet.members if member.name not in spared], _another(chance)
        )

    async def run(self) -> None:
        """Disturb, from the first end of a job on, until cancelled."""
        try:
            await self._progress.beyond(0)
            async with asyncio.TaskGroup() as group:
                pace = self._pace
                group.create_task(self._every(pace.kill_every_s, self._kill, pace.kills_max))
                group.create_task(self._every(pace.trouble_every_s, self._trouble, pace.troubles_max))
            # Nothing more begins; what has begun goes on until the end.
            await asyncio.Event().wait()
        finally:
            self._heal()

    async def _every(self, seconds: float, disturb: Trouble, times_max: int | None) -> None:
        """A machine may be so slow that everything would be over before anything runs: jobs set the pace."""
        for _ in itertools.count() if times_max is None else range(times_max):
            ended = self._progress.ended
            await asyncio.sleep(seconds)
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await self._progress.beyond(ended)
            disturb()

    def _kill(self) -> None:
        """Any process, the server among them; the next one if that does not run at the moment."""
        for _ in self._fleet.members:
            victim = self._next_victim()
            if victim.is_up:
                self._note("kill", victim)
                victim.send(signal.SIGKILL)
                return

    def _trouble(self) -> None:
        self._next_trouble()()

    def _pause(self) -> None:
        victim = self._victim(self._fleet.members)
        if victim is None:
            return
        life, lasts_s = victim.life, self._chance.uniform(*PAUSE_S.get(victim.service, OTHERS_PAUSE_S))
        self._note("pause", victim, lasts_s)
        victim.send(signal.SIGSTOP)

        def go_on() -> None:
            # A process that took its place was never paused.
            if victim.life == life:
                victim.send(signal.SIGCONT)

        self._later(lasts_s, go_on)

    def _restart(self) -> None:
        """As an operator would; the server is killed often enough."""
        if victim := self._victim(self._fleet.replicas):
            self._note("restart", victim)
            victim.send(signal.SIGTERM)

    def _reset(self) -> None:
        victim, proxy, where = self._connections()
        self._note(f"reset {where}", victim)
        proxy.reset()

    def _latency(self) -> None:
        def worsen(weather: Weather) -> None:
            weather.latency_s = self._chance.uniform(0.02, 0.3)
            weather.jitter_s = weather.latency_s

        self._worsen("latency", worsen)

    def _black_hole(self) -> None:
        self._worsen("black hole", lambda weather: weather.open.clear())

    def _narrow(self) -> None:
        def worsen(weather: Weather) -> None:
            weather.bytes_per_s = self._chance.choice((20_000, 100_000))

        self._worsen("bandwidth", worsen)

    def _slice(self) -> None:
        def worsen(weather: Weather) -> None:
            weather.is_sliced = True

        self._worsen("single bytes", worsen)

    def _worsen(self, kind: str, worsen: Callable[[Weather], None]) -> None:
        victim, proxy, where = self._connections()
        lasts_s = self._chance.uniform(*BAD_WEATHER_S)
        self._note(f"{kind} {where}", victim, lasts_s)
        worsen(proxy.weather)
        self._later(lasts_s, proxy.weather.clear)

    def _victim(self, members: Sequence[Member]) -> Member | None:
        """None if nobody is up at the moment."""
        up = [one for one in members if one.is_up and one.name not in self._spared]
        return self._chance.choice(up) if up else None

    def _connections(self) -> tuple[Replica, Proxy, str]:
        """Somebody's connections: to the server, or to clients."""
        victim = self._chance.choice(self._fleet.replicas)
        proxy = self._chance.choice(victim.proxies)
        return victim, proxy, "to nats" if proxy is victim.proxies[0] else "to clients"

    def _later(self, seconds: float, heal: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            heal()

        task = asyncio.create_task(wait())
        self._healing.add(task)
        task.add_done_callback(self._healing.discard)

    def _heal(self) -> None:
        for task in self._healing:
            task.cancel()
        for member in self._fleet.members:
            member.send(signal.SIGCONT)
        for replica in self._fleet.replicas:
            for proxy in replica.proxies:
                proxy.weather.clear()

    def _note(self, kind: str, victim: Member, lasts_s: float = 0.0) -> None:
        began_at = now()
        ended_at = began_at + timedelta(seconds=lasts_s) if lasts_s else None
        self._recorder.note(Fault(kind=kind, target=victim.life, began_at=began_at, ended_at=ended_at))
