"""Long waits speak on a terminal's standard error, are gone without a trace, and never reach a pipe."""

import json
import os
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from headrace.local.supervisor import Stack
from tests.system.conftest import User, user_of
from tests.system.test_cli import ENVIRONMENT, HEADRACE, Ended, headrace
from tests.system.test_cli_refusals import UP
from tests.terminal import CTRL_C, OnTerminal, on_terminal

pytestmark = [pytest.mark.timeout(150), pytest.mark.full]

SLOW = "sleep 3; printf first; sleep 1; echo ' last'; echo aside >&2; exit 3"
LONG_MS = 60_000
ENDLESS = {"language": "bash", "code": "sleep 600", "limits": {"wall_ms": LONG_MS}}
SLOW_TO_COMPILE = """\
#include <iostream>
#include <regex>
int main() {
    std::cout << std::regex_match("a", std::regex("[a-z]+")) << std::endl;
}
"""
AT_ONCE = os.cpu_count() or 1
"""As many jobs of the owner may run at a time."""
RUN = ("run", "--no-interactive")
"""Its input is the same on a terminal as elsewhere."""
FORCED = {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1"}
"""All that makes other programs take a pipe for a terminal."""


@pytest_asyncio.fixture(loop_scope="session")
async def waits(shared_stack: Stack) -> AsyncIterator[User]:
    """One who has nothing unfinished."""
    async with user_of(shared_stack, concurrency=AT_ONCE) as user:
        yield user


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    program = tmp_path / "slow.sh"
    program.write_text(SLOW)
    return program


def command(
    user: User, *words: object, stdout: int | None = None, **settings: str
) -> AbstractAsyncContextManager[OnTerminal]:
    """A command of the user on a terminal."""
    place = {"HEADRACE_DATA": str(user.stack.directory)}
    name, *rest = words
    return on_terminal(
        *(HEADRACE, name, "--user", user.name, *rest),
        environment={**ENVIRONMENT, **place, **settings},
        stdout=stdout,
    )


async def piped(user: User, *words: object, **settings: str) -> Ended:
    """The same into pipes."""
    name, *rest = words
    place = {"HEADRACE_DATA": str(user.stack.directory)}
    return await headrace(name, "--user", user.name, *rest, settings={**place, **settings})


@asynccontextmanager
async def earlier_jobs(user: User, count: int) -> AsyncIterator[list[str]]:
    """So many that do not end by themselves."""
    jobs = [(await user.client.submit(ENDLESS)).job_id for _ in range(count)]
    try:
        yield jobs
    finally:
        for job in reversed(jobs):
            if not (await user.client.get(job)).is_finished:
                await user.client.cancel(job)
                await user.client.result(job)


async def newest_but(user: User, known: list[str]) -> str:
    """The user's newest job, when lists have one that is none of these."""
    while (job := (await user.client.jobs(limit=1)).jobs[0].job_id) in known:
        pass
    return job


async def test_run_says_that_it_runs_until_the_program_prints(waits: User, slow: Path) -> None:
    async with command(waits, *RUN, slow) as running:
        await running.until("running 1 s")
        assert await running.end() == 3
        assert running.screen == ["first last", "aside"]
    # From its first byte on all that stands there is the program's, even while it says nothing more.
    assert running.written.partition("first")[2] == " last\r\naside\r\n"
    assert "\x1b[?25h" in running.written


@pytest.mark.full
async def test_what_the_program_prints_is_whole_elsewhere(waits: User, slow: Path) -> None:
    async with command(waits, *RUN, slow, stdout=PIPE) as running:
        await running.until("running")
        assert running.process.stdout is not None
        assert await running.process.stdout.read() == b"first last\n"
        assert await running.end() == 3
    assert running.screen == ["aside"]


@pytest.mark.full
async def test_run_says_that_it_compiles(waits: User, tmp_path: Path) -> None:
    program = tmp_path / "slow.cpp"
    program.write_text(SLOW_TO_COMPILE)
    async with command(waits, *RUN, "--wall-ms", LONG_MS, program) as running:
        await running.until("compiling")
        assert await running.end() == 0, running.written
    assert running.screen == ["1"]


@pytest.mark.full
async def test_run_and_wait_say_behind_how_many_jobs_they_wait(waits: User, slow: Path) -> None:
    async with earlier_jobs(waits, AT_ONCE + 1) as jobs, command(waits, *RUN, slow) as running:
        await running.until(f"queued behind {AT_ONCE + 1} earlier jobs of yours")
        queued = await newest_but(waits, jobs)
        async with command(waits, "wait", queued) as waiting:
            for both in (waiting, running):
                await both.until(f"queued behind {AT_ONCE + 1} earlier jobs of yours")
            await waits.client.cancel(jobs.pop())
            for both in (waiting, running):
                await both.until(f"queued behind {AT_ONCE} earlier job")
            for job in jobs:
                await waits.client.cancel(job)
            for both in (waiting, running):
                await both.until("running")
                assert await both.end() == 3
        assert running.screen == ["first last", "aside"]
        assert waiting.screen == []


async def test_submit_says_behind_how_many_jobs_it_waits(waits: User, slow: Path) -> None:
    said = f"headrace: queued behind {AT_ONCE} earlier job{'s' * (AT_ONCE > 1)} of yours"
    async with earlier_jobs(waits, AT_ONCE) as jobs:
        for options, expected in (([], [said]), (["--json"], [])):
            async with command(waits, "submit", *options, slow, stdout=PIPE) as submitting:
                assert submitting.process.stdout is not None
                submitted = (await submitting.process.stdout.read()).decode()
                assert await submitting.end() == 0
            assert submitting.screen == expected
            await waits.client.cancel(json.loads(submitted)["job_id"] if options else submitted.strip())
        unsaid = await piped(waits, "submit", slow, **FORCED)
        assert (unsaid.code, unsaid.stderr) == (0, b"")
        jobs.append(unsaid.stdout.decode().strip())
    async with command(waits, "submit", slow, stdout=PIPE) as alone:
        assert await alone.end() == 0
    # Its turn has come: there is nothing to say.
    assert alone.written == ""


async def test_a_pipe_gets_nothing(waits: User, slow: Path) -> None:
    ended = await piped(waits, "run", slow, **FORCED)
    assert (ended.code, ended.stdout, ended.stderr) == (3, b"first last\n", b"aside\n")
    async with earlier_jobs(waits, 1) as (job,):
        late = await piped(waits, "wait", "--timeout-s", "2", job, **FORCED)
    assert (late.code, late.stdout, late.stderr) == (2, b"", f"headrace: {job} did not end in 2 s\n".encode())


@pytest.mark.full
@pytest.mark.parametrize(("options", "settings"), [(["--json"], {}), ([], {"TERM": "dumb"})])
async def test_a_terminal_that_is_to_be_left_alone_is(
    waits: User, slow: Path, options: list[str], settings: dict[str, str]
) -> None:
    async with command(waits, *RUN, *options, slow, stdout=PIPE, **settings) as running:
        assert await running.end() == 3
    assert running.written == ("" if options else "aside\r\n")
    async with earlier_jobs(waits, 1) as (job,):
        words = ("wait", *options, "--timeout-s", "2", job)
        async with command(waits, *words, stdout=PIPE, **settings) as waiting:
            assert await waiting.end() == 2
    late = f"{job} did not end in 2 s"
    assert waiting.written == (f'{{"error":"{late}"}}\r\n' if options else f"headrace: {late}\r\n")


@pytest.mark.full
@pytest.mark.parametrize("words", [["run"], ["wait"]])
async def test_ctrl_c_leaves_a_clean_line(waits: User, tmp_path: Path, words: list[str]) -> None:
    program = tmp_path / "endless.sh"
    program.write_text("sleep 600")
    if words == ["run"]:
        words = [*RUN, "--wall-ms", str(LONG_MS), str(program)]
    else:
        words = ["wait", (await waits.client.submit(ENDLESS)).job_id]
    async with command(waits, *words) as running:
        await running.until("running")
        running.press(CTRL_C)
        assert await running.end() == 130
    if words[0] == "wait":
        await waits.client.cancel(words[1])
    assert "^C" in running.written
    assert running.screen == ([f"headrace: cancelled: {waits.name}"] if words[0] == "run" else [])
    assert running.written.rindex("\x1b[?25h") > running.written.rindex("\x1b[?25l")


@pytest.mark.full
async def test_run_says_that_it_starts_a_stack(tmp_path: Path, slow: Path) -> None:
    (tmp_path / "empty").mkdir()
    async with on_terminal(HEADRACE, *RUN, slow, environment=ENVIRONMENT, cwd=tmp_path / "empty") as running:
        await running.until("starting a stack")
        await running.until("running")
        assert await running.end() == 3
    assert running.screen == ["first last", "aside"]


@pytest.mark.full
async def test_ctrl_c_while_a_stack_starts_leaves_a_clean_line(tmp_path: Path, slow: Path) -> None:
    async with on_terminal(HEADRACE, *RUN, slow, environment=ENVIRONMENT, cwd=tmp_path) as running:
        await running.until("starting a stack")
        running.press(CTRL_C)
        assert await running.end() == 130
    assert running.screen == []


@pytest.mark.full
async def test_the_demo_says_that_it_starts_a_stack(tmp_path: Path) -> None:
    async with on_terminal(HEADRACE, "demo", environment=ENVIRONMENT, cwd=tmp_path, stdout=PIPE) as running:
        await running.until("starting a stack")
        assert running.process.stdout is not None
        assert b"replay identical" in await running.process.stdout.read()
        assert await running.end() == 0
    assert running.screen == []


@pytest.mark.full
@pytest.mark.parametrize("options", [[], ["--json"]])
async def test_up_says_that_it_starts_a_stack(tmp_path: Path, options: list[str]) -> None:
    words = (HEADRACE, *UP, *options, "--data", tmp_path / "data")
    async with on_terminal(*words, environment=ENVIRONMENT, stdout=PIPE) as running:
        assert running.process.stdout is not None
        assert b"http" in await running.process.stdout.readline()
        assert (await headrace("down", "--data", tmp_path / "data")).code == 0
        assert await running.end() == 0
    assert running.screen == []
    assert ("starting a stack" in running.written) == (not options)
