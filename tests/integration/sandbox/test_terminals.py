"""Programs that run in a terminal."""

import hashlib
import signal

import pytest

from services.executor.sandbox.interface import RejectedError, Sandbox, Stage
from shared.domain.events import Limits
from tests.hosts import needs_cc, needs_node
from tests.integration.sandbox.cells import (
    MIB,
    Conversation,
    c_program,
    program,
    python,
    shell,
    stage,
    talking,
)

SIZE = (80, 24)
MIDDLE = pytest.param(100, marks=pytest.mark.full)


async def test_a_cold_cell_has_none(cold: Sandbox) -> None:
    with pytest.raises(RejectedError, match="terminals"):
        await Conversation(cold, program("print(42)"), terminal=SIZE).ran()


async def test_all_three_descriptors_are_one_terminal_of_the_programs_session(warm: Sandbox) -> None:
    source = """
import os
me = os.getpid()
fields = open("/proc/self/stat").read().rpartition(")")[2].split()
print([os.isatty(number) for number in range(3)], {os.ttyname(number) for number in range(3)})
print(os.getsid(0) == me, os.tcgetpgrp(0) == me, int(fields[4]) == os.fstat(0).st_rdev, sorted(os.listdir("/proc/self/fd")))
print(os.get_terminal_size(), sorted(os.listdir("/dev/pts")))
os.write(2, b"errors\\n")
open("/dev/tty", "w").write("by name\\n")
"""  # noqa: E501 - a program
    ran = await Conversation(warm, program(source), terminal=(132, 43)).ran()
    assert ran.succeeded().splitlines() == [
        "[True, True, True] {'/dev/pts/0'}",
        "True True True ['0', '1', '2', '3']",
        "os.terminal_size(columns=132, lines=43) ['0', 'ptmx']",
        "errors",
        "by name",
    ]
    assert ran.stderr == ""
    assert ran.verdict.stderr_bytes == 0


async def test_its_size_changes_and_the_program_is_told(warm: Sandbox) -> None:
    source = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGWINCH})
print("ready")
while True:
    signal.sigwait({signal.SIGWINCH})
    print(*os.get_terminal_size())
"""
    async with talking(warm, program(source), terminal=SIZE) as talk:
        await talk.hear("ready")
        for columns, rows in ((100, 30), (1, 1), (65535, 65535)):
            (await talk.sink()).resize(columns, rows)
            await talk.hear(f"{columns} {rows}\r\n")


@pytest.mark.parametrize("imports", ["sys", pytest.param("readline", marks=pytest.mark.full)])
async def test_a_question_is_seen_before_its_answer(warm: Sandbox, imports: str) -> None:
    source = f"import {imports}\nname = input('name? ')\nprint('hello', name)"
    async with talking(warm, program(source), terminal=SIZE) as talk:
        await talk.hear("name? ")
        await talk.say("ann\n")
        await talk.hear("ann\r\n")
        await talk.hear("hello ann\r\n")
        (await talk.ran()).succeeded()


@needs_cc
async def test_a_c_program_prints_a_question_without_a_newline(warm: Sandbox) -> None:
    source = r"""
#include <stdio.h>
int main(void) { char name[20]; printf("name? "); scanf("%19s", name); printf("hello %s\n", name); }
"""
    async with talking(warm, await c_program(warm, source), terminal=SIZE) as talk:
        await talk.hear("name? ")
        await talk.say("bob\n")
        await talk.hear("hello bob\r\n")


@needs_node
@pytest.mark.full
async def test_node_talks_in_a_terminal(warm: Sandbox) -> None:
    source = """
