"""Stops a process in the middle of whatever it does."""

import asyncio
import os
import signal
from pathlib import Path

STOPPED = "T"
LOOK_S = 0.01


async def freeze(pid: int) -> None:
    """Send SIGSTOP and wait until every thread has stopped: on a busy machine, others go on for a while."""
    os.kill(pid, signal.SIGSTOP)
    async with asyncio.timeout(30):
        while any(state != STOPPED for state in _states(pid)):  # noqa: ASYNC110 - processes set no events
            await asyncio.sleep(LOOK_S)


def _states(pid: int) -> list[str]:
    """Of each thread (proc_pid_stat(5), field 3)."""
    stats = [(thread / "stat").read_text() for thread in Path(f"/proc/{pid}/task").iterdir()]
    return [stat.rpartition(")")[2].split()[0] for stat in stats]
