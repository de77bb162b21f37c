"""The log is written to a file while clients are at work; a stack that begins with it has all of it."""

import asyncio
from pathlib import Path

from tests.containers.commands import refused, told
from tests.containers.crowd import busy
from tests.containers.stack import DEPLOY, Stack, running


async def test_what_was_accepted_is_in_the_backup_and_in_the_stack_that_is_made_of_it(
    stack: Stack, tmp_path: Path
) -> None:
    backup = tmp_path / "log.tar.gz"
    async with busy(stack, "backed-up") as crowd:
        await crowd.more()
        before = list(crowd.members[0].accepted)
        await asyncio.to_thread(told, *words("backup.sh", backup, stack), within=DEPLOY)
        await crowd.more()
    assert before
    other = Stack(tmp_path, name="headrace-test-restored")
    await asyncio.to_thread(told, *words("restore.sh", backup, other), within=DEPLOY)
    with running(other):
        async with stack.client("backed-up") as theirs, other.client("backed-up") as ours:
            for job_id in before:
                assert await ours.history(job_id) == await theirs.history(job_id)
            assert {job.job_id async for job in ours.every_job()} >= set(before)
        assert "is not empty" in refused(*words("restore.sh", backup, other), within=DEPLOY)


def words(name: str, file: Path, stack: Stack) -> list[str]:
    """One of the scripts that come with the compose files, for one stack."""
    return [str(DEPLOY / name), str(file), *stack.docker_compose_command()[2:]]