const lines = require("readline").createInterface({ input: process.stdin, output: process.stdout });
lines.question("name? ", (name) => { console.log("hello", name, process.stdout.columns); lines.close(); });
"""
    asked = stage(
        "node", "/work/main.js", files={"main.js": source.encode()}, limits=Limits(memory_bytes=512 * MIB)
    )
    async with talking(warm, asked, terminal=SIZE) as talk:
        await talk.hear("name? ")
        await talk.say("ann\r")
        await talk.hear("hello ann 80\r\n")
        (await talk.ran()).succeeded()


async def test_bash_has_no_complaint(warm: Sandbox) -> None:
    asked = stage("bash", "-i", env={"TERM": "xterm-256color", "PS1": "prompt "})
    async with talking(warm, asked, terminal=SIZE) as talk:
        await talk.hear("prompt ")
        await talk.say("echo ready; cat\n")
        # bash has given the terminal back by then.
        await talk.hear("ready\r\n")
        await talk.say("seen\n")
        for _ in ("by the terminal", "by cat"):
            await talk.hear("seen\r\n")
        (await talk.sink()).signal(signal.SIGINT)
        await talk.hear("prompt ")
        await talk.say("echo $((6 * 7))\n")
        await talk.hear("42\r\n")
        await talk.say("exit 3\n")
        ran = await talk.ran()
    assert ran.verdict.exit_code == 3
    assert "job control" not in ran.stdout


async def test_a_line_is_edited_before_it_is_read(warm: Sandbox) -> None:
    async with talking(warm, program("print('got', [input() for _ in range(2)])"), terminal=SIZE) as talk:
        await talk.say(b"ab\x7fc\n")
        await talk.say(b"all\x15none\n")
        await talk.hear("got ['ac', 'none']")


WAITS = "print('ready')\ninput()"


async def test_the_interrupt_character_ends_a_program(warm: Sandbox) -> None:
    source = "import time\nprint('ready')\nwhile True: time.sleep(0.01)"
    async with talking(warm, program(source), terminal=SIZE) as talk:
        await talk.hear("ready")
        await talk.say(b"\x03")
        ran = await talk.ran()
    assert (ran.verdict.signal, ran.verdict.stopped_by) == (signal.SIGINT, None)
    assert "KeyboardInterrupt" in ran.stdout


FOREGROUND = """
import os, signal
signal.signal(signal.SIGINT, lambda *_: os.write(1, b"parent"))
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
child = os.fork()
if child == 0:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    print("ready")
    signal.sigwait({signal.SIGINT})
    os.write(1, b"child")
    os._exit(0)
os.wait()
os.tcsetpgrp(0, os.getpid())
print("over")
"""


async def test_an_interrupt_reaches_the_job_in_the_foreground(warm: Sandbox) -> None:
    async with talking(warm, program(FOREGROUND), terminal=SIZE) as talk:
        await talk.hear("ready")
        (await talk.sink()).signal(signal.SIGINT)
        said = await talk.hear("over")
        (await talk.ran()).succeeded()
    assert "child" in said
    assert "parent" not in said


@pytest.mark.parametrize(
    ("pieces", "read"),
    [
        pytest.param([], "", id="nothing"),
        pytest.param([b"line\n"], "line\n", id="a whole line"),
        pytest.param([b"line\nbegun"], "line\nbegun", id="a begun line"),
        pytest.param([b"line\r"], "line\n", id="a line ended by the enter key"),
        pytest.param([b"begun", b"\x04"], "begun", id="a begun line that was sent"),
    ],
)
async def test_input_ends(warm: Sandbox, pieces: list[bytes], read: str) -> None:
    source = "import sys\nprint('ready')\nprint('got', [sys.stdin.read()])\nprint('more', list(sys.stdin))"
    async with talking(warm, program(source), terminal=SIZE) as talk:
        await talk.hear("ready\r\n")
        for piece in pieces:
            await talk.say(piece)
        (await talk.sink()).end()
        await talk.hear(f"got {[read]}\r\n")
        # It has ended for good.
        await talk.say("after\n")
        await talk.hear("more []")


async def test_lines_are_read_up_to_the_end_of_a_begun_one(warm: Sandbox) -> None:
    source = "import sys\nprint('ready')\nprint('got', list(sys.stdin))"
    async with talking(warm, program(source), terminal=SIZE) as talk:
        await talk.hear("ready\r\n")
        await talk.say(b"line\nbegun")
        (await talk.sink()).end()
        await talk.hear("got ['line\\n', 'begun']\r\n")


async def test_a_program_may_read_every_key(warm: Sandbox) -> None:
    source = """
import os, tty
tty.setraw(0)
os.write(1, b"ready")
keys = []
while keys[-2:] != [b"q", b"\\x04"]:
    keys.append(os.read(0, 1))
    os.write(1, b"key %d " % keys[-1][0])
