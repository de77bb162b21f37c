"""Jobs of `jobs` while processes are killed in turn: no result is lost, told twice, or told in two ways."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.local.supervisor import Stack
from shared.dialects.jobs import NAME
from shared.retry import retry
from tests import builders
from tests.dialects.clients import http_client
from tests.dialects.faults import PAUSE_S, PROGRAM_S, Client, Result, survive_kills
from tests.dialects.jobs.page import Page
from tests.system.conftest import user_of


class Tabs(Client):
    """A page that submits, and a second tab, which does not."""

    def __init__(self, http: httpx.AsyncClient, page: Page, other: Page) -> None:
        super().__init__(http)
        self._page = page
        self._other = other
        self._newest = ""

    async def submit(self, words: str) -> str:
        """A page itself would show a failure; its user then submits again."""
        code = f"import time; time.sleep({PROGRAM_S}); print('{words}')"
        headers = {"Idempotency-Key": builders.job_id()}
        self._newest = await retry(
            lambda: self._page.execute(code, headers), on=httpx.HTTPError, pause_s=PAUSE_S
        )
        return self._newest

    async def until_ended(self, job_id: str) -> None:
        await self._page.has_received(job_id)

    async def look_again(self, job_id: str) -> None:
        polled = await self.ask("GET", f"/execute/jobs/{job_id}")
        self.seen.polled.append((job_id, end_of(polled)))
        if job_id == self._newest:
            await self._other.has_received(job_id)

    def output_of(self, result: Result) -> str:
        assert result["status"] == "completed"
        return str(result["result"]["stdout"]).removesuffix("\n")

    def note(self) -> None:
        """Keep what both tabs were given, once they are closed."""
        for tab in (self._page, self._other):
            self.seen.polled.extend(tab.received.items())
            for connection in tab.connections:
                results = (one for one in connection.messages if one["type"] == "job.result")
                self.seen.connection().extend((one["job_id"], end_of(one)) for one in results)


def end_of(told: Mapping[str, Any]) -> Result:
    """The final result in a message and in a polled job."""
    return {name: told[name] for name in ("status", "result")}


@asynccontextmanager
async def open_tabs(stack: Stack, name: str) -> AsyncIterator[Tabs]:
    url = stack.address.dialects[NAME]
    async with user_of(stack, name) as user, http_client(url, user.token) as http:
        page, other = Page(http, url, user.token), Page(http, url, user.token)
        tabs = Tabs(http, page, other)
        async with page.shown(), other.shown():
            yield tabs
        tabs.note()


@pytest.mark.full
@pytest.mark.timeout(1200)
@pytest.mark.row("jobs", "5.3", "5.4", "7.3")
async def test_every_page_gets_every_result_whatever_is_killed(tmp_path: Path) -> None:
    clients = await survive_kills(tmp_path, NAME, open_tabs)
    assert any(connection for client in clients for connection in client.seen.connections)
