"""The five demands, made of every attack alike. Each that is not met is a sentence; all are collected.

1. It ends once, in time, with a reason. 2. Others run beside it and after it as fast as ever. 3. Nothing of
it is left. 4. Nothing outside is changed, and no secret is told. 5. It did attack, and did not succeed.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator

from services.executor.languages.stages import COMPILE_LIMITS
from tests.security.arena import Arena
from tests.security.attacks import Attack
from tests.security.footprint import RESIDENT_GROWTH_BYTES, resident_bytes, settled
from tests.security.neighbour import Neighbour
from tests.security.submission import ATTEMPTED, ESCAPED, Outcome, Submission

TERMINAL = frozenset({"completed", "failed", "timeout", "cancelled"})
ENDING_S = 2.0
"""How long after its time limit a program may take to be over."""


class Checker:
    """Runs attacks in one arena and judges them. Made by `checker_of`."""

    def __init__(self, arena: Arena, neighbour: Neighbour) -> None:
        """`neighbour` works already."""
        self.arena = arena
        self.neighbour = neighbour

    async def attack(self, attack: Attack) -> list[str]:
        """Run an attack with its neighbours; say what of the demands was not met."""
        outcome, faults = await self.run_beside_others(attack.submission(self.arena.planted))
        faults += self._ended(outcome, attack.submission(self.arena.planted))
        faults += attacked(outcome, attack.marker)
        allowed = attack.endings(has_cgroups=self.arena.has_cgroups)
        if outcome.ending not in allowed:
            faults.append(f"ended as {outcome.ending}, not as one of {sorted(allowed)}")
        elif attack.also and (fault := attack.also(outcome)):
            faults.append(fault)
        faults += [f"did not say {word!r}" for word in attack.says if word not in outcome.said]
        return [*faults, f"outcome: {outcome}", f"said: {outcome.said[-2000:]}"] if faults else []

    async def run_beside_others(self, submission: Submission) -> tuple[Outcome, list[str]]:
        """Run a program with another user's beside it and after it; what was wrong with them or is left."""
        resident = resident_bytes(self.arena.executor)
        async with self.neighbour.watched() as faults:
            outcome = await self.arena.run("mallory", submission)
        # Its next program to end is the one after the attack; then the neighbour rests.
        async with self.neighbour.watched() as later, self.neighbour.resting():
            left = await self._left(outcome, resident)
        return outcome, [*faults, *later, *left]

    async def left_behind(self, outcome: Outcome, resident: int) -> list[str]:
        """What is left of a run on the host (3), and what it changed or told (4)."""
        async with self.neighbour.resting():
            return await self._left(outcome, resident)

    async def _left(self, outcome: Outcome, resident: int) -> list[str]:
        planted = self.arena.planted
        faults = [
            await settled(self.arena.executor, self.arena.before),
            planted.tampered(),
            planted.leaked(outcome.told, outcome.said, self.arena.logs()),
        ]
        grown = resident_bytes(self.arena.executor) - resident
        if grown > RESIDENT_GROWTH_BYTES:
            faults.append(f"the executor grew by {grown} bytes")
        return [fault for fault in faults if fault]

    def _ended(self, outcome: Outcome, submission: Submission) -> Iterator[str]:
        stages = outcome.result.get("stages", ())
        compiles = any(stage["name"] == "compile" for stage in stages)
        most = (
            submission.limits.wall_ms / 1000 + ENDING_S + (COMPILE_LIMITS.wall_ms / 1000 if compiles else 0)
        )
        if outcome.lasted_s > most:
            yield f"took {outcome.lasted_s:.2f} s, more than {most:.2f} s"
        if sum(kind in TERMINAL for kind in outcome.kinds) != 1:
            yield f"has events {outcome.kinds}"
        if outcome.kinds != ("queued", "running", outcome.kinds[-1]):
            yield f"has a history of {outcome.kinds}"
        if outcome.kinds[-1] in {"failed", "timeout"} and not outcome.reason:
            yield "ended without a reason"


def attacked(outcome: Outcome, marker: str = ATTEMPTED) -> list[str]:
    """Whether it was tried at all, and whether a part of it succeeded (5)."""
    faults = [] if marker in outcome.said else ["the attack did not begin"]
    return [*faults, *(f"succeeded: {line}" for line in outcome.said.splitlines() if ESCAPED in line)]


@contextlib.asynccontextmanager
async def checker_of(arena: Arena) -> AsyncIterator[Checker]:
    """A checker with a neighbour that works until the context ends."""
    neighbour = Neighbour(arena)
    await neighbour.begin()
    yield Checker(arena, neighbour)
    await neighbour.end()
