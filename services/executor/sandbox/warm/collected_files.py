"""Collects files of a cell whose program has ended: pid 1 sends descriptors, and only those are read."""

import asyncio
import socket
from dataclasses import dataclass, field

from services.executor.sandbox.cold.cell import wait_uncancelled
from services.executor.sandbox.guest import collect, ipc, syscalls
from services.executor.sandbox.interface import CellFile, SandboxError, Skipped, Stage
from services.executor.sandbox.pipes import readable
from services.executor.sandbox.settings import SandboxSettings
from services.executor.sandbox.warm import job_file

SEARCH_S = 10.0
"""How long pid 1 may search. A cell's disk holds a few thousand names, which take milliseconds."""


@dataclass(slots=True)
class CollectedFiles:
    """Descriptors of the collected files. `close` must be called."""

    files: list[tuple[collect.Found, int]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    async def contents(self) -> list[CellFile]:
        """Read them all, in a thread. Raises SandboxError."""
        found = []
        while self.files:
            file, descriptor = self.files.pop(0)
            reading = asyncio.ensure_future(asyncio.to_thread(job_file.content_of, descriptor, file.size))
            await wait_uncancelled(reading)
            found.append(CellFile(file.path, reading.result()))
        return found

    def close(self) -> None:
        """Close the descriptors not read."""
        job_file.close_all(*(descriptor for _, descriptor in self.files))


async def collect_files(channel: socket.socket, request: collect.Request) -> CollectedFiles:
    """Ask pid 1 for the files and wait for its whole answer. Raises SandboxError."""
    brought = CollectedFiles()
    try:
        syscalls.send(channel, collect.encode_request(request))
        async with asyncio.timeout(SEARCH_S):
            while await _next(channel, brought):
                pass
    except (TimeoutError, OSError) as error:
        brought.close()
        raise SandboxError(f"a cell did not bring out its files: {error!r}") from error
    except BaseException:
        brought.close()
        raise
    return brought


async def _next(channel: socket.socket, brought: CollectedFiles) -> bool:
    """Receive one message of the answer; False if it was the last."""
    await readable(channel.fileno())
    message, descriptors = syscalls.receive(channel, ipc.MESSAGE_BYTES_MAX)
    if message == collect.END:
        return False
    try:
        found = collect.decode_found(message)
    except (ValueError, TypeError) as error:
        job_file.close_all(*descriptors)
        why = message.decode(errors="replace") or "it was killed"
        raise SandboxError(f"a cell did not bring out its files: {why}") from error
    if found.reason:
        brought.skipped.append(Skipped(found.path, found.reason))
    elif descriptors:
        brought.files.append((found, descriptors[0]))
    return True


def request_of(stage: Stage, patterns: list[str], bounds: SandboxSettings) -> collect.Request:
    """A request for the files of a stage that match these patterns."""
    keeps = stage.keep is not None
    return collect.Request(
        patterns=patterns,
        files_max=bounds.artifacts_max,
        skipped_max=bounds.artifacts_skipped_max,
        bytes_max=stage.keep_bytes_max if keeps else bounds.artifacts_bytes_max,
        entries_max=bounds.artifacts_entries_max,
        depth_max=bounds.artifacts_depth_max,
    )
