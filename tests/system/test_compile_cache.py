"""A program is compiled once for each user, whatever others compiled, and the events say which time."""

from typing import Any

import msgspec

from headrace.local.supervisor import Stack
from tests.hosts import needs
from tests.http_client import http_client
from tests.system.conftest import User, user_of

pytestmark = needs("c")

PROGRAM = (
    '#include <stdio.h>\nint main(int c, char **v) { int unused; printf("%s\\n", c > 1 ? v[1] : "42"); }\n'
)


def compile_report(job: dict[str, Any]) -> dict[str, Any]:
    assert job["status"] == "completed"
    report, run = job["result"]["stages"]
    assert (report["name"], run["name"], run["cached"]) == ("compile", "run", False)
    assert isinstance(report, dict)
    return report


async def compiler_said(user: User, job: dict[str, Any]) -> str:
    events = await user.until_terminal(job["job_id"])
    pieces = [event for event in events if event.type == "job.output.v1" and event.data["stage"] == "compile"]
    return "".join(piece.data["content"] for piece in pieces)


async def test_a_second_run_of_the_same_program_skips_the_compiler(alice: User) -> None:
    first = await alice.run("c", PROGRAM)
    second = await alice.run("c", PROGRAM, args=["other arguments"], env={"A": "1"})
    assert not compile_report(first)["cached"]
    assert compile_report(first)["wall_ms"] > 0
    assert compile_report(second)["cached"]
    assert compile_report(second)["wall_ms"] == compile_report(second)["cpu_ms"] == 0
    assert first["result"]["stdout"]["content"] == "42\n"
    assert second["result"]["stdout"]["content"] == "other arguments\n"
    assert "unused" in await compiler_said(alice, first)
    assert await compiler_said(alice, second) == await compiler_said(alice, first)
    # And when the feed has forgotten it, the result still tells.
    kept = [compile_report(job)["stderr"]["content"] for job in (first, second)]
    assert kept == [await compiler_said(alice, first)] * 2


async def test_another_users_run_of_it_does_not(shared_stack: Stack, alice: User) -> None:
    await alice.run("c", PROGRAM)
    async with user_of(shared_stack) as bob:
        assert not compile_report(await bob.run("c", PROGRAM))["cached"]
        assert compile_report(await bob.run("c", PROGRAM))["cached"]


async def test_a_changed_file_does_not(alice: User) -> None:
    files = [{"name": "main.c", "content": '#include "x.h"\nint main(void) { return X; }'}]
    for header in ("#define X 0", "#define X (1 - 1)"):
        job = await alice.client.submit(
            {"language": "c", "files": [*files, {"name": "x.h", "content": header}]}
        )
        await alice.until_terminal(job.job_id)
        finished = msgspec.to_builtins(await alice.client.get(job.job_id))
        assert not compile_report(finished)["cached"]


async def test_what_does_not_compile_is_compiled_again(alice: User) -> None:
    for _ in range(2):
        job = await alice.run("c", "int main(void) { return }")
        assert (job["status"], job["reason"]) == ("failed", "compile_error")
        assert not job["result"]["stages"][0]["cached"]


async def test_hits_and_misses_are_counted(shared_stack: Stack, alice: User) -> None:
    await alice.run("c", PROGRAM)
    await alice.run("c", PROGRAM)
    url = shared_stack.services["executor"].health_url.replace("/readyz", "/metrics")
    async with http_client() as http:
        counted = (await http.get(url)).text
    assert 'headrace_compile_cache_total{result="hit"}' in counted
    assert 'headrace_compile_cache_total{result="miss"}' in counted
