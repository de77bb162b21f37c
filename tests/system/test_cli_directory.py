"""A project's own stack: found from its subdirectories, hidden from git, with logs of bounded length."""

import asyncio
import signal
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from headrace.local import log_files
from headrace.local.supervisor import StackOptions, run_stack
from tests.system.conftest import user_of
from tests.system.test_cli import ENVIRONMENT, HEADRACE, headrace
from tests.system.test_cli_refusals import UP, only_line

pytestmark = [pytest.mark.timeout(150), pytest.mark.full]


async def test_a_stack_is_found_from_a_subdirectory(tmp_path: Path) -> None:
    below = tmp_path / "src" / "lib"
    below.mkdir(parents=True)
    (below / "hello.sh").write_text("echo hello")
    up = await asyncio.create_subprocess_exec(HEADRACE, *UP, cwd=tmp_path, stdout=PIPE, env=ENVIRONMENT)
    assert up.stdout is not None
    assert (await up.stdout.readline()).startswith(b"api ")
    data = tmp_path / ".headrace"
    assert (data / ".gitignore").read_text() == "*\n"
    job = await headrace("submit", "hello.sh", cwd=below)
    assert job.code == 0, job.stderr
    assert (await headrace("wait", job.stdout.decode().strip(), cwd=below)).code == 0
    assert (await headrace("status", "--json", cwd=below)).json()["data"] == str(data)
    assert "runs already" in only_line(await headrace(*UP, cwd=below))
    # What is said is meant, also if it looks like the default.
    assert "headrace up" in only_line(await headrace("ls", "--data", ".headrace", cwd=below))
    unknown = only_line(await headrace("get", "0192f3a4-5b6c-7d8e-9f00-112233445566", cwd=below))
    assert unknown == "You have no job of this id"
    assert (await headrace("down", cwd=below)).code == 0
    assert await up.wait() == 0
    assert (await headrace("clean", "--yes", cwd=below)).code == 0
    assert not data.exists()


@pytest.mark.full
async def test_the_logs_of_a_stack_are_rotated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(log_files, "LOOK_S", 0.05)
    async with (
        run_stack(tmp_path / "data", StackOptions(log_bytes_max=1_000)) as stack,
        user_of(stack) as user,
    ):
        oldest = stack.directory / f"executor.log.{log_files.COPIES}"
        while not oldest.exists():
            await user.run("bash", "true", labels={"long": "x" * 200})
        names = {path.name.partition(".log")[0] for path in stack.directory.glob("**/*.log.1")}
        assert names >= {"executor"}
        # Whoever writes it still does, from the beginning of the file.
        stack.services["executor"].process.send_signal(signal.SIGTERM)
        await stack.services["executor"].process.wait()
        log = stack.directory / "executor.log"
        newest = (log.read_bytes() or log.with_name("executor.log.1").read_bytes()).decode()
        assert newest.startswith("{")
        assert "\0" not in newest
