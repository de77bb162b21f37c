"""Programs in terminals that attack the terminal, its other side, pid 1, or other cells.

They run straight in a sandbox.
"""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.executor.sandbox.interface import Stage
from services.executor.sandbox.warm.sandbox import WarmSandbox, open_warm_sandbox
from shared.domain.events import Limits
from tests.integration.sandbox.cells import MIB, Conversation, Ran, program, python, talking
from tests.security.submission import ATTEMPTED, ESCAPED, source_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIZE = (80, 24)
LIMITS = Limits(wall_ms=20_000, cpu_ms=10_000)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def warm() -> AsyncIterator[WarmSandbox]:
    """Of the kind that has terminals."""
    async with open_warm_sandbox() as opened:
        yield opened


def attack(name: str, *args: str) -> Stage:
    """A program of this folder."""
    return program(source_of(name), *args, limits=LIMITS)


def failed(ran: Ran) -> list[str]:
    """Whether it was tried at all, and what succeeded."""
    said = ran.transcript.pieces["stdout"].decode(errors="replace")
    faults = [] if ATTEMPTED in said else ["the attack did not begin"]
    return [*faults, *(line for line in said.splitlines() if ESCAPED in line)]


async def test_no_trick_of_the_driver_works(warm: WarmSandbox) -> None:
    async with talking(warm, attack("27_terminal_tricks.py"), terminal=SIZE) as talk:
        await talk.hear(ATTEMPTED)
        await talk.say("typed\n")
        ran = await talk.ran()
    assert failed(ran) == []
    assert ran.succeeded().endswith("read 'typed'\r\n")


async def test_no_other_terminal_is_reached(warm: WarmSandbox) -> None:
    ours, theirs = os.openpty()
    os.set_blocking(ours, False)
    beside = "while (line := input()): print('got', line)"
    try:
        async with talking(warm, program(beside), terminal=SIZE) as other:
            await other.say("before\n")
            await other.hear("got before\r\n")
            async with talking(warm, attack("27_other_terminals.py"), terminal=SIZE) as talk:
                await talk.hear("terminals ")
                await talk.say("typed\n")
                ran = await talk.ran()
            await other.say("after\n")
            assert await other.hear("got after\r\n") == "after\r\n"
        with pytest.raises(BlockingIOError):
            os.read(ours, 100)
    finally:
        os.close(ours)
        os.close(theirs)
    assert failed(ran) == []
    assert "terminals 15 ENOSPC" in ran.succeeded()
    assert ran.stdout.endswith("read 'typed'\r\n")


@pytest.mark.parametrize("terminal", [None, SIZE])
@pytest.mark.parametrize("times", [10_000, pytest.param(100_000, marks=pytest.mark.full)])
async def test_a_storm_of_signals_to_pid_1_does_no_harm(
    warm: WarmSandbox, times: int, terminal: tuple[int, int] | None
) -> None:
    talk = Conversation(warm, attack("27_signal_storm.py", str(times)), terminal=terminal)
    ran = await talk.ran()
    assert failed(ran) == []
    assert (ran.verdict.exit_code, ran.verdict.stopped_by) == (7, None), ran
    assert "done" in ran.stdout


async def test_a_storm_in_a_program_without_input_does_none_either(warm: WarmSandbox) -> None:
    ran = await python(warm, source_of("27_signal_storm.py"), "10000", limits=LIMITS)
    assert failed(ran) == []
    assert (ran.verdict.exit_code, ran.verdict.stopped_by) == (7, None), ran


async def test_the_executor_is_heard_beside_a_storm(warm: WarmSandbox) -> None:
    source = "import os\nprint('attempted')\nwhile True: os.kill(1, 12)"
    async with talking(warm, program(source)) as talk:
        await talk.hear(ATTEMPTED)
        (await talk.sink()).signal(signal.SIGTERM)
        verdict = (await talk.ran()).verdict
    assert (verdict.signal, verdict.stopped_by) == (signal.SIGTERM, None)


async def test_odd_modes_of_a_terminal_do_no_harm(warm: WarmSandbox) -> None:
    async with talking(warm, attack("27_terminal_modes.py"), terminal=SIZE) as talk:
        sink = await talk.sink()
        await talk.hear("attempted")
        for _ in range(17):
            await talk.hear("next is ")
            sink.write(b"secret\n", secret=True)
            sink.write(b"plain \xff\x00\x11\x12\n" * 20)
            sink.write(b"begun", secret=True)
            sink.resize(10, 10)
            sink.signal(signal.SIGINT)
        sink.end()
        ran = await talk.ran()
    assert failed(ran) == []
    assert (ran.verdict.exit_code, ran.verdict.stopped_by) == (5, None), ran
    assert b"was everything" in ran.transcript.pieces["stdout"]
    assert (await python(warm, "print(42)")).succeeded() == "42\n"


async def test_children_that_hold_a_terminal_do_not_hold_the_job(warm: WarmSandbox) -> None:
    talk = Conversation(warm, attack("27_terminal_holder.py"), terminal=SIZE, output_bytes=8 * MIB)
    ran = await talk.ran()
    assert failed(ran) == []
    assert (ran.verdict.exit_code, ran.verdict.stopped_by) == (6, None), ran
    assert ran.verdict.wall_ms < 15_000


def held() -> list[str]:
    """Pipes and terminals that this process has open."""
    names = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return [str(each) for each in names if str(each).startswith(("pipe:", "/dev/pt"))]


async def test_nothing_is_left_of_many_terminals(warm: WarmSandbox) -> None:
    before = len(held())
    for _ in range(5):
        for name in ("27_terminal_tricks.py", "27_other_terminals.py"):
            async with talking(warm, attack(name), terminal=SIZE) as talk:
                await talk.hear(ATTEMPTED)
                assert len(held()) > before
                talk.stop.set()
                await talk.ran()
    assert len(held()) == before