"""
    async with talking(warm, program(source), terminal=SIZE) as talk:
        await talk.hear("ready")
        for key in (3, 4, 13, 10, 26, 28, 127, 0, 255, ord("q")):
            await talk.say(bytes([key]))
            await talk.hear(f"key {key} ")
        (await talk.sink()).end()
        (await talk.ran()).succeeded()


@pytest.mark.parametrize("secret", [True, False])
async def test_a_password_that_is_asked_for_is_not_echoed(warm: Sandbox, secret: bool) -> None:
    source = "import getpass\nprint('got', len(getpass.getpass('password: ')))\nprint(input('name? '))"
    async with talking(warm, program(source), terminal=SIZE) as talk:
        await talk.hear("password: ")
        await talk.say("5up3r\n", secret=secret)
        await talk.hear("got 5\r\n")
        await talk.hear("name? ")
        await talk.say("ann\n")
        await talk.hear("ann\r\nann\r\n")
        ran = await talk.ran()
    assert "5up3r" not in ran.succeeded()


async def test_a_secret_is_not_echoed_and_what_follows_is(warm: Sandbox) -> None:
    source = "for _ in range(50): print('got', len(input('? ')))\nprint(input())"
    async with talking(warm, program(source), terminal=SIZE) as talk:
        for number in range(50):
            await talk.hear("? ")
            word = "5up3r" if number % 2 else "plain"
            await talk.say(f"{word}\n", secret=bool(number % 2))
            assert await talk.hear("got 5") == ("\r\n" if number % 2 else "plain\r\n").lstrip("\r\n")
        await talk.say("5up", secret=True)
        await talk.say("3r\n", secret=True)
        ran = await talk.ran()
    assert ran.succeeded().count("5up3r") == 1


async def test_a_secret_is_not_echoed_while_the_program_reads_nothing(warm: Sandbox) -> None:
    source = """
import signal, sys, termios
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print("ready")
signal.sigwait({signal.SIGUSR1})
print("got", [len(sys.stdin.readline()) for _ in range(30)])
while not termios.tcgetattr(0)[3] & termios.ECHO: pass
print("echoes")
input()
"""
    async with talking(warm, program(source), terminal=SIZE) as talk:
        await talk.hear("ready")
        for number in range(30):
            await talk.say(("5" * 500 if number % 3 else "p" * 500) + "\n", secret=bool(number % 3))
        (await talk.sink()).signal(signal.SIGUSR1)
        await talk.hear(f"got {[501] * 30}")
        await talk.hear("echoes")
        await talk.say("seen\n")
        await talk.hear("seen")
        ran = await talk.ran()
    assert "55" not in ran.succeeded()


async def test_a_line_longer_than_a_terminal_takes_is_cut(warm: Sandbox) -> None:
    """As the kernel does it; nothing hangs."""
    source = """
print('ready')
while (line := input()) != 'short': print('got', 0 < len(line) < 4096)
print('over')
"""
    async with talking(warm, program(source), terminal=SIZE) as talk:
        await talk.hear("ready")
        await talk.say("x" * 20_000 + "\n")
        await talk.hear("got True")
        await talk.say("\nshort\n")
        await talk.hear("over\r\n")


@pytest.mark.parametrize("raw", [False, True])
async def test_what_waits_for_its_reader_is_neither_lost_nor_out_of_order(warm: Sandbox, raw: bool) -> None:
    source = f"""
import hashlib, os, signal, sys, termios, tty
modes = termios.tcgetattr(0)
modes[3] &= ~termios.ECHO
termios.tcsetattr(0, termios.TCSANOW, modes)
if {raw}: tty.setraw(0)
signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGUSR1}})
os.write(1, b"ready")
signal.sigwait({{signal.SIGUSR1}})
seen, left = hashlib.sha256(), {MIB}
while left:
    piece = os.read(0, left)
    left -= len(piece)
    seen.update(piece)
os.write(1, seen.hexdigest().encode())
"""
    content = b"".join(b"%015d\n" % number for number in range(MIB // 16))
    async with talking(warm, program(source), terminal=SIZE) as talk:
        await talk.hear("ready")
        await talk.say(content)
        (await talk.sink()).signal(signal.SIGUSR1)
        await talk.hear(hashlib.sha256(content).hexdigest())
        (await talk.ran()).succeeded()


@pytest.mark.parametrize("times", [10, MIDDLE])
@pytest.mark.parametrize("size", [7_000, 60_000])
async def test_all_is_there_that_was_written_before_a_quick_exit(
    warm: Sandbox, times: int, size: int
) -> None:
    source = f"""
