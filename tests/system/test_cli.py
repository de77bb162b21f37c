"""The command line as a user types it: real processes, real exit codes, real Ctrl-C."""

import asyncio
import contextlib
import json
import os
import signal
import sysconfig
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jwt
import pytest

from headrace.local.supervisor import Stack
from tests.system.conftest import User

HEADRACE = Path(sysconfig.get_path("scripts")) / "headrace"
# asyncio's debug mode writes on standard error, where a program's own words are expected.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith("HEADRACE_") and name != "PYTHONASYNCIODEBUG"
}

pytestmark = pytest.mark.timeout(150)


@dataclass(frozen=True)
class Ended:
    """What a command left."""

    code: int | None
    stdout: bytes
    stderr: bytes

    def json(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.stdout)

    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.stdout.splitlines()]


async def headrace(
    *arguments: object,
    stdin: bytes = b"",
    cwd: Path | None = None,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Ended:
    process = await asyncio.create_subprocess_exec(
        HEADRACE,
        *map(str, arguments),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=cwd,
        env={**ENVIRONMENT, **settings},
    )
    stdout, stderr = await process.communicate(stdin)
    return Ended(process.returncode, stdout, stderr)


@dataclass(frozen=True)
class Up:
    """A running `headrace up`."""

    process: Process
    data: Path
    said: list[str]

    async def call(self, *arguments: object, stdin: bytes = b"") -> Ended:
        return await headrace(*arguments, stdin=stdin, settings={"HEADRACE_DATA": str(self.data)})


@contextlib.asynccontextmanager
async def running_up(data: Path, **settings: str) -> AsyncIterator[Up]:
    process = await asyncio.create_subprocess_exec(
        HEADRACE,
        "up",
        "--data",
        data,
        "--api-port",
        "0",
        "--notifier-port",
        "0",
        stdout=PIPE,
        stderr=PIPE if settings else None,
        env={**ENVIRONMENT, **settings},
    )
    assert process.stdout is not None
    said = [(await process.stdout.readline()).decode() for _ in range(3)]
    try:
        yield Up(process, data, said)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[Up]:
    async with running_up(tmp_path / "data") as running:
        yield running


async def of(user: User, command: str, *words: object) -> Ended:
    """A command of that user."""
    return await headrace(command, "--data", user.stack.directory, "--user", user.name, *words)


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def kill_and_wait_for_its_processes(up: Up) -> None:
    """Kill the supervisor alone. Returns when everything that it had started has ended too."""
    pidfds = [os.pidfd_open(pid) for pid in children(up.process.pid)]
    assert len(pidfds) == 5
    up.process.kill()
    loop = asyncio.get_running_loop()
    for pidfd in pidfds:
        ended = asyncio.Event()
        loop.add_reader(pidfd, ended.set)
        async with asyncio.timeout(30):
            await ended.wait()
        loop.remove_reader(pidfd)
        os.close(pidfd)


@pytest.mark.full
async def test_nothing_outlives_a_killed_supervisor(up: Up) -> None:
    await kill_and_wait_for_its_processes(up)


@pytest.mark.full
@pytest.mark.parametrize(
    "told_to_end",
    [
        pytest.param(signal.SIGINT, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, id="SIGTERM"),
    ],
)
async def test_up_leaves_no_process_behind_and_what_was_accepted_is_there_again(
    tmp_path: Path, told_to_end: signal.Signals
) -> None:
    """The second stack is killed, so that one is in the small tier without a stack more."""
    data = tmp_path / "data"
    program = tmp_path / "hello.py"
    program.write_text("print('kept')")
    async with running_up(data) as first:
        assert [line.split()[0] for line in first.said] == ["api", "websocket", "token"]
        processes = children(first.process.pid)
        assert len(processes) == 5
        job = (await first.call("submit", "--json", program)).json()
        await first.call("events", job["job_id"], "--follow")
        first.process.send_signal(told_to_end)
        assert await first.process.wait() == 0
        assert not any(alive(pid) for pid in processes)
        assert not (data / "stack.json").exists()
    async with running_up(data) as second:
        kept = (await second.call("get", job["job_id"], "--json")).json()
        assert kept["result"]["stdout"]["content"] == "kept\n"
        await kill_and_wait_for_its_processes(second)


@pytest.mark.full
async def test_one_directory_has_one_stack(shared_stack: Stack) -> None:
    second = await headrace("up", "--data", shared_stack.directory, "--api-port", "0", "--notifier-port", "0")
    assert second.code == 2
    assert b"runs already" in second.stderr


async def test_secrets_are_their_owners_alone(shared_stack: Stack) -> None:
    assert (shared_stack.directory / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert shared_stack.directory.stat().st_mode & 0o077 == 0
    assert (shared_stack.directory / "nats" / "nats.conf").stat().st_mode & 0o777 == 0o600


async def test_every_command_against_a_running_stack(alice: User, tmp_path: Path) -> None:
    program = tmp_path / "slow.sh"
    program.write_text("echo begun; sleep 60")
    submit = ("submit", "--json", "--key", "k1", "--wall-ms", "60000")
    job = (await of(alice, *submit, program)).json()
    again = (await of(alice, *submit, program)).json()
    assert again["job_id"] == job["job_id"]
    assert (await of(alice, "cancel", job["job_id"], "--json")).code == 0
    events = (await of(alice, "events", job["job_id"], "--follow", "--json")).lines()
    assert events[0]["type"] == "job.queued.v1"
    assert events[-1]["type"] == "job.cancelled.v1"
    stored = (await of(alice, "events", job["job_id"], "--json")).lines()
    assert [event["seq"] for event in stored] == [event["seq"] for event in events if "seq" in event]
    replayed = (await of(alice, "replay", "--json")).lines()
    assert [event["seq"] for event in replayed] == [event["seq"] for event in stored]
    listed = (await of(alice, "ls", "--json")).json()
    assert [one["job_id"] for one in listed["jobs"]] == [job["job_id"]]
    assert (await of(alice, "get", job["job_id"], "--json")).json()["status"] == "cancelled"


@pytest.mark.full
async def test_what_commands_show_is_for_people_too(alice: User) -> None:
    job = (await alice.client.run({"language": "bash", "code": "exit 3"})).job_id
    for words in (["get", job], ["events", job], ["replay"], ["ls"]):
        shown = await of(alice, *words)
        assert shown.code == 0
        assert b"failed" in shown.stdout
    unknown = await of(alice, "get", "no-such-job")
    assert unknown.code == 2
    assert b"no job of this id" in unknown.stderr
    assert b"Traceback" not in unknown.stderr


async def test_a_token_has_the_claims_that_it_was_asked_for(shared_stack: Stack) -> None:
    words = ("token", "--data", shared_stack.directory, "bob")
    one = (await headrace(*words, "--json")).json()["token"]
    three = (await headrace(*words, "--concurrency", "3")).stdout.decode().strip()
    claims = [jwt.decode(token, options={"verify_signature": False}) for token in (one, three)]
    assert [each.get("concurrency", 1) for each in claims] == [1, 3]


async def test_run_is_the_program(shared_stack: Stack, tmp_path: Path) -> None:
    program = tmp_path / "echo.py"
    program.write_text(
        "import sys\n"
        "sys.stdout.buffer.write(b'\\xff' + sys.stdin.buffer.read() + ' '.join(sys.argv[1:]).encode())\n"
        "print('to stderr', file=sys.stderr)\n"
        "raise SystemExit(7)\n"
    )
    ended = await headrace(
        "run", "--data", shared_stack.directory, program, "--", "--flag", "ü", stdin=b"\xfein "
    )
    assert (ended.code, ended.stdout, ended.stderr) == (7, b"\xff\xfein --flag \xc3\xbc", b"to stderr\n")


@pytest.mark.parametrize(
    ("code", "options", "exit_code", "said"),
    [
        ("kill -SEGV $$", [], 139, b"signal"),
        ("sleep 60", ["--wall-ms", "300"], 124, b"timeout: wall_time"),
        pytest.param("yes", [], 1, b"output_limit", marks=pytest.mark.full),
    ],
)
async def test_run_tells_why_a_program_was_ended(
    shared_stack: Stack, tmp_path: Path, code: str, options: list[str], exit_code: int, said: bytes
) -> None:
    program = tmp_path / "program.sh"
    program.write_text(code)
    ended = await headrace("run", "--data", shared_stack.directory, *options, program)
    assert ended.code == exit_code
    assert said in ended.stderr


async def test_ctrl_c_cancels_the_job_of_run(alice: User, tmp_path: Path) -> None:
    program = tmp_path / "slow.sh"
    program.write_text("echo begun; sleep 60")
    whose = ("--data", alice.stack.directory, "--user", alice.name)
    process = await asyncio.create_subprocess_exec(
        HEADRACE, "run", *whose, "--wall-ms", "60000", program, stdin=PIPE, stdout=PIPE, env=ENVIRONMENT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    assert await process.stdout.readline() == b"begun\n"
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 130
    (queued,) = [event async for event in alice.client.replay(kind="queued")]
    assert (await alice.client.result(queued.job_id)).status == "cancelled"


@pytest.mark.full
async def test_run_without_a_stack_brings_its_own(tmp_path: Path) -> None:
    program = tmp_path / "hello.sh"
    program.write_text("echo hello; exit 3")
    ended = await headrace("run", program, cwd=tmp_path)
    assert (ended.code, ended.stdout, ended.stderr) == (3, b"hello\n", b"")
    assert not (tmp_path / ".headrace").exists()


async def test_run_asks_for_the_language_it_cannot_guess(shared_stack: Stack, tmp_path: Path) -> None:
    program = tmp_path / "program.xyz"
    program.write_text("")
    ended = await headrace("run", "--data", shared_stack.directory, program)
    assert ended.code == 2
    assert b"--language" in ended.stderr


async def test_without_a_stack_a_command_says_how_to_start_one(tmp_path: Path) -> None:
    ended = await headrace("ls", cwd=tmp_path)
    assert ended.code == 2
    assert b"headrace up" in ended.stderr


@pytest.mark.full
async def test_the_demo_shows_everything_and_replays_it_identically(tmp_path: Path) -> None:
    ended = await headrace("demo", cwd=tmp_path)
    said = ended.stdout.decode()
    assert (ended.code, ended.stderr) == (0, b""), said
    assert "replay identical" in said
    for shown in ("queued", "running", "output", "completed", "failed", "timeout", "hello from python"):
        assert shown in said
    assert not any(os.scandir(tmp_path))


@pytest.mark.full
async def test_the_doctor_tells_what_an_executor_would_find() -> None:
    facts = await headrace("doctor", "--json")
    assert facts.code == 0
    found = facts.json()
    assert found["refusal"] is None
    assert found["isolation"]["uid"] not in {0, None}
    assert found["languages"]["bash"]
    assert found["nats_server"].endswith("nats-server")
    said = await headrace("doctor")
    assert b"an executor would start here" in said.stdout


@pytest.mark.full
async def test_the_doctor_tells_what_would_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENT, "HEADRACE_MINIMUM_ISOLATION", "no-such-wall")
    refused = await headrace("doctor")
    assert refused.code == 1
    assert b"no-such-wall" in refused.stdout
