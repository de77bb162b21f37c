"""Builds the message that gives a warm cell one stage, and reads what returns with its report."""

import contextlib
import os
import stat
from pathlib import Path

from services.executor.sandbox.guest import ipc
from services.executor.sandbox.interface import CellFile, GivenStdin, SandboxError, Stage
from services.executor.sandbox.isolation.filesystem import BASE_ENVIRONMENT, WORK
from services.executor.sandbox.isolation.rlimits import resource_limits
from services.executor.sandbox.pipes import memory_file

GUEST = Path(__file__).parents[1] / "guest"
START_SCRIPT = "start.js"
READ_BYTES = 1024 * 1024

WARM_ARGV = ("python3", f"{WORK}/main.py")
WARM_ENVIRONMENT = (("PYTHONUNBUFFERED", "1"), ("PYTHONDONTWRITEBYTECODE", "1"))
"""The environment of the catalogue's Python programs, since it is read once, when the interpreter starts."""
ZYGOTE_ENVIRONMENT = {**dict(BASE_ENVIRONMENT), **dict(WARM_ENVIRONMENT), "PWD": WORK}
ARCHIVE_MARK = b"PK\x05\x06"
"""What every zip archive has near its end."""
READ_AT_START = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "HOME", "PATH", "MALLOC", "GLIBC", "OPENSSL")
"""Prefixes of variables that make a newly started interpreter differ from a forked one."""


def job_file(stage: Stage, *, known: frozenset[str], has_cgroups: bool) -> int:
    """A sealed memory file of the whole job, for a zygote that has imported `known`. Raises OSError."""
    warm = is_warm(stage, known)
    added = {"PWD": stage.directory or WORK, **dict(stage.env)}
    job = ipc.Job(
        argv=list(stage.argv),
        env=_missing(added) if warm else {**dict(BASE_ENVIRONMENT), **added},
        files=[(file.path, file.executable, len(file.content)) for file in stage.files],
        rlimits=resource_limits(stage.limits, has_cgroups=has_cgroups),
        has_stdin=not stage.stdin.is_empty,
        warm=warm,
        directory=stage.directory,
        terminal=(stage.live.terminal if stage.live else None) or (),
    )
    return memory_file(b"".join([ipc.encode_job(job), *(file.content for file in stage.files)]))


def is_warm(stage: Stage, known: frozenset[str]) -> bool:
    """Whether a forked interpreter is indistinguishable from one started for this stage.

    The command must be exactly `python3 /work/main.py …`, of a file that is no archive of modules. No
    variable may be set that an interpreter or its libraries read at their start. No file may be present that
    they would find: in place of one of the modules `known`, or in a hidden directory of the home directory.
    """
    if stage.argv[:2] != WARM_ARGV:
        return False
    environment = dict(stage.env)
    if any(environment.get(name) != value for name, value in WARM_ENVIRONMENT):
        return False
    if any(name.startswith(READ_AT_START) for name in _missing(environment)):
        return False
    return not any(_is_found_at_start(file, known) for file in stage.files)


def _is_found_at_start(file: CellFile, known: frozenset[str]) -> bool:
    name = file.path.partition("/")[0].partition(".")[0]
    return not name or name in known or (file.path == "main.py" and ARCHIVE_MARK in file.content)


def _missing(environment: dict[str, str]) -> dict[str, str]:
    """What the environment of a warm interpreter lacks."""
    return {name: value for name, value in environment.items() if ZYGOTE_ENVIRONMENT.get(name) != value}


def stdin_file(stdin: GivenStdin) -> int:
    """A sealed memory file that its reader may reopen by name, but not for writing. Raises OSError."""
    descriptor = memory_file(stdin.content)
    try:
        os.fchmod(descriptor, 0o444)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def content_of(descriptor: int, size: int) -> bytes:
    """Read a file collected from a cell, and close it. Raises SandboxError if its length differs."""
    pieces = []
    room = size
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SandboxError("a cell brought out what is no regular file")
        while room and (piece := os.read(descriptor, min(READ_BYTES, room))):
            pieces.append(piece)
            room -= len(piece)
    finally:
        os.close(descriptor)
    if room:
        raise SandboxError(f"a file of {size} bytes ended {room} bytes too soon")
    return b"".join(pieces)


def bytes_of(stage: Stage) -> int:
    """How many bytes are copied for a stage: a large copy is done outside the event loop."""
    return sum(len(file.content) for file in stage.files) + len(stage.given)


def guest_files() -> list[tuple[str, bytes]]:
    """The zygote's modules and the start files of early runtimes, as they lie beside each other."""
    entry = b"from guest import zygote\nzygote.main()\n"
    start = (START_SCRIPT, (GUEST / START_SCRIPT).read_bytes())
    modules = [(f"guest/{path.name}", path.read_bytes()) for path in sorted(GUEST.glob("*.py"))]
    return [("sitecustomize.py", entry), start, *modules]


def close_all(*descriptors: int) -> None:
    """Close the open ones of these descriptors."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)
