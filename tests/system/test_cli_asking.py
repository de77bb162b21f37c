"""The commands that show what happens: byte by byte, as it comes, and quiet when nobody looks any more."""

import asyncio
import json
import signal
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from headrace.local.supervisor import Stack
from shared.contract.subjects import FEED
from tests.system.conftest import User, broker_of, user_of
from tests.system.test_cli import ENVIRONMENT, HEADRACE, Ended, headrace

pytestmark = pytest.mark.full

BOTH = {
    "language": "bash",
    "code": "printf 'out \\xff\\x00\\n'; sleep 0.1; printf 'err \\xfe' >&2; sleep 0.1; printf end; exit 4",
}
BEGUN = {
    "language": "bash",
    "code": "printf 'begun \\xff\\n'; printf 'aside' >&2; until test -e go; do sleep 0.1; done",
}
ENDLESS = {"language": "bash", "code": "echo begun; sleep 600", "limits": {"wall_ms": 60_000}}


async def ask(user: User, *words: object) -> Ended:
    return await headrace(*words, settings={"HEADRACE_DATA": str(user.stack.directory)})


async def start(user: User, *words: object) -> Process:
    return await asyncio.create_subprocess_exec(
        HEADRACE,
        *map(str, words),
        "--data",
        user.stack.directory,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env=ENVIRONMENT,
    )


@pytest.mark.parametrize("follow", [[], ["-f"]])
async def test_the_logs_of_a_finished_job_are_its_bytes(local: User, follow: list[str]) -> None:
    job = await local.client.run(BOTH)
    shown = await ask(local, "logs", *follow, job.job_id)
    assert (shown.code, shown.stdout, shown.stderr) == (0, b"out \xff\x00\nend", b"err \xfe")


async def test_logs_are_followed_from_the_first_byte_to_the_last(local: User) -> None:
    job = await local.client.submit(BOTH)
    shown = await ask(local, "logs", "-f", job.job_id)
    assert (shown.code, shown.stdout, shown.stderr) == (0, b"out \xff\x00\nend", b"err \xfe")


async def test_without_follow_logs_end_with_what_there_is_so_far(local: User) -> None:
    job = await local.client.submit(BEGUN)
    await _until_printed(local, job.job_id, pieces=2)
    shown = await ask(local, "logs", job.job_id)
    assert (shown.code, shown.stdout, shown.stderr) == (0, b"begun \xff\n", b"aside")
    assert not (await local.client.get(job.job_id)).is_finished
    await local.client.cancel(job.job_id)
    await local.client.result(job.job_id)


async def test_what_the_feed_has_lost_comes_from_the_result(local: User) -> None:
    job = await local.client.submit(
        {
            "language": "bash",
            "code": "echo first; sleep 10; echo second; sleep 2; echo third",
            "limits": {"wall_ms": 30_000},
        }
    )
    await _until_printed(local, job.job_id, pieces=1)
    async with broker_of(local.stack) as broker:
        await broker.api(f"STREAM.PURGE.{FEED}")
    shown = await ask(local, "logs", "-f", job.job_id)
    assert (shown.code, shown.stdout) == (0, b"first\nsecond\nthird\n")
    assert shown.stderr.count(b"is not kept for so long") == 1


async def test_wait_ends_as_the_program_did(local: User, tmp_path: Path) -> None:
    (tmp_path / "four.sh").write_text("exit 4")
    submitted = await ask(local, "submit", tmp_path / "four.sh")
    waited = await ask(local, "wait", submitted.stdout.decode().strip())
    assert (waited.code, waited.stdout) == (4, b"")
    told = await ask(local, "wait", submitted.stdout.decode().strip(), "--json")
    assert (told.code, told.json()["reason"]) == (4, "exit_code")
    job = await local.client.submit(ENDLESS)
    late = await ask(local, "wait", job.job_id, "--timeout-s", "0.2")
    assert late.code == 2
    assert b"did not end in 0.2 s" in late.stderr
    await local.client.cancel(job.job_id)


async def test_events_of_all_jobs_are_the_same_objects_everywhere(shared_stack: Stack) -> None:
    async with user_of(shared_stack) as user:
        job = await user.client.run(BOTH)
        stored = await ask(user, "events", "--json", "--user", user.name)
        live = await ask(user, "events", "-f", job.job_id, "--json", "--user", user.name)
        history = await ask(user, "events", job.job_id, "--json", "--user", user.name)
    assert stored.lines() == history.lines()
    assert [each["type"] for each in stored.lines()] == ["job.queued.v1", "job.running.v1", "job.failed.v1"]
    logged = [each for each in live.lines() if "seq" in each]
    for each in (*logged, *(known := stored.lines())):
        del each["cursor"]
    assert logged == known


async def test_after_goes_with_follow(local: User) -> None:
    assert (await ask(local, "events", "--after", "now")).code == 2


async def test_ctrl_c_ends_a_follower_quietly(local: User) -> None:
    job = await local.client.submit(ENDLESS)
    process = await start(local, "logs", "-f", job.job_id)
    assert process.stdout is not None
    assert process.stderr is not None
    assert await process.stdout.readline() == b"begun\n"
    process.send_signal(signal.SIGINT)
    assert await process.stderr.read() == b""
    assert await process.wait() == 130
    assert not (await local.client.get(job.job_id)).is_finished
    await local.client.cancel(job.job_id)


@pytest.mark.parametrize("options", [["--json"], []])
async def test_a_closed_pipe_ends_a_follower_quietly(local: User, options: list[str]) -> None:
    process = await start(local, "events", "-f", "--after", "start", *options)
    assert process.stdout is not None
    assert process.stderr is not None
    job = await local.client.submit(ENDLESS)
    assert await process.stdout.readline()
    # As `head -1` does: it reads no more, and its end of the pipe is closed.
    transport = process._transport  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public closes one pipe
    transport.get_pipe_transport(1).close()
    await local.client.cancel(job.job_id)
    await local.client.run(BOTH)
    assert await process.stderr.read() == b""
    assert await process.wait() == 141


async def _until_printed(user: User, job_id: str, *, pieces: int) -> None:
    """The feed has so many of the job's pieces."""
    async for event in user.client.follow(job_id):
        pieces -= event.type == "job.output.v1"
        if pieces == 0:
            return
    raise AssertionError(json.dumps({"ended without": pieces}))
