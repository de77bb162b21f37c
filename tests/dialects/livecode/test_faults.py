"""Pages without a token submit and poll while processes are killed: each execution ends once."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.contract.subjects import QUEUED_SUBJECTS, parse
from shared.jetstream.event_log import Log
from shared.retry import poll
from tests.dialects.clients import http_client
from tests.dialects.faults import PAUSE_S, PROGRAM_S, Client, Result, survive_kills
from tests.dialects.livecode.client import PREFIX
from tests.faults.test_two_apis import Apis
from tests.system.conftest import broker_of

NAME = "livecode"
ANONYMOUS = {"HEADRACE_LIVECODE_USER": "anonymous"}
ENDED = frozenset({"COMPLETED", "FAILED", "TIMEOUT"})


class Page(Client):
    """Submits without a token in a session of its own, and polls each execution until it has ended."""

    def __init__(self, http: httpx.AsyncClient, session: str) -> None:
        super().__init__(http)
        self._session = session

    async def submit(self, words: str) -> str:
        code = f"sleep {PROGRAM_S}; echo '{words}'"
        body = {"sessionId": self._session, "language": "bash", "code": code}
        return str((await self.ask("POST", "/executions", json=body))["executionId"])

    async def until_ended(self, job_id: str) -> None:
        async def read() -> dict[str, Any]:
            return await self.ask("GET", f"/executions/{job_id}")

        end = await poll(read, until=lambda seen: seen["status"] in ENDED, pause_s=PAUSE_S)
        self.seen.polled.append((job_id, end))

    async def look_again(self, job_id: str) -> None:
        await self.until_ended(job_id)

    def output_of(self, result: Result) -> str:
        assert result["status"] == "COMPLETED"
        return str(result["output"])


@asynccontextmanager
async def open_page(stack: Stack, name: str) -> AsyncIterator[Page]:
    async with http_client(stack.address.dialects[NAME], None) as http:
        yield Page(http, name)


@pytest.mark.full
@pytest.mark.timeout(1200)
async def test_each_execution_has_one_end_whoever_is_killed(tmp_path: Path) -> None:
    await survive_kills(tmp_path, NAME, open_page, ANONYMOUS)


@pytest.mark.full
@pytest.mark.row("livecode", "2.4", "3.6")
async def test_equal_submissions_at_two_processes_are_one_execution(tmp_path: Path) -> None:
    options = StackOptions(environment={"HEADRACE_DIALECTS": NAME, **ANONYMOUS})
    async with run_stack(tmp_path / "data", options) as stack, httpx.AsyncClient(timeout=30) as http:
        apis = Apis(stack.environment_of("api"))
        try:
            await asyncio.gather(apis.start(0), apis.start(1))
            # No execution ends meanwhile, however long the requests take: then an equal one is another one.
            stack.services["executor"].process.send_signal(signal.SIGSTOP)
            await _check_two(stack, http, apis.urls)
        finally:
            stack.services["executor"].process.send_signal(signal.SIGCONT)
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
