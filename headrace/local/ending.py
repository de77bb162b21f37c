"""Stops a local stack from another process, and removes what a stopped one has left.

A stack is known by its lock: only a process that has the lock file open is signalled. So a pid of a dead
stack that another program has reused is never signalled.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from headrace.local.stack import LOCK, StackError, claim, find, is_claimed

STOP_TIMEOUT_S = 60.0
OWN_FILES = (
    "lock",
    "secrets.json",
    "secrets.new",
    "stack.json",
    "view.sqlite*",
    "*.log",
    "*.log.[0-9]",
    ".gitignore",
    "nats",
)
"""All files that a stack makes in its directory."""


async def stop_stack(directory: Path, *, timeout_s: float = STOP_TIMEOUT_S) -> int | None:
    """End the stack of this directory and wait; its supervisor's pid, None if none ran. Raises StackError."""
    address = find(directory)
    if address is None:
        if is_claimed(directory):
            raise StackError(f"the stack in {directory} starts or ends just now: try again")
        return None
    pid = address.supervisor_pid
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        raise StackError(f"the stack in {directory} starts or ends just now: try again") from None
    try:
        if not _has_open(pid, directory / LOCK):
            raise StackError(
                f"process {pid} is not the supervisor of {directory}, or belongs to another user"
            )
        signal.pidfd_send_signal(pidfd, signal.SIGTERM)
        await _wait_until_ended(pidfd, timeout_s)
    except TimeoutError:
        raise StackError(f"the stack in {directory} (pid {pid}) did not end in {timeout_s:g} s") from None
    finally:
        os.close(pidfd)
    return pid


def remove_stack(directory: Path) -> tuple[str, ...]:
    """Remove all that a stopped stack left; returns the names of foreign files, which stay. Raises
    StackError."""
    if not (directory / LOCK).exists() and not (directory / "secrets.json").exists():
        raise StackError(f"{directory} is no stack's directory: nothing was removed")
    with claim(directory):
        for path in list(_own(directory)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    remaining = tuple(sorted(path.name for path in directory.iterdir()))
    if not remaining and not directory.is_symlink():
        directory.rmdir()
    return remaining


def _own(directory: Path) -> Iterator[Path]:
    for pattern in OWN_FILES:
        yield from directory.glob(pattern)


def _has_open(pid: int, path: Path) -> bool:
    try:
        wanted = path.stat()
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if os.path.samestat(descriptor.stat(), wanted):
                    return True
            except FileNotFoundError:
                continue
    except OSError:
        return False
    return False


async def _wait_until_ended(pidfd: int, timeout_s: float) -> None:
    """Wait for a process that is not our child. Raises TimeoutError."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(pidfd, ended.set)
    try:
        async with asyncio.timeout(timeout_s):
            await ended.wait()
    finally:
        loop.remove_reader(pidfd)
