"""A program on a user's terminal: its keys, its window, Ctrl-C, leaving it and coming back; and pipes."""

import asyncio
import fcntl
import os
import re
import signal
import struct
import termios
from asyncio.subprocess import PIPE
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from headrace.local.supervisor import run_stack
from shared.domain.interaction import Interaction, TerminalSize
from shared.retry import poll
from tests.system.conftest import User, user_of
from tests.system.test_cli import ENVIRONMENT, HEADRACE, headrace, of
from tests.terminal import COLUMNS, CTRL_C, OnTerminal, on_terminal

pytestmark = [pytest.mark.timeout(150), pytest.mark.full]

AT_A_TIME = 10
"""Interactive jobs of one user that run."""
CTRL_RIGHT_BRACKET = b"\x1d"
ASKS = "name = input('name? ')\nprint('hello', name)\nraise SystemExit(7)\n"
INTERRUPTED = """\
try:
    input("go on? ")
except KeyboardInterrupt:
    print("stopped")
    raise SystemExit(5)
"""
WATCHES_ITS_WINDOW = """\
import os, signal
def show(*_):
    print("%d x %d" % os.get_terminal_size(), flush=True)
signal.signal(signal.SIGWINCH, show)
show()
input()
"""
PAGES = """\
import os, tty
tty.setraw(0)
page, key = 1, b""
os.write(1, b"page 1")
while (key := os.read(0, 1)) != b"q":
    page += key == b" "
    os.write(1, b"\\r" + (b"page %d" % page if key == b" " else b"key %d" % key[0]))
"""
INPUT_IS_ITSELF = "import sys\nprint(sys.stdin.isatty(), input())\n"
DOUBLES = "import sys\nfor line in sys.stdin:\n    print(2 * int(line), flush=True)\nprint('over')\n"


def command(user: User, *words: object) -> AbstractAsyncContextManager[OnTerminal]:
    """A command of the user on a terminal."""
    name, *rest = words
    return on_terminal(
        *(HEADRACE, name, "--user", user.name, *rest),
        environment={**ENVIRONMENT, "HEADRACE_DATA": str(user.stack.directory)},
    )


def made(directory: Path, code: str) -> Path:
    """A program in a file."""
    program = directory / "program.py"
    program.write_text(code)
    return program


async def only_job(user: User) -> str:
    """The id of the only job that the user has, once it is in the view."""
    page = await poll(
        lambda: user.client.jobs(limit=1), until=lambda page: bool(page.jobs), within_s=30, pause_s=0.05
    )
    return page.jobs[0].job_id


def modes(running: OnTerminal) -> list[Any]:
    """Those of the terminal, as its other end sees them."""
    return termios.tcgetattr(running.master)


async def test_keys_reach_the_program_and_its_exit_code_is_ours(alice: User, tmp_path: Path) -> None:
    program = made(tmp_path, ASKS)
    async with command(alice, "run", program) as running:
        before = modes(running)
        await running.until("name? ")
        assert modes(running) != before
        running.press("adéx\x7f\r".encode())
        assert await running.end() == 7
        assert modes(running) == before
    # Where the x was is a space.
    assert running.screen == ["name? adé ", "hello adé"]
    found = await alice.client.get(await only_job(alice))
    assert isinstance(found.interactive, Interaction)
    assert found.interactive.terminal == TerminalSize(columns=COLUMNS, rows=24)


async def test_ctrl_c_is_the_programs(alice: User, tmp_path: Path) -> None:
    program = made(tmp_path, INTERRUPTED)
    async with command(alice, "run", program) as running:
        await running.until("go on? ")
        running.press(CTRL_C)
        assert await running.end() == 5
    assert running.screen == ["go on? ^Cstopped"]


