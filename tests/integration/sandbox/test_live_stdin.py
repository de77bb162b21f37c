"""Programs that are given input while they run, through a pipe."""

import asyncio
import hashlib
import signal

import pytest

from services.executor.languages.plan import Plan
from services.executor.languages.stages import Program
from services.executor.sandbox import limit_monitor
from services.executor.sandbox.interface import CellFile, Sandbox, Stage
from services.executor.sandbox.pipes import Pace
from services.executor.sandbox.warm.runtimes import node
from services.executor.sandbox.warm.sandbox import open_warm_sandbox
from shared.domain.events import Limits
from tests.cases import languages
from tests.hosts import needs_cc, needs_node
from tests.integration.sandbox.cells import (
    MIB,
    Conversation,
    c_program,
    program,
    python,
    run,
    shell,
    stage,
    talking,
)
from tests.integration.sandbox.programs import LANGUAGES, tools_of

WAITS = "import sys\nprint('ready')\nsys.stdin.read()"
ANSWERS = "while True:\n    try: print('got', input())\n    except EOFError: break\nprint('end')"
C_ANSWERS = r"""
#include <stdio.h>
#include <string.h>
int main(void) {
    char line[100];
    while (fgets(line, sizeof line, stdin)) { printf("got %s", line); fflush(stdout); }
    puts("end");
}
"""
JAVA_ANSWERS = """
import java.util.Scanner;
class Main { public static void main(String[] args) {
    Scanner in = new Scanner(System.in);
    while (in.hasNextLine()) System.out.println("got " + in.nextLine());
    System.out.println("end"); } }
"""
NODE_ANSWERS = """
const lines = require("readline").createInterface({ input: process.stdin });
lines.on("line", (line) => console.log("got " + line));
lines.on("close", () => console.log("end"));
"""
BASH_ANSWERS = 'while read -r line; do echo "got $line"; done; echo end'
PROGRAMS = {
    "python": ANSWERS,
    "c": C_ANSWERS,
    "bash": BASH_ANSWERS,
    "javascript": NODE_ANSWERS,
    "java": JAVA_ANSWERS,
}


async def last_stage(sandbox: Sandbox, name: str, source: str) -> Stage:
    """The stage that runs a program of the catalogue, compiled if need be."""
    language = LANGUAGES[name]
    submitted = Program(
        files=(CellFile(language.entrypoint, source.encode()),),
        entrypoint=language.entrypoint,
        limits=language.default_limits,
    )
    plan = Plan(language, submitted, await tools_of(sandbox, language))
    *compilers, last = range(len(plan.names))
    product = None
    for position in compilers:
        product = (await run(sandbox, plan.stage(position, product))).verdict.kept
    return plan.stage(last, product)


@pytest.mark.parametrize("name", languages(PROGRAMS, {"python", "bash"}))
async def test_each_line_is_answered_before_the_next_is_sent(sandbox: Sandbox, name: str) -> None:
    async with talking(sandbox, await last_stage(sandbox, name, PROGRAMS[name])) as talk:
        for number in range(5):
            await talk.say(f"line {number}\n")
            assert await talk.hear(f"got line {number}\n") == ""
        (await talk.sink()).end()
        assert (await talk.ran()).succeeded().endswith("end\n")
        assert talk.disconnected


@needs_node
async def test_no_runtime_that_has_its_input_already_is_used(warm: Sandbox) -> None:
    asked = await last_stage(warm, "javascript", NODE_ANSWERS)
    assert node().can_run(asked, has_cgroups=True)
    async with talking(warm, asked) as talk:
        await talk.sink()
        live = talk.asked
    assert not node().can_run(live, has_cgroups=True)


