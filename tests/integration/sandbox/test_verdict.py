"""Every way in which a wait status, a stop, and the counts come together. Pure."""

import signal

import pytest

from services.executor.sandbox.interface import Stop
from services.executor.sandbox.verdict import Ending, Status, Usage, ending
from shared.domain.events import Limits

LIMITS = Limits(cpu_ms=1000)
KILLED = 128 + signal.SIGKILL


def usage(*, cpu_ms: int = 10, memory_exceeded: bool = False) -> Usage:
    return Usage(cpu_ms=cpu_ms, memory_peak_bytes=None, memory_exceeded=memory_exceeded)


@pytest.mark.parametrize(
    ("returncode", "stop", "used", "expected"),
    [
        pytest.param(0, None, usage(), Ending(0, None, None), id="well"),
        pytest.param(3, None, usage(), Ending(3, None, None), id="exit code"),
        pytest.param(128, None, usage(), Ending(128, None, None), id="128 is no signal"),
        pytest.param(139, None, usage(), Ending(None, 11, None), id="folded signal"),
        pytest.param(192, None, usage(), Ending(None, 64, None), id="last signal"),
        pytest.param(193, None, usage(), Ending(193, None, None), id="beyond the last signal"),
        pytest.param(-9, "wall_time", usage(), Ending(None, 9, "wall_time"), id="monitor killed too"),
        pytest.param(KILLED, "wall_time", usage(), Ending(None, 9, "wall_time"), id="wall time"),
        pytest.param(KILLED, "stopped", usage(), Ending(None, 9, "stopped"), id="stopped"),
        pytest.param(0, "wall_time", usage(), Ending(0, None, None), id="done before the blow"),
        pytest.param(139, "stopped", usage(), Ending(None, 11, None), id="crashed before the blow"),
        pytest.param(0, "output_limit", usage(), Ending(0, None, "output_limit"), id="flood, then well"),
        pytest.param(KILLED, None, usage(memory_exceeded=True), Ending(None, 9, "memory"), id="memory"),
        pytest.param(1, None, usage(memory_exceeded=True), Ending(1, None, "memory"), id="a child's memory"),
        pytest.param(0, None, usage(memory_exceeded=True), Ending(0, None, None), id="survived its child"),
        pytest.param(KILLED, "wall_time", usage(memory_exceeded=True), Ending(None, 9, "memory"), id="both"),
        pytest.param(KILLED, None, usage(cpu_ms=1000), Ending(None, 9, "cpu_time"), id="RLIMIT_CPU"),
        pytest.param(128 + 24, None, usage(cpu_ms=1000), Ending(None, 24, "cpu_time"), id="SIGXCPU"),
        pytest.param(KILLED, None, usage(cpu_ms=999), Ending(None, 9, None), id="killed itself"),
        pytest.param(1, None, usage(cpu_ms=1000), Ending(1, None, "cpu_time"), id="a child's processor time"),
        pytest.param(0, None, usage(cpu_ms=1020), Ending(0, None, None), id="done just above the limit"),
    ],
)
def test_an_ending(returncode: int, stop: Stop | None, used: Usage, expected: Ending) -> None:
    assert ending(status=Status.from_exit_code(returncode), stop=stop, usage=used, limits=LIMITS) == expected


@pytest.mark.parametrize(
    ("returncode", "stop", "disk_full", "expected"),
    [
        pytest.param(1, None, True, Ending(1, None, "disk"), id="failed with a full disk"),
        pytest.param(1, None, False, Ending(1, None, None), id="failed otherwise"),
        pytest.param(0, None, True, Ending(0, None, None), id="filled it on purpose"),
        pytest.param(128 + 25, None, False, Ending(None, 25, "disk"), id="SIGXFSZ"),
        pytest.param(KILLED, "wall_time", True, Ending(None, 9, "wall_time"), id="filled it and slept"),
    ],
)
def test_an_ending_with_a_disk(returncode: int, stop: Stop | None, disk_full: bool, expected: Ending) -> None:
    status = Status.from_exit_code(returncode)
    assert ending(status=status, stop=stop, usage=usage(), limits=LIMITS, disk_full=disk_full) == expected


@pytest.mark.parametrize(
    ("code", "stopped_by"),
    [(128 + signal.SIGXFSZ, "disk"), (128 + signal.SIGSEGV, None), (int(signal.SIGXFSZ), None)],
)
def test_a_child_that_met_the_limit_of_a_file(code: int, stopped_by: Stop | None) -> None:
    """A warm cell tells its shell's exit code as it is."""
    status = Status.exact(code << 8)
    assert ending(status=status, stop=None, usage=usage(), limits=LIMITS) == Ending(code, None, stopped_by)
