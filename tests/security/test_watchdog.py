"""Where nothing but the watchdog counts, whoever it counts may be gone before it has finished."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from services.executor.sandbox.cgroups.watchdog import CellTree
from shared.domain.events import Limits

LOOKED_S = 2.0


@pytest.fixture
def restless() -> Iterator[int]:
    """A process whose children end at once."""
    process = os.fork()
    if process == 0:
        while True:
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
    yield process
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def test_counting_those_who_come_and_go_never_fails(restless: int) -> None:
    """Two of a thousand looks failed, and each of them ended a program that had done nothing wrong."""
    tree = CellTree(Limits())
    tree.join(restless)
    until = time.monotonic() + LOOKED_S
    looked, failed = 0, list[str]()
    while time.monotonic() < until:
        looked += 1
        try:
            tree.usage()
        except OSError as error:
            failed.append(str(error))
    assert tree.cpu_ms > 0, "nobody was counted"
    assert not failed, f"{len(failed)} of {looked} looks failed: {failed[0]}"
