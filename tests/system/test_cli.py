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
import pytest_asyncio

HEADRACE = Path(sysconfig.get_path("scripts")) / "headrace"
# asyncio's debug mode writes on standard error, where a program's own words are expected.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith("HEADRACE_") and name != "PYTHONASYNCIODEBUG"
}

pytestmark = pytest.mark.timeout(150)
on_the_lasting_one = pytest.mark.asyncio(loop_scope="module")


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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    """One for all tests that neither end it nor mind the jobs of others."""
    async with running_up(tmp_path_factory.mktemp("lasting") / "data") as running:
        yield running


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_up_tells_where_it_is_and_ctrl_c_leaves_nothing_behind(up: Up) -> None:
    assert [line.split()[0] for line in up.said] == ["api", "websocket", "token"]
    processes = children(up.process.pid)
    assert len(processes) == 5
    up.process.send_signal(signal.SIGINT)
    assert await up.process.wait() == 0
    assert not any(alive(pid) for pid in processes)
    assert not (up.data / "stack.json").exists()


async def test_nothing_outlives_a_killed_supervisor(up: Up) -> None:
    pidfds = [os.pidfd_open(pid) for pid in children(up.process.pid)]
    up.process.kill()
    loop = asyncio.get_running_loop()
    for pidfd in pidfds:
        ended = asyncio.Event()
        loop.add_reader(pidfd, ended.set)
        async with asyncio.timeout(30):
            await ended.wait()
        loop.remove_reader(pidfd)
        os.close(pidfd)


async def test_what_was_accepted_is_there_after_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    program = tmp_path / "hello.py"
    program.write_text("print('kept')")
    async with running_up(data) as first:
        job = (await first.call("submit", "--json", program)).json()
        await first.call("events", job["job_id"], "--follow")
        first.process.send_signal(signal.SIGTERM)
        assert await first.process.wait() == 0
    async with running_up(data) as second:
        kept = (await second.call("get", job["job_id"], "--json")).json()
        assert kept["result"]["stdout"]["content"] == "kept\n"


@on_the_lasting_one
async def test_one_directory_has_one_stack(lasting: Up) -> None:
    second = await headrace("up", "--data", lasting.data, "--api-port", "0", "--notifier-port", "0")
    assert second.code == 2
    assert b"runs already" in second.stderr


@on_the_lasting_one
async def test_secrets_are_their_owners_alone(lasting: Up) -> None:
    assert (lasting.data / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert lasting.data.stat().st_mode & 0o077 == 0
    assert (lasting.data / "nats" / "nats.conf").stat().st_mode & 0o777 == 0o600


async def test_every_command_against_a_running_stack(up: Up, tmp_path: Path) -> None:
    program = tmp_path / "slow.sh"
    program.write_text("echo begun; sleep 60")
    job = (await up.call("submit", "--json", "--key", "k1", program)).json()
    again = (await up.call("submit", "--json", "--key", "k1", program)).json()
    assert again["job_id"] == job["job_id"]
    assert (await up.call("cancel", job["job_id"], "--json")).code == 0
    events = (await up.call("events", job["job_id"], "--follow", "--json")).lines()
    assert events[0]["type"] == "job.queued.v1"
    assert events[-1]["type"] == "job.cancelled.v1"
    stored = (await up.call("events", job["job_id"], "--json")).lines()
    assert [event["seq"] for event in stored] == [event["seq"] for event in events if "seq" in event]
    replayed = (await up.call("replay", "--json")).lines()
    assert [event["seq"] for event in replayed] == [event["seq"] for event in stored]
    listed = (await up.call("ls", "--json")).json()
    assert [one["job_id"] for one in listed["jobs"]] == [job["job_id"]]
    assert (await up.call("get", job["job_id"], "--json")).json()["status"] == "cancelled"
    one = (await up.call("token", "bob", "--json")).json()["token"]
    three = (await up.call("token", "bob", "--concurrency", "3")).stdout.decode().strip()
    claims = [jwt.decode(token, options={"verify_signature": False}) for token in (one, three)]
    assert [each.get("concurrency", 1) for each in claims] == [1, 3]
    for words in (["ls"], ["get", job["job_id"]], ["events", job["job_id"]], ["replay"]):
        shown = await up.call(*words)
        assert shown.code == 0
        assert b"cancelled" in shown.stdout
    unknown = await up.call("get", "no-such-job")
    assert unknown.code == 2
    assert b"no job of this id" in unknown.stderr
    assert b"Traceback" not in unknown.stderr


@on_the_lasting_one
async def test_run_is_the_program(lasting: Up, tmp_path: Path) -> None:
    program = tmp_path / "echo.py"
    program.write_text(
        "import sys\n"
        "sys.stdout.buffer.write(b'\\xff' + sys.stdin.buffer.read() + ' '.join(sys.argv[1:]).encode())\n"
        "print('to stderr', file=sys.stderr)\n"
        "raise SystemExit(7)\n"
    )
    ended = await headrace("run", "--data", lasting.data, program, "--", "--flag", "ü", stdin=b"\xfein ")
    assert (ended.code, ended.stdout, ended.stderr) == (7, b"\xff\xfein --flag \xc3\xbc", b"to stderr\n")


@on_the_lasting_one
@pytest.mark.parametrize(
    ("code", "options", "exit_code", "said"),
    [
        ("kill -SEGV $$", [], 139, b"signal"),
        ("sleep 60", ["--wall-ms", "300"], 124, b"timeout: wall_time"),
        ("yes", [], 1, b"output_limit"),
    ],
)
async def test_run_tells_why_a_program_was_ended(
    lasting: Up, tmp_path: Path, code: str, options: list[str], exit_code: int, said: bytes
) -> None:
    program = tmp_path / "program.sh"
    program.write_text(code)
    ended = await headrace("run", "--data", lasting.data, *options, program)
    assert ended.code == exit_code
    assert said in ended.stderr


@on_the_lasting_one
async def test_ctrl_c_cancels_the_job_of_run(lasting: Up, tmp_path: Path) -> None:
    program = tmp_path / "slow.sh"
    program.write_text("echo begun; sleep 60")
    process = await asyncio.create_subprocess_exec(
        HEADRACE, "run", "--data", lasting.data, program, stdin=PIPE, stdout=PIPE, env=ENVIRONMENT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    assert await process.stdout.readline() == b"begun\n"
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 130
    # The list comes from the view, a moment after the log; the newest of it may be another test's.
    async with asyncio.timeout(60):
        while (await lasting.call("ls", "--json")).json()["jobs"][0]["status"] != "cancelled":
            pass


async def test_run_without_a_stack_brings_its_own(tmp_path: Path) -> None:
    program = tmp_path / "hello.sh"
    program.write_text("echo hello; exit 3")
    ended = await headrace("run", program, cwd=tmp_path)
    assert (ended.code, ended.stdout, ended.stderr) == (3, b"hello\n", b"")
    assert not (tmp_path / ".headrace").exists()


@on_the_lasting_one
async def test_run_asks_for_the_language_it_cannot_guess(lasting: Up, tmp_path: Path) -> None:
    program = tmp_path / "program.xyz"
    program.write_text("")
    ended = await headrace("run", "--data", lasting.data, program)
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
