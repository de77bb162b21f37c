"""The dialect `connections` as its pages use it, at its own port of a whole stack."""

import asyncio
import re
import time
from typing import Any

import httpx
import pytest

from headrace.local.supervisor import Stack
from services.notifier.transports.dialects.connections.session import HOLD_S
from shared.dialects.connections import NAME
from tests.dialects.clients import Socket, http_client, socket_client
from tests.system.conftest import User, user_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
RESULT: dict[str, Any] = {
    "success": bool,
    "stdout": str,
    "stderr": str,
    "error": str | None,
    "error_type": str | None,
    "execution_time_ms": int | float,
    "timed_out": bool,
    "security_violations": list,
}


@pytest.fixture
def http(dialect_http: dict[str, httpx.AsyncClient]) -> httpx.AsyncClient:
    """The dialect in the name of this module's user."""
    return dialect_http[NAME]


@pytest.fixture
def address(dialect_stack: Stack) -> str:
    """The dialect's own port."""
    return dialect_stack.address.dialects[NAME]


async def id_of(socket: Socket) -> str:
    await socket.send({"action": "ping"})
    return str((await socket.next())["connection_id"])


async def submit(http: httpx.AsyncClient, code: str, **more: object) -> str:
    answer = await http.post("/execute/async", json={"code": code, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["job_id"])


async def execute(http: httpx.AsyncClient, code: str, **more: object) -> dict[str, Any]:
    answer = await http.post("/execute", json={"code": code, **more})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    assert result.keys() == RESULT.keys() | {"job_id"}
    assert [name for name, kind in RESULT.items() if not isinstance(result[name], kind)] == []
    return result


@pytest.mark.row("connections", "1.1", "5.1", "6.1", "6.2")
async def test_a_page_that_drops_unknown_jobs_gets_every_result(
    http: httpx.AsyncClient, address: str
) -> None:
    answered: dict[str, float] = {}
    shown: list[str] = []
    dropped: list[str] = []

    async with asyncio.timeout(60), socket_client(address) as socket:
        connection_id = await id_of(socket)

        async def listen() -> None:
            while len(shown) + len(dropped) < 5:
                message = await socket.next()
                (shown if message["job_id"] in answered else dropped).append(message["job_id"])

        listening = asyncio.create_task(listen())
        for number in range(5):
            began = time.monotonic()
            job_id = await submit(http, f"print({number})", connection_id=connection_id)
            answered[job_id] = time.monotonic() - began
        await listening
    # A machine that stands still reads an answer later than a result is held back.
    assert shown == [job_id for job_id in answered if job_id not in dropped]
    assert all(answered[job_id] > HOLD_S for job_id in dropped)


@pytest.mark.row("connections", "2.1", "3.1", "3.2", "3.3", "3.6", "4.1", "4.2", "4.3", "4.4")
async def test_the_fallback_answers_the_result_which_can_be_read_again(http: httpx.AsyncClient) -> None:
    result = await execute(http, "import sys\nprint('hello')\nprint('oops', file=sys.stderr)")
    assert (result["success"], result["stdout"], result["stderr"]) == (True, "hello\n", "oops\n")
    assert (result["error"], result["error_type"], result["timed_out"]) == (None, None, False)
    assert result["security_violations"] == []
    assert result["execution_time_ms"] > 0
    job = (await http.get(f"/execute/jobs/{result['job_id']}")).json()
    assert job["job_id"] == result["job_id"]
    assert (job["status"], job["timeout_seconds"]) == ("completed", 30)
    assert job["result"] == {name: result[name] for name in RESULT if name != "security_violations"}
    times = [job[name] for name in ("created_at", "started_at", "completed_at")]
    assert all(TIME.fullmatch(moment) for moment in times)
    assert times == sorted(times)
    assert len(job) == 7


@pytest.mark.row("connections", "2.2", "3.2", "3.3", "3.4")
async def test_a_program_that_fails_is_answered_like_one_that_does_not(http: httpx.AsyncClient) -> None:
    raised = await execute(http, "print(1)\nraise KeyError('x')")
    assert (raised["success"], raised["stdout"], raised["error_type"]) == (False, "1\n", "KeyError")
    assert "Traceback" in raised["stderr"]
    assert raised["error"] == "The program ended with exit code 1."
    broken = await execute(http, "print(")
    assert (broken["success"], broken["timed_out"]) == (False, False)
    slow = await execute(http, "print('begun', flush=True)\nwhile True: pass", timeout_seconds=0.3)
    assert (slow["success"], slow["timed_out"], slow["stdout"]) == (False, True, "begun\n")
    assert slow["error_type"] in {"wall_time", "cpu_time"}
    assert slow["error"]
    job = (await http.get(f"/execute/jobs/{slow['job_id']}")).json()
    assert (job["status"], job["timeout_seconds"], job["result"]["timed_out"]) == ("failed", 0.3, True)


@pytest.mark.row("connections", "2.2", "3.3", "3.5")
async def test_a_cancelled_job_has_a_result(
    http: httpx.AsyncClient, dialect_user: User, address: str
) -> None:
    async with asyncio.timeout(60), socket_client(address) as socket:
        connection_id = await id_of(socket)
        first = await submit(http, "while True: pass")
        waiting = asyncio.create_task(execute(http, "print(1)"))
        named = await submit(http, "print(2)", connection_id=connection_id)
        await dialect_user.client.cancel(named)
        told = await socket.next()
        assert (told["job_id"], told["success"], told["error"]) == (named, False, "cancelled")
        assert (told["stdout"], told["stderr"], told["execution_time_ms"]) == ("", "", 0)
        await dialect_user.client.cancel(first)
        assert (await waiting)["stdout"] == "1\n"


@pytest.mark.row("connections", "2.4")
async def test_the_job_of_a_client_that_leaves_goes_on(dialect_stack: Stack, address: str) -> None:
    key = {"Idempotency-Key": "leaves"}
    body = {"code": "import time\ntime.sleep(0.5)\nprint('whole')"}
    async with (
        asyncio.timeout(60),
        user_of(dialect_stack) as user,
        http_client(address, user.token) as http,
    ):
        leaving = asyncio.create_task(http.post("/execute", json=body, headers=key))
        async for event in user.client.follow("*"):
            if event.type == "job.running.v1":
                break
        assert leaving.cancel()
        answer = await http.post("/execute", json=body, headers=key)
        history = await user.client.history(answer.json()["job_id"])
    assert (answer.status_code, answer.json()["stdout"]) == (200, "whole\n")
    assert [event.type for event in history] == ["job.queued.v1", "job.running.v1", "job.completed.v1"]


@pytest.mark.row("connections", "4.5", "5.4", "6.1")
async def test_another_user_s_jobs_and_connections_are_out_of_reach(
    http: httpx.AsyncClient, dialect_stack: Stack, address: str
) -> None:
    async with (
        asyncio.timeout(60),
        user_of(dialect_stack) as mallory,
        http_client(address, mallory.token) as their_http,
        socket_client(address) as socket,
    ):
        connection_id = await id_of(socket)
        job = await submit(http, "print('ours')", connection_id=connection_id)
        assert (await socket.next())["job_id"] == job
        theirs = await execute(their_http, "print('theirs')")
        named = await submit(their_http, "print('theirs')", connection_id=connection_id)
        await mallory.until_terminal(named)
        second = await submit(http, "print('ours')", connection_id=connection_id)
        assert (await socket.next())["job_id"] == second
        assert (await their_http.get(f"/execute/jobs/{named}")).json()["status"] == "completed"
        for other in (theirs["job_id"], named):
            answer = await http.get(f"/execute/jobs/{other}")
            assert (answer.status_code, answer.json()) == (404, {"detail": "Job not found"})