import os
left = b"x" * {size}
while left: left = left[os.write(1, left):]
os._exit(0)
"""
    for _ in range(times):
        ran = await Conversation(warm, program(source), terminal=SIZE).ran()
        assert len(ran.succeeded()) == ran.verdict.stdout_bytes == size


async def test_a_child_that_keeps_the_terminal_does_not_hold_the_job(warm: Sandbox) -> None:
    source = """
import os, signal, time
for number in range(4):
    if os.fork() == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if number % 2: os.setsid()
        time.sleep(3600)
print("parent done")
"""
    ran = await Conversation(warm, program(source), terminal=SIZE).ran()
    assert ran.succeeded() == "parent done\r\n"
    assert ran.verdict.wall_ms < 8_000


async def test_a_program_that_is_killed(warm: Sandbox) -> None:
    source = "import os\nprint('said')\nos.kill(os.getpid(), 9)"
    ran = await Conversation(warm, program(source), terminal=SIZE).ran()
    assert (ran.verdict.signal, ran.verdict.stopped_by, ran.stdout) == (signal.SIGKILL, None, "said\r\n")


async def test_a_terminal_may_be_closed_and_opened_again(warm: Sandbox) -> None:
    source = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print("before")
for number in range(3): os.close(number)
signal.sigwait({signal.SIGUSR1})
for _ in range(1000): os.close(os.open("/dev/tty", os.O_RDWR))
assert os.open("/dev/tty", os.O_RDWR) == 0
os.dup2(0, 1), os.dup2(0, 2)
print("after")
print("got", input())
"""
    async with talking(warm, program(source), terminal=SIZE) as talk:
        await talk.hear("before")
        # Long enough for what reads and writes the terminal to notice.
        (await python(warm, "print(42)")).succeeded()
        await talk.say("line\n")
        (await talk.sink()).signal(signal.SIGUSR1)
        await talk.hear("after")
        await talk.hear("got line")
        (await talk.ran()).succeeded()


async def test_limits_and_stop_end_it(warm: Sandbox) -> None:
    limits = Limits(wall_ms=400)
    ran = await Conversation(warm, program(WAITS, limits=limits), terminal=SIZE).ran()
    assert ran.verdict.stopped_by == "wall_time"
    ran = await Conversation(warm, program(WAITS), terminal=SIZE, idle_s=0.3).ran()
    assert ran.verdict.stopped_by == "idle"
    flood = program("import os\nwhile True: os.write(1, b'x' * 1000)")
    ran = await Conversation(warm, flood, terminal=SIZE, output_bytes=10_000).ran()
    assert (ran.verdict.stopped_by, len(ran.stdout)) == ("output_limit", 10_000)
    async with talking(warm, program(WAITS), terminal=SIZE) as talk:
        await talk.hear("ready")
        talk.stop.set()
        assert (await talk.ran()).verdict.stopped_by == "stopped"


async def test_a_flood_is_read_slowly_and_delays_nothing_else(warm: Sandbox) -> None:
    flood = program("import os\nwhile True: os.write(1, b'x' * 65_536)")
    talk = Conversation(warm, flood, terminal=SIZE, output_bytes=MIB * 3 // 2)
    await talk.hear("x" * 1000)
    assert (await shell(warm, "echo beside")).succeeded() == "beside\n"
    assert not talk.task.done()
    verdict = (await talk.ran()).verdict
    assert verdict.stopped_by == "output_limit"
    assert verdict.wall_ms >= 450


async def test_the_last_files_are_collected(warm: Sandbox) -> None:
    """As of a program without a terminal."""
    made = program("open('/work/made', 'w').write('it')")
    asked = Stage(
        **{**{name: getattr(made, name) for name in made.__dataclass_fields__}, "artifacts": ("made",)}
    )
    ran = await Conversation(warm, asked, terminal=SIZE).ran()
    assert [file.content for file in ran.verdict.artifacts] == [b"it"]
    assert (await python(warm, "import os; print(os.listdir('/dev/pts'))")).succeeded() == "['ptmx']\n"
