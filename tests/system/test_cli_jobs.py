"""Commands that take a job: whole ids in every width, the beginning of one, and all that there is of it."""

import asyncio
import fcntl
import os
import pty
import struct
import termios
from itertools import pairwise, takewhile

import pytest

from headrace.local.supervisor import Stack
from tests.system.conftest import User, user_of
from tests.system.test_cli import ENVIRONMENT, HEADRACE, Ended
from tests.system.test_cli_asking import ask

pytestmark = pytest.mark.full

PROGRAM = "for n in $(seq 1 40); do echo line $n; done; echo aside >&2; echo kept > out.txt; exit 3"
NARROW = 30


async def on_terminal(user: User, *words: object, columns: int = NARROW) -> str:
    """What a command writes on a terminal of that width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = await asyncio.create_subprocess_exec(
        HEADRACE,
        *map(str, words),
        "--data",
        user.stack.directory,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**ENVIRONMENT, "TERM": "xterm", "NO_COLOR": "1"},
    )
    os.close(slave)
    written = await asyncio.to_thread(_read_all, master)
    assert await process.wait() == 0, written
    return written


def _read_all(master: int) -> str:
    pieces = []
    with os.fdopen(master, "rb", buffering=0) as terminal:
        try:
            while piece := terminal.read(65_536):
                pieces.append(piece)
        except OSError:
            # EIO: nobody has the other end any more.
            pass
    return b"".join(pieces).decode()


def table(ended: Ended) -> list[dict[str, str]]:
    assert ended.code == 0, ended.stderr
    names, *rows = [line.split("\t") for line in ended.stdout.decode().splitlines()]
    return [dict(zip(names, row, strict=True)) for row in rows]


async def test_ids_are_whole_in_a_pipe_and_on_a_narrow_terminal(local: User) -> None:
    job = await local.client.run({"language": "bash", "code": PROGRAM, "artifacts": ["out.txt"]})
    for words in (
        ["ls"],
        ["replay", "--at", str(job.last_sequence)],
        ["get", job.job_id],
        ["events", job.job_id],
    ):
        assert job.job_id in await on_terminal(local, *words), words
        assert job.job_id.encode() in (await ask(local, *words)).stdout, words
    (listed,) = [row for row in table(await ask(local, "ls")) if row["job_id"] == job.job_id]
    assert (listed["status"], listed["language"], listed["reason"]) == ("failed", "bash", "exit_code")
    assert int(listed["took_ms"]) >= 0
    (stored,) = table(await ask(local, "artifacts", job.job_id))
    assert (stored["path"], stored["size"]) == ("out.txt", "5")
    events = table(await ask(local, "events", job.job_id))
    assert [row["type"] for row in events] == ["job.queued.v1", "job.running.v1", "job.failed.v1"]


async def test_get_shows_all_of_a_job(local: User) -> None:
    job = await local.client.run(
        {"language": "bash", "code": PROGRAM, "artifacts": ["out.txt", "nothing"], "labels": {"of": "mine"}}
    )
    facts = [line.split("\t") for line in (await ask(local, "get", job.job_id)).stdout.decode().splitlines()]
    for expected in (
        ["status", "failed"],
        ["exit_code", "3"],
        ["label", "of=mine"],
        ["stdout", "line 1"],
        ["stdout", "line 40"],
        ["stdout", "… 30 more lines …"],
        ["stderr", "aside"],
        ["limit", "wall_ms", str(job.limits.wall_ms)],
    ):
        assert expected in facts, expected
    names = {name for name, *_ in facts}
    assert {"created_at", "started_at", "finished_at", "queue_wait_ms", "cpu_ms", "artifact"} <= names
    shown = await on_terminal(local, "get", job.job_id)
    for words in ("exit code", "line 40", "out.txt, 5 B", "10.0 s", "s ago"):
        assert words in shown, words


async def test_get_says_what_a_queued_job_waits_for(shared_stack: Stack) -> None:
    async with user_of(shared_stack) as user:
        first = await user.client.submit(
            {"language": "bash", "code": "sleep 600", "limits": {"wall_ms": 60_000}}
        )
        await user.until(first.job_id, "running")
        second = await user.client.submit({"language": "bash", "code": "true"})
        assert second.waiting_for is not None
        told = await ask(user, "get", second.job_id, "--user", user.name, "--json")
        # The owner's own token allows as many at a time as there are processors.
        reason = "slot" if (os.cpu_count() or 1) > 1 else "earlier_jobs"
        assert told.json()["waiting_for"] == {"reason": reason, "position": 1}
        said = await ask(user, "get", second.job_id, "--user", user.name)
        assert f"waiting_for\t{reason}\t1\n".encode() in said.stdout
        await user.client.cancel(second.job_id)
        await user.client.cancel(first.job_id)
        await user.client.result(first.job_id)


async def two_alike(user: User) -> tuple[str, str, str]:
    """Two finished jobs, and the beginning that their ids have in common: of 17, two begin alike."""
    program = {"language": "bash", "code": "echo said", "artifacts": ["x"]}
    jobs = sorted([(await user.client.run(program)).job_id for _ in range(17)])
    for first, second in pairwise(jobs):
        if first[0] == second[0]:
            alike = takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=True))
            return first, second, "".join(letter for letter, _ in alike)
    raise AssertionError(jobs)


async def test_the_beginning_of_an_id_is_enough(shared_stack: Stack) -> None:
    """By any command that takes a job."""
    async with user_of(shared_stack) as user:
        first, second, common = await two_alike(user)
        beginning = first[: len(common) + 1]
        who = ("--user", user.name)
        assert (await ask(user, "get", beginning, "--json", *who)).json()["job_id"] == first
        assert (await ask(user, "wait", beginning, "--json", *who)).json()["job_id"] == first
        assert (await ask(user, "logs", beginning, *who)).stdout == b"said\n"
        assert (await ask(user, "artifacts", beginning, *who)).code == 0
        for words in (["events", beginning], ["events", "-f", beginning], ["replay", "--job", beginning]):
            found = (await ask(user, *words, "--json", *who)).lines()
            assert {event["job_id"] for event in found} == {first}, words
        late = await ask(user, "cancel", beginning, *who)
        assert (late.code, b"already ended" in late.stderr) == (2, True)
        for words in (
            ["get"],
            ["wait"],
            ["logs"],
            ["artifacts"],
            ["events"],
            ["cancel"],
            ["replay", "--job"],
        ):
            refused = await ask(user, *words, common, *who)
            assert (refused.code, refused.stdout) == (2, b""), words
            assert refused.stderr.count(b"\n") == 1
            assert first.encode() in refused.stderr
            assert second.encode() in refused.stderr
        nobodys = await ask(user, "get", "ffff", *who)
        assert (nobodys.code, nobodys.stderr.count(b"\n")) == (2, 1)
        of_others = await ask(user, "replay", "--job", beginning, "--all", *who)
        assert of_others.code == 2
        assert b"whole id" in of_others.stderr
