"""`up`, `status`, `down` and `clean`: a stack from its start to its last file."""

import asyncio
import json
import os
import pty
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from headrace.local.stack import claim, load_secrets
from tests.system.test_cli import ENVIRONMENT, HEADRACE, alive, children, headrace, running_up
from tests.system.test_cli_refusals import UP, only_line

pytestmark = [pytest.mark.timeout(150), pytest.mark.full]


async def test_down_ends_a_stack_and_clean_removes_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running_up(data) as up:
        told = (await up.call("status", "--json")).json()
        assert told["supervisor_pid"] == up.process.pid
        assert told["data"] == str(data)
        assert told["usage"]["unfinished_jobs"]["used"] == 0
        facts = [line.split("\t") for line in (await up.call("status")).stdout.decode().splitlines()]
        assert ["api_url", told["api_url"]] in facts
        assert ["unfinished_jobs", "0", str(told["usage"]["unfinished_jobs"]["share"])] in facts
        running = only_line(await headrace("clean", "--yes", "--data", data))
        assert "headrace down" in running
        processes = children(up.process.pid)
        stopped = await headrace("down", "--data", data)
        assert (stopped.code, stopped.stdout) == (0, f"stopped (pid {up.process.pid})\n".encode())
        # It has waited: nothing of the stack is left but its files.
        assert not any(alive(pid) for pid in processes)
        assert await up.process.wait() == 0
    again = await headrace("down", "--data", data, "--json")
    assert (again.code, again.json()) == (0, {"data": str(data), "stopped_pid": None})
    assert "headrace up" in only_line(await headrace("status", "--data", data))
    assert "--yes" in only_line(await headrace("clean", "--data", data))
    assert (data / "secrets.json").exists()
    (data / "mine.txt").touch()
    removed = await headrace("clean", "--yes", "--json", "--data", data)
    assert removed.json() == {"data": str(data), "remaining": ["mine.txt"]}
    assert [path.name for path in data.iterdir()] == ["mine.txt"]
    assert "nothing was removed" in only_line(await headrace("clean", "--yes", "--data", data))


@pytest.mark.full
async def test_up_tells_all_of_itself_in_one_object(tmp_path: Path) -> None:
    data = tmp_path / "data"
    process = await asyncio.create_subprocess_exec(
        HEADRACE, *UP, "--json", "--data", data, stdout=PIPE, env=ENVIRONMENT
    )
    assert process.stdout is not None
    told = json.loads(await process.stdout.readline())
    assert told["supervisor_pid"] == process.pid
    settings = {"HEADRACE_API_URL": told["api_url"], "HEADRACE_TOKEN": told["token"]}
    assert (await headrace("ls", "--json", settings=settings)).json() == {"jobs": [], "next": None}
    # Of a service elsewhere nothing is told but what was named, or it said.
    elsewhere = (await headrace("status", "--json", settings=settings)).json()
    assert elsewhere.keys() == {"api_url", "languages", "languages_offline", "usage"}
    assert b"None" not in (await headrace("status", settings=settings)).stdout
    assert (await headrace("down", "--data", data)).code == 0
    assert await process.stdout.read() == b""
    assert await process.wait() == 0


@pytest.mark.parametrize(("answer", "code"), [(b"n", 2), (b"", 2), (b"y", 0)])
async def test_clean_asks_on_a_terminal(tmp_path: Path, answer: bytes, code: int) -> None:
    data = tmp_path / "data"
    with claim(data):
        load_secrets(data)
    master, slave = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        HEADRACE, "clean", "--data", data, stdin=slave, stdout=PIPE, stderr=PIPE, env=ENVIRONMENT
    )
    os.write(master, answer + b"\n")
    _, asked = await process.communicate()
    os.close(master)
    os.close(slave)
    assert str(data).encode() in asked
    assert process.returncode == code
    assert data.exists() == (code != 0)
