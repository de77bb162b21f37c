"""Decides how a stage ended, only from what the kernel reports and a program cannot forge.

Pid 1 of a warm cell reports the wait status itself. bubblewrap turns the end by signal n into exit code 128 +
n, so the cold sandbox cannot tell `exit(139)` from a segmentation fault: it reports 129 to 192 as the signal.
Pure.
"""

import os
import signal
from dataclasses import dataclass

from services.executor.sandbox.interface import Stage, Stop, Verdict
from shared.domain.events import Limits

SIGNALS_MAX = 64
SHELL_SIGNALS = 128
KILLED = int(signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a cell has used so far. The peak is None if it is neither counted nor sampled."""

    cpu_ms: int
    memory_peak_bytes: int | None
    memory_exceeded: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """Exactly one of `exit_code`, `signal` is set; `stopped_by` names the limit that ended it, if any."""

    exit_code: int | None
    signal: int | None
    stopped_by: Stop | None


@dataclass(frozen=True, slots=True)
class Status:
    """How a process ended: exactly one of the two is set."""

    exit_code: int | None
    signal: int | None

    @classmethod
    def exact(cls, status: int) -> "Status":
        """From a wait status (wait(2))."""
        code = os.waitstatus_to_exitcode(status)
        return cls(None, -code) if code < 0 else cls(code, None)

    @classmethod
    def from_exit_code(cls, returncode: int) -> "Status":
        """From bubblewrap's exit code; negative if a signal killed bubblewrap itself."""
        if returncode < 0:
            return cls(None, -returncode)
        if SHELL_SIGNALS < returncode <= SHELL_SIGNALS + SIGNALS_MAX:
            return cls(None, returncode - SHELL_SIGNALS)
        return cls(returncode, None)


def ending(
    *, status: Status, stop: Stop | None, usage: Usage, limits: Limits, disk_full: bool = False
) -> Ending:
    """Decide from the status, the reason for a kill if there was one, and the usage.

    Usage is the whole cell's: a child that hit a limit made its parent fail.
    """
    stopped_by = _stopped_by(status.exit_code, status.signal, stop, usage, limits)
    # A shell reports the signal that ended its child in its exit code (POSIX 2.8.2).
    too_long = status.signal == signal.SIGXFSZ or status.exit_code == SHELL_SIGNALS + signal.SIGXFSZ
    if stopped_by is None and status.exit_code != 0 and (disk_full or too_long):
        stopped_by = "disk"
    return Ending(status.exit_code, status.signal, stopped_by)


def never_begun(stop: Stop) -> Verdict:
    """The verdict on a stage of which nothing has run."""
    return Verdict(
        exit_code=None,
        signal=KILLED,
        stopped_by=stop,
        wall_ms=0,
        cpu_ms=0,
        memory_peak_bytes=None,
        stdout_bytes=0,
        stderr_bytes=0,
    )


def product_too_long(stage: Stage) -> str:
    """The message about a product that is too long; the stage ends by `output_limit`."""
    return f"{stage.keep} is longer than {stage.keep_bytes_max} bytes"


def _stopped_by(
    exit_code: int | None, killed_by: int | None, stop: Stop | None, usage: Usage, limits: Limits
) -> Stop | None:
    if stop == "output_limit":
        return stop
    if usage.memory_exceeded and exit_code != 0:
        return "memory"
    if stop is not None:
        # A program that ended by itself just before the kill was not ended by it.
        return stop if killed_by == KILLED else None
    if exit_code != 0 and usage.cpu_ms >= limits.cpu_ms:
        return "cpu_time"
    return None