async def test_what_waits_for_its_reader_is_neither_lost_nor_out_of_order(sandbox: Sandbox) -> None:
    source = """
import fcntl, hashlib, os, struct, sys, termios
print("ready")
while struct.unpack("i", fcntl.ioctl(0, termios.FIONREAD, b"    "))[0] < 65_536: os.sched_yield()
print("full")
print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())
"""
    content = b"".join(b"%d\n" % number for number in range(MIB // 6))
    async with talking(sandbox, program(source)) as talk:
        await talk.hear("ready")
        for place in range(0, len(content), 100_000):
            await talk.say(content[place : place + 100_000])
        await talk.hear("full\n")
        (await talk.sink()).end()
        assert (await talk.ran()).succeeded().split()[-1] == hashlib.sha256(content).hexdigest()


async def test_what_is_written_at_once_is_read(sandbox: Sandbox) -> None:
    talk = Conversation(sandbox, program("print('got', input())"), at_once=b"early\n")
    assert (await talk.ran()).succeeded() == "got early\n"


async def test_any_bytes_are_read_as_they_were_given(sandbox: Sandbox) -> None:
    source = "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())"
    content = bytes(range(256)) * 300
    async with talking(sandbox, program(source)) as talk:
        await talk.say(content)
        (await talk.sink()).end()
        assert bytes((await talk.ran()).transcript.pieces["stdout"]) == content


async def test_input_for_a_program_that_has_closed_it_goes_nowhere(sandbox: Sandbox) -> None:
    source = "import os, signal\nos.close(0)\nprint('closed')\nsignal.pause()"
    async with talking(sandbox, program(source)) as talk:
        await talk.hear("closed")
        for _ in range(3):
            await talk.say(bytes(MIB))
        (await talk.sink()).end()
        talk.stop.set()
        assert (await talk.ran()).verdict.stopped_by == "stopped"


async def test_nothing_has_an_effect_after_the_end(sandbox: Sandbox) -> None:
    async with talking(sandbox, program("print('done')")) as talk:
        sink = await talk.sink()
        (await talk.ran()).succeeded()
        sink.write(b"late")
        sink.end()
        sink.resize(1, 1)
        sink.signal(signal.SIGTERM)


class Clock:
    """Stands in for the module `time` in the limit monitor."""

    def __init__(self) -> None:
        """At zero."""
        self.now = 0.0
        self._asked = asyncio.Event()

    def monotonic(self) -> float:
        """As set."""
        self._asked.set()
        return self.now

    async def passes(self, seconds: float) -> None:
        """Advance, and return when that has been noticed."""
        self.now += seconds
        for _ in range(2):
            self._asked.clear()
            await self._asked.wait()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the limit monitor, which the test advances."""
    made = Clock()
    monkeypatch.setattr(limit_monitor, "time", made)
    return made


async def still_runs(sandbox: Sandbox, talk: Conversation) -> None:
    """Fails if it was ended: it would be over before another program is."""
    assert (await python(sandbox, "print(42)")).succeeded() == "42\n"
    assert not talk.task.done()


async def test_a_program_without_input_or_output_is_idle(sandbox: Sandbox) -> None:
    async with talking(sandbox, program(WAITS), idle_s=0.3) as talk:
        verdict = (await talk.ran()).verdict
    assert (verdict.stopped_by, verdict.signal) == ("idle", signal.SIGKILL)
    assert verdict.wall_ms >= 300


async def test_input_postpones_the_end(sandbox: Sandbox, clock: Clock) -> None:
    source = (
        "print('ready')\nprint('got', [input() for _ in range(4)])\ntry: input()\nexcept EOFError: input()"
    )
    async with talking(sandbox, program(source), idle_s=10) as talk:
        await talk.hear("ready")
        for number in range(3):
            await clock.passes(9)
            await talk.say(f"{number}\n")
        await clock.passes(9)
        await talk.say("last\n")
        await talk.hear("got ['0', '1', '2', 'last']")
        await clock.passes(9)
        (await talk.sink()).end()
        assert (await talk.ran()).verdict.exit_code == 1


async def test_the_end_of_input_postpones_it_too(sandbox: Sandbox, clock: Clock) -> None:
    source = "import signal, sys\nprint('ready')\nsys.stdin.read()\nsignal.pause()"
    async with talking(sandbox, program(source), idle_s=10) as talk:
        await talk.hear("ready")
        await clock.passes(9)
        (await talk.sink()).end()
        await clock.passes(9)
        await still_runs(sandbox, talk)
        clock.now += 2
        assert (await talk.ran()).verdict.stopped_by == "idle"


async def test_output_postpones_the_end(sandbox: Sandbox, clock: Clock) -> None:
    source = "import time\nfor _ in range(5):\n    print('word')\n    time.sleep(0.2)"
    async with talking(sandbox, program(source), idle_s=10) as talk:
        for _ in range(4):
            await talk.hear("word")
            await clock.passes(9)
        (await talk.ran()).succeeded()


async def test_without_either_it_ends_in_time(sandbox: Sandbox, clock: Clock) -> None:
    async with talking(sandbox, program(WAITS), idle_s=10) as talk:
        await talk.hear("ready")
        await clock.passes(9)
        await talk.say("more\n")
        await clock.passes(9)
        await still_runs(sandbox, talk)
        clock.now += 2
        assert (await talk.ran()).verdict.stopped_by == "idle"


async def test_stop_ends_a_program_that_waits_for_input(sandbox: Sandbox) -> None:
    async with talking(sandbox, program(WAITS)) as talk:
        await talk.hear("ready")
        talk.stop.set()
        assert (await talk.ran()).verdict.stopped_by == "stopped"


async def test_a_cancelled_one_leaves_nothing_behind(sandbox: Sandbox) -> None:
    async with talking(sandbox, program(WAITS)) as talk:
        await talk.hear("ready")
        talk.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await talk.task
        assert talk.disconnected
    assert (await python(sandbox, "print(42)")).succeeded() == "42\n"


@pytest.mark.parametrize(
    ("limits", "source", "stopped_by"),
    [
        pytest.param(Limits(wall_ms=500), WAITS, "wall_time", id="wall time"),
        pytest.param(Limits(cpu_ms=300), "input()\nwhile True: pass", "cpu_time", id="processor time"),
    ],
)
async def test_limits_of_time_end_it(sandbox: Sandbox, limits: Limits, source: str, stopped_by: str) -> None:
    async with talking(sandbox, program(source, limits=limits)) as talk:
        await talk.say("go\n")
        assert (await talk.ran()).verdict.stopped_by == stopped_by


async def test_its_output_has_a_limit_of_its_own(sandbox: Sandbox) -> None:
    flood = program("import os\nwhile True: os.write(1, b'x' * 1000)", limits=Limits(output_bytes=50))
    ran = await Conversation(sandbox, flood, output_bytes=10_000).ran()
    assert (ran.verdict.stopped_by, len(ran.stdout)) == ("output_limit", 10_000)
    much = program("print('x' * 9_999)", limits=Limits(output_bytes=50))
    assert len((await Conversation(sandbox, much, output_bytes=10_000).ran()).succeeded()) == 10_000


async def test_only_the_three_standard_descriptors_are_open(sandbox: Sandbox) -> None:
    source = "import os\nprint(sorted(os.listdir('/proc/self/fd')), os.readlink('/proc/self/fd/0')[:5])"
    ran = await Conversation(sandbox, program(source)).ran()
    assert ran.succeeded() in ("['0', '1', '2', '3'] pipe:\n", "['0', '1', '2', '3'] /etc/\n")


async def test_its_input_may_be_opened_by_name_but_not_written(sandbox: Sandbox) -> None:
    source = """
import os
try: os.open("/dev/stdin", os.O_WRONLY | os.O_NONBLOCK)
except OSError as error: print("refused")
print(open("/dev/stdin").readline())
"""
    async with talking(sandbox, program(source)) as talk:
        await talk.say("by name\n")
        (await talk.sink()).end()
        assert (await talk.ran()).succeeded() == "refused\nby name\n\n"


HANDLES = """
import os, select, signal
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
    signal.signal(number, lambda number, _: os.write(1, b"signal %d." % number))
print("ready")
while not select.select([0], [], [], 0.02)[0]: pass
"""
C_HANDLES = r"""
#include <signal.h>
#include <stdio.h>
#include <string.h>
static void tell(int number) { printf("signal %d.", number); fflush(stdout); }
int main(void) {
    int numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGHUP};
    for (int at = 0; at < 4; at++) signal(numbers[at], tell);
    puts("ready"); fflush(stdout);
    char line[100];
    while (fgets(line, sizeof line, stdin) && strncmp(line, "end", 3));
}
"""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP, signal.SIGUSR1)


@pytest.mark.parametrize("terminal", [None, (80, 24)])
@pytest.mark.parametrize("language", ["python", pytest.param("c", marks=needs_cc)])
async def test_signals_reach_its_handlers(
    warm: Sandbox, language: str, terminal: tuple[int, int] | None
) -> None:
    asked = program(HANDLES) if language == "python" else await c_program(warm, C_HANDLES)
    async with talking(warm, asked, terminal=terminal) as talk:
        await talk.hear("ready")
        for number in SIGNALS:
            (await talk.sink()).signal(number)
            await talk.hear(f"signal {number}.")
        await talk.say("end\n")
        assert (await talk.ran()).verdict.exit_code == 0


@pytest.mark.parametrize("terminal", [None, (80, 24)])
@pytest.mark.parametrize("number", SIGNALS[:4])
async def test_signals_end_a_program_without_handlers(
    warm: Sandbox, number: signal.Signals, terminal: tuple[int, int] | None
) -> None:
    async with talking(warm, stage("/bin/sh", "-c", "echo ready; exec cat"), terminal=terminal) as talk:
        await talk.hear("ready")
        (await talk.sink()).signal(number)
        verdict = (await talk.ran()).verdict
    assert (verdict.signal, verdict.stopped_by) == (number, None)


async def test_a_program_ignores_no_signal_that_the_executor_ignores() -> None:
    """`nohup` ignores SIGHUP, and a shell's `&` in a script SIGQUIT."""
    ignored = (signal.SIGHUP, signal.SIGQUIT)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ignored}
    try:
        async with open_warm_sandbox() as opened:
            source = "import signal\nprint([int(signal.getsignal(number)) for number in (1, 3)])"
            ran = await Conversation(opened, program(source)).ran()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert ran.succeeded() == "[0, 0]\n"


