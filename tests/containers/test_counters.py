"""What the kernel counts per uid or per host, attacked in the executor's container: neighbours go on.

There all cells have one uid and no cgroup of their own, which is the least that a host may give them. A
program of one user takes all that it can of a counter and holds it, and jobs of another must not notice.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from headrace.client.client import AsyncClient
from headrace.client.models import kept_bytes
from services.api.settings import ApiSettings
from shared.domain.record import JobRecord
from tests.containers.stack import Stack
from tests.security.counters import LIMITS, PROGRAM
from tests.security.submission import ATTEMPTED, MIB, source_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROUNDS = 3
"""Of a neighbour's programs while one attack holds what it took."""
SETTLING_S = 60.0
PASSING_DESCRIPTORS = 30
"""Of some hundred; an attack opens a hundred more at least, or has its processes."""
HONEST = (
    ("python", "print({} * 3)"),
    ("bash", "echo $(({} * 3))"),
    ("python", "import subprocess as s; print(int(s.run(['echo', '{}'], capture_output=True).stdout) * 3)"),
)
"""What a neighbour runs, the last with pipes of its own."""


@dataclass(frozen=True, slots=True)
class Attack:
    """What a taker must get, or it did not attack; and what a neighbour may lack where all have one uid."""

    least: int
    most: int
    until: frozenset[str]
    neighbour: frozenset[str] = frozenset({"well"})


ATTACKS = {
    # Its own limit of open files is where the kernel refuses it, and whoever has no higher one.
    "descriptors_in_flight": Attack(
        1_024, 2_048, frozenset({"ETOOMANYREFS"}), frozenset({"well", "lacks ETOOMANYREFS after 0"})
    ),
    "asynchronous_io": Attack(0, 0, frozenset({"ENOSYS"}), frozenset({"lacks ENOSYS after 0"})),
    # A hundred pipes in each of thirteen processes: of 64 KiB each, or of 8 where a uid has had its part.
    "pipe_pages": Attack(200, 1_600, frozenset({"nothing"}), frozenset({"well", "lacks EMFILE after 0"})),
    "tcp_buffers": Attack(MIB, 256 * MIB, frozenset({"nothing"})),
}
"""`docs/bounds/kernel.md` promises each of these."""


@dataclass(frozen=True, slots=True)
class Account:
    """What there is of an executor's container: which start of it, what it said, what runs in it."""

    started: str
    alarms: int
    processes: int
    descriptors: int

    def is_as(self, before: "Account") -> bool:
        """Whether nothing more is there than was. Connections and the health check come and go."""
        return (
            (self.started, self.alarms) == (before.started, before.alarms)
            and self.processes <= before.processes
            and self.descriptors <= before.descriptors + PASSING_DESCRIPTORS
        )


class Arena:
    """The stack as its two users see it, and as its operator does."""

    before: Account

    def __init__(self, stack: Stack, attacker: AsyncClient, neighbour: AsyncClient) -> None:
        """All are open."""
        self.stack = stack
        self.attacker = attacker
        self.neighbour = neighbour

    async def account(self) -> Account:
        """As of now."""
        return await asyncio.to_thread(self._account)

    async def until(self, is_so: Callable[[Account], bool]) -> Account:
        """The first account that is so."""
        async with asyncio.timeout(SETTLING_S):
            while not is_so(found := await self.account()):
                pass
        return found

    async def steady(self) -> Account:
        """An account whose processes were as many five times in a row: cells are made behind each job."""
        seen: list[int] = []

        def is_steady(found: Account) -> bool:
            seen.append(found.processes)
            return len(seen) > 4 and len(set(seen[-5:])) == 1

        return await self.until(is_steady)

    async def neighbours_work(self) -> list[str]:
        """Run honest programs of the other user; what was wrong with them."""
        return [
            fault
            for number in range(ROUNDS)
            for language, code in HONEST
            if (fault := _fault(await self._ran(language, code.format(number)), number * 3))
        ]

    async def _ran(self, language: str, code: str) -> JobRecord:
        return await self.neighbour.run({"language": language, "code": code})

    def _account(self) -> Account:
        [found] = self.stack.containers("executor")
        alarms = self.stack.compose("logs", "--no-color", "executor").count("cells_unavailable")
        count = "set -- /proc/[0-9]*; echo $#; for each in /proc/[0-9]*/fd/*; do echo; done | wc -l"
        said = self.stack.compose("exec", "-T", "executor", "sh", "-c", count).split()
        return Account(found["State"]["StartedAt"], alarms, *map(int, said))


def _fault(job: JobRecord, answer: int) -> str:
    said = b"" if job.result is None else kept_bytes(job.result.stdout)
    is_well = (job.status, job.attempt, said) == ("completed", 1, b"%d\n" % answer)
    return "" if is_well else f"{job.status} in attempt {job.attempt}, {job.reason}: {said!r}"


def submission(role: str, counter: str) -> dict[str, Any]:
    """A program that takes or uses a counter, with as many files as the api lets anybody have."""
    limits = msgspec.structs.replace(LIMITS, files_open=ApiSettings(token_secret="x" * 32).files_open_max)
    return {
        "language": "python",
        "code": source_of(PROGRAM),
        "args": [role, counter],
        "limits": msgspec.structs.asdict(limits),
    }


@asynccontextmanager
async def taking(client: AsyncClient, counter: str) -> AsyncIterator[str]:
    """A program that has taken all that it can, and holds it; what it said. Its end is ours, not its own."""
    job, said = await client.submit(submission("take", counter)), ""
    async with aclosing(client.follow(job.job_id)) as events:
        async for event in events:
            said += event.data.get("content", "")
            if ATTEMPTED in said:
                break
    try:
        yield said
    finally:
        await client.cancel(job.job_id)
        ended = await client.result(job.job_id)
    assert ended.status == "cancelled", f"it ended before the others were done: {ended}"


async def used(client: AsyncClient, counter: str) -> str:
    """What a program says that wants a little of a counter."""
    job = await client.run(submission("use", counter))
    assert (job.status, job.attempt) == ("completed", 1), job
    assert job.result is not None
    return kept_bytes(job.result.stdout).decode().partition(ATTEMPTED)[2].strip()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def arena(stack: Stack) -> AsyncIterator[Arena]:
    """Two users, and an executor that has run something of each kind that they will want."""
    async with stack.client("mallory") as attacker, stack.client("alice") as neighbour:
        found = Arena(stack, attacker, neighbour)
        assert await found.neighbours_work() == []
        found.before = await found.steady()
        yield found


@pytest.mark.parametrize("counter", ATTACKS)
async def test_what_a_program_takes_in_the_container_is_no_other_users_loss(
    arena: Arena, counter: str
) -> None:
    attack = ATTACKS[counter]
    async with taking(arena.attacker, counter) as said:
        got = re.search(r"got (\d+) until (\w+)", said)
        assert got, f"the attack did not run: {said}"
        assert attack.least <= int(got[1]) <= attack.most, said
        assert got[2] in attack.until, said
        assert await arena.neighbours_work() == []
        assert await used(arena.neighbour, counter) in attack.neighbour
    assert await used(arena.neighbour, counter) == ("lacks ENOSYS after 0" if attack.most == 0 else "well")
    await arena.until(lambda now: now.is_as(arena.before))
