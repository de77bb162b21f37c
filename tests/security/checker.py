"""The five demands, made of every attack alike. Each that is not met is a sentence; all are collected.

1. It ends once, in time, with a reason. 2. Others run beside it and after it as fast as ever. 3. Nothing of
it is left. 4. Nothing outside is changed, and no secret is told. 5. It did attack, and did not succeed.
"""

import asyncio
import statistics
from collections.abc import Iterator

from services.executor.languages import COMPILE_LIMITS
from shared.events import Limits
from tests.security.arena import Arena
from tests.security.attacks import Attack
from tests.security.footprint import RESIDENT_GROWTH_BYTES, resident_bytes, settled
from tests.security.submission import ATTEMPTED, ESCAPED, Outcome, Submission

TERMINAL = frozenset({"completed", "failed", "timeout", "cancelled"})
ENDING_S = 2.0
"""How long after its time limit a program may take to be over."""

CANARY = Submission("python", "print(42)", limits=Limits())
CANARIES_MAX = 5
SLOWER_MAX = 3.0
CANARY_FLOOR_S = 1.0
"""A neighbour may always take this long. Thirty-two processes share two processors with him, and the
baseline is a hundredth of a second: three times that is less than a round of the scheduler in a crowd."""


class Checker:
    """Runs attacks in one arena and judges them. `baseline_s` is what a neighbour takes without any."""

    def __init__(self, arena: Arena, baseline_s: float) -> None:
        """Made by `checker_of`."""
        self.arena = arena
        self._baseline_s = baseline_s

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
        running = asyncio.create_task(self.arena.run("mallory", submission))
        faults = await self._neighbour("beside")
        for _ in range(CANARIES_MAX - 1):
            if not running.done():
                faults += await self._neighbour("beside")
        outcome = await running
        faults += await self._neighbour("after")
        faults += await self.left_behind(outcome, resident)
        return outcome, faults

    async def left_behind(self, outcome: Outcome, resident: int) -> list[str]:
        """What is left of a run on the host (3), and what it changed or told (4)."""
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

    async def _neighbour(self, when: str) -> list[str]:
        outcome = await self.arena.run("alice", CANARY)
        most = max(self._baseline_s * SLOWER_MAX, CANARY_FLOOR_S)
        if (outcome.ending, outcome.stdout) != ("completed", b"42\n"):
            return [f"a neighbour {when} it came to harm: {outcome}"]
        if outcome.lasted_s > most:
            return [f"a neighbour {when} it took {outcome.lasted_s:.2f} s, more than {most:.2f} s"]
        return []

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


async def checker_of(arena: Arena) -> Checker:
    """A checker that has measured how long a neighbour takes when nobody attacks."""
    alone = [await arena.run("alice", CANARY) for _ in range(7)]
    assert {each.stdout for each in alone} == {b"42\n"}
    return Checker(arena, statistics.median(each.lasted_s for each in alone))
