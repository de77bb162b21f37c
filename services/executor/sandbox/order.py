"""What is sent to a warm cell for one stage, and what comes back with its report."""

import contextlib
import os
import stat
from pathlib import Path

from services.executor.sandbox.inside import wire
from services.executor.sandbox.pipes import memory_file
from services.executor.sandbox.rlimits import resource_limits
from services.executor.sandbox.root import BASE_ENVIRONMENT, WORK
from services.executor.sandbox.sandbox import SandboxError, Stage

INSIDE = Path(__file__).with_name("inside")
READ_BYTES = 1024 * 1024


def job_file(stage: Stage, *, has_cgroups: bool) -> int:
    """A sealed memory file that holds the whole job. Raises OSError."""
    job = wire.Job(
        argv=list(stage.argv),
        env={**dict(BASE_ENVIRONMENT), "PWD": WORK, **dict(stage.env)},
        files=[(file.path, file.executable, len(file.content)) for file in stage.files],
        rlimits=resource_limits(stage.limits, has_cgroups=has_cgroups),
        disk_bytes=stage.limits.disk_bytes,
        has_stdin=bool(stage.stdin),
        keep=stage.keep,
        keep_bytes_max=stage.keep_bytes_max,
    )
    return memory_file(b"".join([wire.encode_job(job), *(file.content for file in stage.files)]))


def stdin_file(content: bytes) -> int:
    """A sealed memory file that its reader may open again by name, but not for writing. Raises OSError."""
    descriptor = memory_file(content)
    try:
        os.fchmod(descriptor, 0o444)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def content_of(descriptor: int, bytes_max: int) -> bytes:
    """Read a kept file whole. Raises SandboxError if it is none that a cell may keep."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise SandboxError("a cell kept what is no regular file")
    pieces = []
    room = bytes_max
    while room >= 0 and (piece := os.read(descriptor, min(READ_BYTES, room + 1))):
        pieces.append(piece)
        room -= len(piece)
    if room < 0:
        raise SandboxError(f"a cell kept more than {bytes_max} bytes")
    return b"".join(pieces)


def bytes_of(stage: Stage) -> int:
    """How much is to be copied for a stage, so that much of it is done outside of the event loop."""
    return sum(len(file.content) for file in stage.files) + len(stage.stdin)


def inside_files() -> list[tuple[str, bytes]]:
    """The warden's own modules, as they are to lie beside each other inside."""
    entry = b"from inside import warden\nwarden.main()\n"
    modules = [(f"inside/{path.name}", path.read_bytes()) for path in sorted(INSIDE.glob("*.py"))]
    return [("sitecustomize.py", entry), *modules]


def closed(*descriptors: int) -> None:
    """Close what is open of these."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)
