"""Pages without a token submit and poll while processes are killed: each execution ends once."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.contract.subjects import QUEUED_SUBJECTS, parse
from shared.jetstream.event_log import Log
from shared.retry import poll
from tests.faults.test_two_apis import Apis
from tests.system.conftest import assert_nothing_was_refused, broker_of

PREFIX = "/dialects/livecode"
PAGES = 8
EXECUTIONS_EACH = 4
ENDED = {"COMPLETED", "FAILED", "TIMEOUT"}
KILLED = ("notifier", "api", "executor", "api", "notifier", "executor")
POLL_S = 0.2
WITHIN_S = 120.0


class Page:
    """Submits one program after another and polls each until it has ended, whatever fails meanwhile."""

    def __init__(self, http: httpx.AsyncClient, number: int) -> None:
        self.http = http
        self.number = number
        self.ends: dict[str, dict[str, Any]] = {}

    async def work(self, *, ended: asyncio.Queue[str]) -> None:
        for program in range(EXECUTIONS_EACH):
            words = f"{self.number}-{program}"
            body = {
                "sessionId": f"page-{self.number}",
                "language": "bash",
                "code": f"sleep 0.3; echo {words}",
            }
            made = await self.ask("POST", "/executions", body)
            job_id = made["executionId"]
            end = await self.until_ended(job_id)
            assert (end["status"], end["output"]) == ("COMPLETED", words)
            assert self.ends.setdefault(job_id, end) == end
            ended.put_nowait(job_id)

    async def until_ended(self, job_id: str) -> dict[str, Any]:
        async def read() -> dict[str, Any]:
            return await self.ask("GET", f"/executions/{job_id}")

        return await poll(read, until=lambda seen: seen["status"] in ENDED, within_s=WITHIN_S, pause_s=POLL_S)

    async def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """As a page does that tries again: the answer of the first request that gets one."""

        async def once() -> httpx.Response | None:
            try:
                answer = await self.http.request(method, PREFIX + path, json=body)
            except httpx.TransportError:
                return None
            assert answer.status_code in {200, 201, 503}, answer.text
            return None if answer.status_code == 503 else answer

        found = await poll(once, until=lambda answer: answer is not None, within_s=WITHIN_S, pause_s=POLL_S)
        assert found is not None
        shown: dict[str, Any] = found.json()
        return shown


@pytest.mark.full
@pytest.mark.timeout(300)
async def test_each_execution_has_one_end_whoever_is_killed(tmp_path: Path) -> None:
    options = StackOptions(
        environment={"HEADRACE_DIALECTS": "livecode", "HEADRACE_LIVECODE_USER": "anonymous"}
    )
    async with (
        run_stack(tmp_path / "data", options) as stack,
        httpx.AsyncClient(base_url=stack.address.api_url, timeout=30) as http,
    ):
        pages = [Page(http, number) for number in range(PAGES)]
        ended = asyncio.Queue[str]()
        async with asyncio.TaskGroup() as group:
            for page in pages:
                group.create_task(page.work(ended=ended))
            for name in KILLED:
                await ended.get()
                await ended.get()
                process = stack.services[name].process
                if process.returncode is None:
                    process.kill()
        for page in pages:
            assert len(page.ends) == EXECUTIONS_EACH
            for job_id, end in page.ends.items():
                assert await page.ask("GET", f"/executions/{job_id}") == end
        assert all(stack.services[name].restarts for name in KILLED)
        async with broker_of(stack) as broker:
            stored = {parse(one.subject).job_id async for one in Log(broker).replay(QUEUED_SUBJECTS)}
        # A page that got no answer asked again: that is another execution only if the first had ended.
        assert set(itertools.chain(*(page.ends for page in pages))) <= stored
        assert_nothing_was_refused(stack)


@pytest.mark.full
@pytest.mark.row("livecode", "2.4", "3.6")
async def test_equal_submissions_at_two_processes_are_one_execution(tmp_path: Path) -> None:
    options = StackOptions(
        environment={"HEADRACE_DIALECTS": "livecode", "HEADRACE_LIVECODE_USER": "anonymous"}
    )
    async with run_stack(tmp_path / "data", options) as stack, httpx.AsyncClient(timeout=30) as http:
        apis = Apis(stack.environment_of("api"))
        try:
            await asyncio.gather(apis.start(0), apis.start(1))
            await _check_two(stack, http, apis.urls)
        finally:
            await apis.end()


async def _accepted(http: httpx.AsyncClient, url: str, body: dict[str, str]) -> str:
    """The execution's id. A busy service answers 503: its client asks again, as it is told to."""
    while (answer := await http.post(url, json=body)).status_code == 503:  # noqa: ASYNC110 - its own pause
        await asyncio.sleep(int(answer.headers["Retry-After"]))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["executionId"])


async def _check_two(stack: Stack, http: httpx.AsyncClient, urls: list[str]) -> None:
    body = {"sessionId": "a", "language": "bash", "code": "sleep 30"}
    posts = (_accepted(http, f"{urls[number % 2]}{PREFIX}/executions", body) for number in range(60))
    executions = set(await asyncio.gather(*posts))
    begun = await http.post(f"{urls[0]}{PREFIX}/code-sessions", json={"language": "bash", "code": "sleep 30"})
    path = f"{PREFIX}/code-sessions/{begun.json()['sessionId']}/run"
    runs = (_accepted(http, urls[number % 2] + path, {}) for number in range(60))
    executions |= set(await asyncio.gather(*runs))
    assert len(executions) == 2
    async with broker_of(stack) as broker:
        stored = [parse(one.subject).job_id async for one in Log(broker).replay(QUEUED_SUBJECTS)]
    assert sorted(stored) == sorted(executions)