async def test_the_programs_window_is_as_large_as_ours(alice: User, tmp_path: Path) -> None:
    program = made(tmp_path, WATCHES_ITS_WINDOW)
    async with command(alice, "run", program) as running:
        await running.until(f"{COLUMNS} x 24")
        fcntl.ioctl(running.master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        await running.until("120 x 40")
        running.press(b"\r")
        assert await running.end() == 0


async def test_a_program_can_be_left_and_found_again(alice: User, tmp_path: Path) -> None:
    program = made(tmp_path, ASKS)
    async with command(alice, "run", program) as running:
        before = modes(running)
        await running.until("name? ")
        running.press(b"ad" + CTRL_RIGHT_BRACKET)
        assert await running.end() == 0
        assert modes(running) == before
    said = re.search(r"headrace attach (\S+)", running.written)
    assert said is not None
    async with command(alice, "attach", said[1]) as again:
        await again.until("name? ad")
        again.press(b"a\r")
        assert await again.end() == 7
    assert again.screen == ["name? ada", "hello ada"]
    # It has ended: what it printed is shown, and nothing is read.
    async with command(alice, "attach", said[1]) as late:
        assert await late.end() == 7
    assert late.screen == again.screen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_leaves_a_usable_terminal(alice: User, tmp_path: Path, number: int) -> None:
    program = made(tmp_path, ASKS)
    async with command(alice, "run", program) as running:
        before = modes(running)
        await running.until("name? ")
        os.kill(running.process.pid, number)
        assert await running.end() == -number
        assert modes(running) == before
    await alice.client.cancel(await only_job(alice))


async def test_a_pager_reads_single_keys(alice: User, tmp_path: Path) -> None:
    program = made(tmp_path, PAGES)
    async with command(alice, "run", program) as running:
        await running.until("page 1")
        for page in (2, 3):
            running.press(b" ")
            await running.until(f"page {page}")
        running.press(CTRL_C)
        await running.until("key 3")
        running.press(b"q")
        assert await running.end() == 0


@pytest.mark.parametrize("killed", [("notifier",), ("api", "notifier", "executor")], ids=["one", "all"])
async def test_a_killed_service_leaves_a_usable_terminal(tmp_path: Path, killed: tuple[str, ...]) -> None:
    program = made(tmp_path, ASKS)
    async with (
        run_stack(tmp_path / "data") as stack,
        user_of(stack) as user,
        command(user, "run", program) as running,
    ):
        before = modes(running)
        await running.until("name? ")
        for name in killed:
            stack.services[name].process.kill()
        running.press(CTRL_RIGHT_BRACKET)
        assert await running.end() == 0
        assert modes(running) == before


async def test_ctrl_c_before_the_start_cancels_the_job(alice: User, tmp_path: Path) -> None:
    program = made(tmp_path, ASKS)
    waits = {"language": "bash", "code": "read", "interactive": True}
    earlier = [item.job for item in await alice.client.submit_all([waits] * AT_A_TIME)]
    async with command(alice, "run", program) as running:
        before = modes(running)
        await running.until("queued")
        running.press(CTRL_C)
        assert await running.end() == 130
        assert modes(running) == before
    assert running.screen == [f"headrace: cancelled: {alice.name}"]
    for job in earlier:
        assert job is not None
        await alice.client.cancel(job.job_id)


async def test_a_stack_of_the_commands_own_ends_with_it(tmp_path: Path) -> None:
    program = made(tmp_path, ASKS)
    words = (HEADRACE, "run", program)
    async with on_terminal(*words, environment=ENVIRONMENT, cwd=tmp_path) as running:
        before = modes(running)
        await running.until("name? ")
        running.press(CTRL_RIGHT_BRACKET)
        assert await running.end() == 130
        assert modes(running) == before
    assert "the stack ends with this command, and the program with it\r\n" in running.written


async def test_pipes_are_passed_on_as_they_come(alice: User, tmp_path: Path) -> None:
    program = made(tmp_path, DOUBLES)
    process = await asyncio.create_subprocess_exec(
        *(HEADRACE, "run", "--user", alice.name, "--interactive", program),
        stdin=PIPE,
        stdout=PIPE,
        env={**ENVIRONMENT, "HEADRACE_DATA": str(alice.stack.directory)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for number in (21, 4):
        process.stdin.write(b"%d\n" % number)
        assert await process.stdout.readline() == b"%d\n" % (2 * number)
    process.stdin.close()
    assert await process.stdout.read() == b"over\n"
    assert await process.wait() == 0


async def test_another_job_cannot_be_talked_with(alice: User) -> None:
    job = await alice.client.submit({"language": "python", "code": "print(1)"})
    refused = await of(alice, "attach", job.job_id)
    assert refused.code == 2
    assert refused.stderr.decode() == (
        f"headrace: {job.job_id} is not interactive: `headrace logs -f {job.job_id}` shows what it prints\n"
    )


async def test_input_that_is_given_beforehand_makes_no_conversation(alice: User, tmp_path: Path) -> None:
    program = made(tmp_path, INPUT_IS_ITSELF)
    async with command(alice, "run", "--stdin", program, program) as running:
        assert await running.end() == 0
    assert running.screen == ["False import sys"]


async def test_much_input_waits_until_the_program_reads(alice: User, tmp_path: Path) -> None:
    program = made(tmp_path, "import sys\nprint(len(sys.stdin.read()))\n")
    ended = await headrace(
        *("run", "--data", alice.stack.directory, "--user", alice.name, "--interactive", program),
        stdin=b"a line\n" * 40_000,
    )
    assert (ended.code, ended.stdout, ended.stderr) == (0, b"280000\n", b"")
    job = await only_job(alice)
    shown = (await of(alice, "get", job)).stdout.decode()
    assert "interactive\tpipes\n" in shown
    assert "input_bytes\t280000\n" in shown


async def test_too_much_input_cancels_the_job(alice: User, tmp_path: Path) -> None:
    program = made(tmp_path, "import sys\nprint(len(sys.stdin.read()))\n")
    ended = await headrace(
        *("run", "--data", alice.stack.directory, "--user", alice.name, "--interactive", program),
        stdin=b"a line\n" * 160_000,
    )
    assert (ended.code, ended.stdout) == (2, b"")
    assert b"1048576" in ended.stderr
    assert (await alice.client.result(await only_job(alice))).status == "cancelled"


async def test_the_end_of_a_long_output_is_kept(alice: User) -> None:
    code = "for number in range(400_000):\n    print('line', number)\n"
    async with alice.client.interact({"language": "python", "code": code}) as conversation:
        live = b"".join([piece async for piece in conversation.output()])
    expected = "".join(f"line {number}\n" for number in range(400_000)).encode()
    assert live == expected
    logs = await of(alice, "logs", conversation.job.job_id)
    said = re.fullmatch(rb"headrace: ([0-9]+) bytes of the output are not kept here\n", logs.stderr)
    assert said is not None
    assert len(logs.stdout) + int(said[1]) == len(expected)
    assert logs.stdout.startswith(b"line 0\n")
    assert logs.stdout.endswith(b"line 399999\n")
