"""Exhausts what the kernel counts per uid or per host from one cell, and uses it meanwhile from another.

Straight in a sandbox, so that it runs in any process: as root and as an ordinary user, with few descriptors,
in a container. ``python -m tests.security.counters '{"nofile": 1024}'`` prints one JSON object: for each
counter what was wrong, which should be nothing.
"""

import asyncio
import re
import resource
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from services.executor.sandbox.cold.sandbox import ColdSandbox
from services.executor.sandbox.interface import Sandbox
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warm.sandbox import open_sandbox
from shared.domain.events import Limits
from tests.integration.sandbox.cells import KINDS, Transcript, program, python
from tests.security.submission import ATTEMPTED, MIB, source_of

PROGRAM = "26_host_counters.py"
LIMITS = Limits(memory_bytes=64 * MIB, wall_ms=60_000, cpu_ms=20_000)

MOST = {
    "asynchronous_io": 0,
    "socket_filters": 0,
    "seccomp_filters": 0,
    "huge_pages": 0,
    "terminals": 16,
    "timers": 1_024,
    "message_queues": 1,
    "locked_segments": 256 * 1024,
    "tcp_buffers": 16 * MIB + 4 * MIB,
    "unix_buffers": LIMITS.memory_bytes,
    "processes": LIMITS.processes,
    "files": LIMITS.files_open,
}
"""What one cell may get of each at most."""
WITHIN = ("descriptors_in_flight", "pipe_pages", "watches", "orphans", "system_v_queues", "semaphores")
"""What is a uid's own, or a cell's memory's: it may take as much as it likes."""
COUNTERS = (*MOST, *WITHIN)

OF_ONE_UID = frozenset({"descriptors_in_flight", "pipe_pages"})
"""What a neighbour may lack where all cells have one uid: there its own cell is still made, and runs."""
UNCOUNTED = {"system_v_queues": 0, "semaphores": 0, "locked_segments": 0, "tcp_buffers": 256 * MIB}
"""What differs where no group counts memory."""
OF_A_COLD_CELL = frozenset({"terminals", "timers", "message_queues", "locked_segments"})
"""What a cold cell may have more of: its uid's own, but for terminals."""
ENDED_BY_ITSELF = frozenset({"unix_buffers", "tcp_buffers", "orphans"})
"""Takers that a limit of memory may end."""


def most_of(counter: str, sandbox: Sandbox) -> int | None:
    """How much of a counter one cell may get; None if it may have all that it finds."""
    facts = sandbox.isolation
    if isinstance(sandbox, ColdSandbox) and counter in OF_A_COLD_CELL:
        return None
    if facts.cgroup == "none" and counter in UNCOUNTED:
        return UNCOUNTED[counter]
    return MOST.get(counter)


async def faults_of(sandbox: Sandbox, counter: str) -> list[str]:
    """Take all of a counter in one cell, use some in another; what was wrong."""
    facts, found = sandbox.isolation, list[str]()
    async with taking(sandbox, counter) as said:
        neighbour = await python(sandbox, source_of(PROGRAM), "use", counter, limits=LIMITS)
        words = neighbour.stdout.partition(ATTEMPTED)[2].strip()
        lacks = words.startswith("lacks") and (facts.uids == 1 and counter in OF_ONE_UID)
        refused = most_of(counter, sandbox) == 0
        if neighbour.verdict.exit_code != 0 or not (words == "well" or lacks or refused):
            found.append(f"a neighbour {words or neighbour.stderr}: {neighbour.verdict}")
    got = re.search(r"got (\d+) until (\w+)", said())
    most = most_of(counter, sandbox)
    if got is None:
        if counter not in ENDED_BY_ITSELF:
            found.append(f"the attack did not run: {said()}")
    elif most is not None and int(got[1]) > most:
        found.append(f"got {got[1]}, more than {most}")
    elif most != 0 and int(got[1]) == 0:
        found.append(f"got nothing, so nothing was exhausted: {got[2]}")
    after = await python(sandbox, source_of(PROGRAM), "use", counter, limits=LIMITS)
    if "well" not in after.stdout and most != 0 and not lacks:
        found.append(f"a successor: {after.stdout} {after.stderr} {after.verdict}")
    return found


@asynccontextmanager
async def taking(sandbox: Sandbox, counter: str) -> AsyncIterator[Any]:
    """A cell that has taken all that it can, and waits; what it said is the context's."""
    transcript, stop = Transcript(), asyncio.Event()
    asked = program(source_of(PROGRAM), "take", counter, limits=LIMITS)
    running = asyncio.create_task(sandbox.run(asked, output=transcript, stop=stop))
    waiting = asyncio.create_task(transcript.until(ATTEMPTED))
    try:
        await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
        yield lambda: "".join(piece.decode() for piece in transcript.pieces.values())
    finally:
        stop.set()
        waiting.cancel()
        await running


async def examine(
    settings: SandboxSettings, kind: str, counters: tuple[str, ...] = COUNTERS
) -> dict[str, list[str]]:
    """What was wrong with each counter in a sandbox of its own."""
    opener = open_sandbox if kind == "best" else KINDS[kind]
    async with opener(settings) as sandbox:
        return {counter: faults for counter in counters if (faults := await faults_of(sandbox, counter))}


def main(options: Mapping[str, Any]) -> None:
    """Examine in this process, under its limits."""
    if "nofile" in options:
        resource.setrlimit(resource.RLIMIT_NOFILE, (options["nofile"],) * 2)
    settings = msgspec.convert(options.get("settings", {}), SandboxSettings)
    counters = tuple(options.get("counters", COUNTERS))
    found = asyncio.run(examine(settings, options.get("kind", "best"), counters))
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1] if len(sys.argv) > 1 else "{}"))
