"""`jobs` in a whole stack: programs that run, pages that reopen their socket, and both addresses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
import pytest_asyncio

from headrace.local.supervisor import Stack
from shared.dialects.jobs import NAME
from shared.dialects.names import prefix_of
from tests.dialects.clients import Socket, at_notifier, http_client, socket_client
from tests.dialects.jobs.page import Page
from tests.system.conftest import User

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROGRAMS: dict[str, dict[str, Any]] = {
    "print('hello')": {"success": True, "stdout": "hello\n", "stderr": "", "error": None, "error_type": None},
    "import sys; sys.stdout.buffer.write(b'a\\xffb')": {"success": True, "stdout": "a�b"},
    "1/0": {"success": False, "error_type": "ZeroDivisionError", "timed_out": False},
    "raise SystemExit(3)": {"error": "The program ended with exit code 3.", "error_type": "exit_code"},
    "print('x' * 1_000_000)": {"success": False, "error": "The program printed more than 256 KiB."},
}


@pytest_asyncio.fixture(loop_scope="session")
async def http(dialect_http: dict[str, httpx.AsyncClient]) -> httpx.AsyncClient:
    return dialect_http[NAME]


@pytest.fixture
def own_port(dialect_stack: Stack) -> str:
    return dialect_stack.address.dialects[NAME]


@pytest_asyncio.fixture(loop_scope="session")
async def socket(own_port: str, dialect_user: User) -> AsyncIterator[Socket]:
    async with asyncio.timeout(60), socket_client(own_port, dialect_user.token) as opened:
        yield opened


async def submitted(http: httpx.AsyncClient, code: str, **more: Any) -> str:  # noqa: ANN401 - JSON
    answer = await http.post("/execute", json={"code": code, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["job_id"])


async def result_told(socket: Socket, job_id: str) -> dict[str, Any]:
    while True:
        message = await socket.next()
        if (message["type"], message["job_id"]) == ("job.result", job_id):
            return message


@pytest.mark.row("jobs", "2.6", "3.3", "5.3")
async def test_programs_run_in_order_and_are_told_as_they_are_polled(
    http: httpx.AsyncClient, socket: Socket
) -> None:
    jobs = [await submitted(http, code) for code in PROGRAMS]
    told = [await result_told(socket, job_id) for job_id in jobs]
    for message, expected in zip(told, PROGRAMS.values(), strict=True):
        polled = (await http.get(f"/execute/jobs/{message['job_id']}")).json()
        assert (polled["status"], polled["result"]) == (message["status"], message["result"])
        assert expected.items() <= message["result"].items()
        assert polled["created_at"] <= polled["started_at"] <= polled["completed_at"]
    assert "ZeroDivisionError: division by zero" in told[2]["result"]["stderr"]


@pytest.mark.row("jobs", "2.2", "3.2", "3.3", "3.8")
async def test_a_limit_and_a_cancellation_are_failures(
    http: httpx.AsyncClient, socket: Socket, dialect_user: User
) -> None:
    slow = await submitted(http, "print(1, flush=True)\nwhile True: pass", timeout_seconds=0.5)
    told = await result_told(socket, slow)
    assert (told["status"], told["result"]["stdout"], told["result"]["timed_out"]) == ("failed", "1\n", True)
    assert 450 <= told["result"]["execution_time_ms"] < 5_000
    endless = await submitted(http, "import time; time.sleep(30)")
    await dialect_user.until(endless, "running")
    await dialect_user.client.cancel(endless)
    told = await result_told(socket, endless)
    assert (told["status"], told["result"]["error"]) == ("failed", "cancelled")


@pytest.mark.full
@pytest.mark.row("jobs", "1.1", "1.2", "5.1")
async def test_it_is_the_same_at_each_address(
    dialect_stack: Stack, dialect_user: User, own_port: str
) -> None:
    token, address = dialect_user.token, dialect_stack.address
    below = address.api_url + prefix_of(NAME)
    urls = [own_port, own_port + "/dev", below, at_notifier(address.websocket_url, NAME)]
    async with asyncio.timeout(60), AsyncExitStack() as exits:
        tabs = [await exits.enter_async_context(socket_client(url, token)) for url in urls]
        http = await exits.enter_async_context(http_client(below, token))
        job_id = await submitted(http, "print('to all')")
        told = [await result_told(tab, job_id) for tab in tabs]
        assert told[0]["result"]["stdout"] == "to all\n"
        assert all(one == told[0] for one in told)


@pytest.mark.row("jobs", "6.1", "6.2")
async def test_a_page_that_opens_a_socket_with_each_job_shows_each_result(
    http: httpx.AsyncClient, own_port: str, dialect_user: User
) -> None:
    page = Page(http, own_port, dialect_user.token)
    async with asyncio.timeout(60), page.shown():
        await page.is_connected()
        for number in range(4):
            job_id = await page.execute(f"print({number})")
            shown = await page.shows_end()
            assert (shown["id"], shown["status"]) == (job_id, "completed")
            assert shown["result"]["stdout"] == f"{number}\n"


@pytest.mark.full
@pytest.mark.row("jobs", "6.1", "6.2", "6.3")
async def test_sockets_of_earlier_jobs_that_come_back_change_nothing(
    http: httpx.AsyncClient, own_port: str, dialect_user: User
) -> None:
    page, shown = Page(http, own_port, dialect_user.token), None
    async with asyncio.timeout(60), page.shown():
        await page.is_connected()
        for number in range(3):
            for code, output in ((f"print({number})", f"{number}\n"), ("1/0", "")):
                job_id = await page.execute(code)
                shown = await page.shows_end()
                assert (shown["id"], shown["result"]["stdout"]) == (job_id, output)
            before = len(page.connections)
            # The sockets that the two jobs have closed are open again, and were told of the newest job.
            await page.until(lambda: len(page.connections) == before + 2)  # noqa: B023 - waited for here
            await page.until(lambda: all(job_id in one.results() for one in page.connections[-2:]))  # noqa: B023
            assert page.current == shown
