"""Ten thousand mixed jobs through the whole system, and what the machine looks like before and after.

``python -m bench.ten_thousand``: processes, mounts, cgroups, the shared temporary folders, and the
executor's descriptors and memory. It ends with exit code 1 if anything but the executor's memory, within
32 MiB, is not what it was.
"""

import asyncio
import itertools
import os
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bench.measure import console
from bench.throughput import TERMINAL
from headrace.client.client import AsyncClient, open_client
from headrace.client.endpoint import local_endpoint
from headrace.local.supervisor import Stack, private_stack

JOBS = 10_000
USERS = 20
AT_ONCE = 4
"""Unfinished jobs of a user at a time."""
SETTLING_S = 30.0
MIB = 1024 * 1024

MIXTURE: list[dict[str, Any]] = [
    {"language": "python", "code": "print(1)"},
    {"language": "python", "code": "raise SystemExit(3)"},
    {"language": "python", "code": "import os; os.kill(os.getpid(), 11)"},
    {"language": "python", "code": "print(input())", "stdin": "x"},
    {"language": "python", "code": "open('out', 'w').write('x' * 1000)", "artifacts": ["*"]},
    {"language": "python", "code": "import threading; threading.Thread(target=print).start()"},
    {"language": "python", "code": "import subprocess; subprocess.run(['echo', 'x'])"},
    {"language": "python", "code": "import os\nfor _ in range(5): os.fork()"},
    {"language": "bash", "code": "echo x; exit 1"},
    {"language": "bash", "code": "(setsid sleep 60 &) ; echo left"},
]
SELDOM: list[dict[str, Any]] = [
    {"language": "python", "code": "while True: pass", "limits": {"cpu_ms": 200}},
    {"language": "python", "code": "import time; time.sleep(60)", "limits": {"wall_ms": 200}},
    {"language": "python", "code": "b = bytearray(1 << 30)", "limits": {"memory_bytes": 64 * MIB}},
    {"language": "python", "code": "while True: print('x' * 1000)"},
    {"language": "python", "code": "open('x', 'wb').write(bytes(100 << 20))"},
    {"language": "javascript", "code": "console.log(1)"},
    {"language": "c", "code": "int main(void) { return 0; }"},
]

EARLY: list[dict[str, Any]] = [{"language": "javascript", "code": "console.log(1)"}]
"""Those whose runtime is started before they come."""
EARLY_MANY = 30


def what_is_there(executor: int) -> dict[str, Any]:
    """Everything that a run could leave behind, but for the executor's memory."""
    names = Counter[str]()
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            names[path.read_text().strip().partition(":")[0].partition("/")[0]] += 1
        except OSError:
            continue
    for name in [name for name in names if name.startswith("kworker")]:
        del names[name]
    return {
        "processes": dict(sorted(names.items())),
        "mounts": Path("/proc/mounts").read_text(),
        "cgroups": len(list(Path("/sys/fs/cgroup").glob("**/headrace-*/cell-*"))),
        "temporary": sorted(names_in("/tmp") + names_in("/dev/shm")),  # noqa: S108 - only looked at
        "descriptors": len(names_in(f"/proc/{executor}/fd")),
    }


def names_in(directory: str) -> list[str]:
    """The entries of a directory."""
    return [entry.name for entry in Path(directory).iterdir()]


def resident_bytes(process: int) -> int:
    """The memory of a process."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def executor_of(stack: Stack) -> int:
    """The executor of a stack with one."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        words = path.read_bytes().split(b"\0")
        environment = path.with_name("environ")
        if b"services.executor" in words and str(stack.directory).encode() in environment.read_bytes():
            return int(path.parent.name)
    raise SystemExit("there is no executor")


class User:
    """One user, with a socket and some jobs under way at a time."""

    def __init__(self, client: AsyncClient) -> None:
        """Nothing is submitted yet."""
        self._client = client
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.ended = Counter[str]()

    async def watch(self) -> None:
        """Count what ends, until cancelled."""
        async for event in self._client.follow("*", after="start"):
            if event.type in TERMINAL:
                self.ended[event.type.split(".")[1] + ":" + str(event.data.get("reason", ""))] += 1
                self._slots.release()

    async def submit(self, jobs: list[dict[str, Any]]) -> None:
        """Submit them all, and return when each has ended."""
        for job in jobs:
            await self._slots.acquire()
            await self._client.submit(job)
        for _ in range(AT_ONCE):
            await self._slots.acquire()
        for _ in range(AT_ONCE):
            self._slots.release()


async def main() -> None:
    """Run them; print what was, what is, and how they ended."""
    mixture = [*MIXTURE * 7, *SELDOM]
    # A pool keeps what a load has left it, up to twice its size: every pool is to be as full as it gets.
    filling = [*mixture, *EARLY * EARLY_MANY]
    async with private_stack() as stack, AsyncExitStack() as open_clients:
        users = []
        for number in range(USERS):
            endpoint = local_endpoint(stack.directory, stack.address, f"user-{number}")
            users.append(User(await open_clients.enter_async_context(open_client(endpoint))))
        watching = [asyncio.create_task(user.watch()) for user in users]
        executor = executor_of(stack)
        await asyncio.gather(*(user.submit(filling) for user in users))
        await asyncio.sleep(SETTLING_S)
        before, held = what_is_there(executor), resident_bytes(executor)
        began = time.monotonic()
        jobs = list(itertools.islice(itertools.cycle(mixture), JOBS // USERS))
        await asyncio.gather(*(user.submit(jobs) for user in users))
        took_s = time.monotonic() - began
        await asyncio.sleep(SETTLING_S)
        after, grown = what_is_there(executor), resident_bytes(executor) - held
        for task in watching:
            task.cancel()
        await asyncio.wait(watching)
    ended = sum((user.ended for user in users), Counter[str]())
    console.print(f"{JOBS} jobs in {took_s:.0f} s; ended since the start: {dict(sorted(ended.items()))}")
    console.print(f"the executor's memory grew by {grown / MIB:.1f} MiB")
    changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    for name, (was, now) in changed.items():
        console.print(f"{name}: was {was}, is {now}")
    if changed or grown > 32 * MIB:
        sys.exit(1)
    console.print("the machine is as it was")


if __name__ == "__main__":
    asyncio.run(main())
