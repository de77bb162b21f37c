"""The one nats-server of a stack is frozen until every service has said so; then everything works again soon.

A service used to be deaf for half a minute after that, because a late pong had ended the reader of its
connection.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.local.supervisor import Stack, run_stack
from tests.system.conftest import User, user_of

AGAIN_WITHIN_S = 20.0
"""Half a second was measured on an idle machine, and five are promised."""

SAID = ("no connection to NATS", "NATS has not answered for")


class Asking:
    """Questions that are repeated until they are answered as they should be."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def until(self, status: int, method: str, url: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        while True:
            try:
                answer = await self._http.request(method, url, **options)
            except httpx.HTTPError:
                continue
            if answer.status_code == status:
                return answer


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    async with run_stack(tmp_path / "data") as running:
        yield running


@pytest.mark.full
async def test_everything_works_again_after_the_server_was_frozen(stack: Stack) -> None:
    async with (
        user_of(stack) as user,
        httpx.AsyncClient(
            base_url=stack.address.api_url, headers={"Authorization": f"Bearer {user.token}"}, timeout=30
        ) as http,
    ):
        asking = Asking(http)
        job = await user.run("bash", "echo before")
        pids = {name: one.process.pid for name, one in stack.services.items()}
        stack.nats.process.send_signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(60):
                for one in stack.services.values():
                    await _until_it_says_so(asking, one.health_url)
                refused = await asking.until(503, "POST", "/v1/jobs", json=_program("refused"))
                assert int(refused.headers["Retry-After"]) > 0
                assert refused.headers["Content-Type"] == "application/problem+json"
        finally:
            stack.nats.process.send_signal(signal.SIGCONT)
        async with asyncio.timeout(AGAIN_WITHIN_S):
            await asyncio.gather(
                *(asking.until(200, "GET", one.health_url) for one in stack.services.values()),
                *(each() for each in _every_route(asking, user, job["job_id"])),
            )
        assert {name: one.process.pid for name, one in stack.services.items()} == pids


async def _until_it_says_so(asking: Asking, readyz: str) -> None:
    while True:
        unready = (await asking.until(503, "GET", f"{readyz}?verbose")).json()
        if unready["checks"]["broker"].startswith(SAID):
            return


def _every_route(asking: Asking, user: User, job_id: str) -> list[Callable[[], Awaitable[object]]]:
    """What each service is needed for: api, projector (lists), executor (runs), notifier (events)."""

    async def run() -> None:
        """Its end comes over the notifier, of a program that an executor ran."""
        accepted = await asking.until(202, "POST", "/v1/jobs", json=_program("after"))
        await user.until_terminal(accepted.json()["job_id"])

    async def session() -> None:
        made = await asking.until(201, "POST", "/v1/sessions", json=_program("kept"))
        await asking.until(200, "GET", f"/v1/sessions/{made.json()['session_id']}")

    paths = (
        "/v1/jobs",
        f"/v1/jobs/{job_id}",
        f"/v1/jobs/{job_id}/events",
        "/v1/events",
        "/v1/languages",
        "/v1/sessions",
    )
    return [run, session, *(_read(asking, path) for path in paths)]


def _read(asking: Asking, path: str) -> Callable[[], Awaitable[object]]:
    async def read() -> None:
        await asking.until(200, "GET", path)

    return read


def _program(word: str) -> dict[str, str]:
    return {"language": "bash", "code": f"echo {word}"}