async def test_a_signal_reaches_the_children_too(warm: Sandbox) -> None:
    source = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
child = os.fork()
print("ready" if child else "begun")
signal.sigwait({signal.SIGUSR1})
if child: os.wait()
print("parent" if child else "child")
"""
    async with talking(warm, program(source)) as talk:
        await talk.hear("ready")
        (await talk.sink()).signal(signal.SIGUSR1)
        await talk.hear("child")
        await talk.hear("parent")


async def test_no_signal_reaches_a_program_of_a_cold_cell(cold: Sandbox) -> None:
    async with talking(cold, program(ANSWERS)) as talk:
        (await talk.sink()).signal(signal.SIGTERM)
        await talk.say("still\n")
        await talk.hear("got still")


async def test_many_talk_at_once(sandbox: Sandbox) -> None:
    async def one(number: int) -> None:
        async with talking(sandbox, program(ANSWERS)) as talk:
            for word in "abc":
                await talk.say(f"{number}{word}\n")
                await talk.hear(f"got {number}{word}\n")

    await asyncio.gather(*map(one, range(6)))


async def test_a_pace_lets_a_seconds_worth_through_at_once() -> None:
    pace = Pace(1000)
    assert pace.pause_s(1000) < 0.1
    assert 0.8 < pace.pause_s(1000) <= 1.0
    assert 1.8 < pace.pause_s(1000) <= 2.0


async def test_a_flood_is_read_slowly_and_delays_nothing_else(sandbox: Sandbox) -> None:
    flood = program("import os\nwhile True: os.write(1, b'x' * 65_536)")
    talk = Conversation(sandbox, flood, output_bytes=MIB * 3 // 2)
    await talk.hear("x" * 1000)
    assert (await shell(sandbox, "echo beside")).succeeded() == "beside\n"
    assert not talk.task.done()
    verdict = (await talk.ran()).verdict
    assert verdict.stopped_by == "output_limit"
    assert verdict.wall_ms >= 450
