"""How a stage ended, decided from what the kernel says and from nothing that a program can write.

bubblewrap turns the end by signal n into exit code 128 + n, so the cold sandbox cannot tell `exit(139)`
from a segmentation fault: it reports 129 to 192 as the signal. Pure.
"""

import signal
from dataclasses import dataclass

from services.executor.sandbox.sandbox import Stop
from shared.events import Limits

SIGNALS_MAX = 64
KILLED = int(signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a cell has used so far. The peak is None where nothing counts it exactly or by sampling."""

    cpu_ms: int
    memory_peak_bytes: int | None
    memory_exceeded: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """Exactly one of `exit_code`, `signal` is set; `stopped_by` names the limit that ended it, if any."""

    exit_code: int | None
    signal: int | None
    stopped_by: Stop | None


def ending(*, returncode: int, stop: Stop | None, usage: Usage, limits: Limits) -> Ending:
    """Decide from bubblewrap's wait status (negative: a signal killed bubblewrap itself)."""
    exit_code, killed_by = _unfold(returncode)
    return Ending(exit_code, killed_by, _stopped_by(exit_code, killed_by, stop, usage, limits))


def _unfold(returncode: int) -> tuple[int | None, int | None]:
    if returncode < 0:
        return None, -returncode
    if 128 < returncode <= 128 + SIGNALS_MAX:
        return None, returncode - 128
    return returncode, None


def _stopped_by(
    exit_code: int | None, killed_by: int | None, stop: Stop | None, usage: Usage, limits: Limits
) -> Stop | None:
    if stop == "output_limit":
        return stop
    if usage.memory_exceeded and exit_code != 0:
        return "memory"
    if stop is not None:
        # A program that ended by itself just before the blow was not ended by it.
        return stop if killed_by == KILLED else None
    if killed_by in (KILLED, signal.SIGXCPU) and usage.cpu_ms >= limits.cpu_ms:
        return "cpu_time"
    return None
