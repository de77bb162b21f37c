"""Programs that read while they run, through the whole stack: over HTTP and over a WebSocket."""

import asyncio
import base64
from typing import Any

import httpx
import pytest

from tests.integration.notifier.client import Client, Shown, connected, is_terminal
from tests.system.conftest import User
from tests.system.test_http import assert_problem

pytestmark = pytest.mark.timeout(90)

SUMS = "total = 0\nwhile True:\n    total += int(input())\n    print(total, flush=True)\n"
ECHO = "import sys\nfor line in sys.stdin:\n    print('>' + line, end='', flush=True)\n"
MANY = 30


async def begin(http: httpx.AsyncClient, code: str = ECHO, **more: object) -> str:
    body = {"language": "python", "code": code, "interactive": True, **more}
    answer = await http.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["job_id"]
    return job_id


async def say(http: httpx.AsyncClient, job: str, offset: int, content: str = "", **more: object) -> Any:  # noqa: ANN401 - JSON
    answer = await http.post(f"/v1/jobs/{job}/input", json={"offset": offset, "content": content, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def printed(events: list[Shown]) -> str:
    return "".join(event["data"]["content"] for event in events if event["type"] == "job.output.v1")


class Watched(Client):
    """A connection that sorts what it is sent by kind, so that answers and events may come in any order."""

    def __init__(self, client: Client) -> None:
        super().__init__(client.socket)
        self.events: list[Shown] = []
        self.stored: list[Shown] = []
        self.errors: list[Shown] = []

    async def step(self) -> None:
        message = await self.next()
        match message["type"]:
            case "event":
                self.events.append(message["event"])
            case "input_stored":
                self.stored.append(message)
            case "error":
                self.errors.append(message)
            case _:
                pass

    async def until_printed(self, text: str) -> None:
        async with asyncio.timeout(60):
            while text not in printed(self.events):
                await self.step()

    async def until_ended(self) -> Shown:
        async with asyncio.timeout(60):
            while not self.events or not is_terminal(self.events[-1]):
                await self.step()
        return self.events[-1]

    async def until_answered(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.stored) + len(self.errors) < count:
                await self.step()


async def test_over_http(alice: User, http: httpx.AsyncClient) -> None:
    # It does not end with its input, so that what is refused then is not refused for its end.
    code = (
        "import signal, sys\ntotal = 0\n"
        "for line in sys.stdin:\n    total += int(line)\n    print(total, flush=True)\n"
        "signal.pause()\n"
    )
    job = await begin(http, code)
    assert await say(http, job, 0, "4\n") == {"offset": 2, "ended": False}
    assert await say(http, job, 2, base64.b64encode(b"38\n").decode(), encoding="base64") == {
        "offset": 5,
        "ended": False,
    }
    assert await say(http, job, 0, "4\n") == {"offset": 5, "ended": False}
    answer = await http.post(f"/v1/jobs/{job}/input", json={"offset": 9, "content": "x"})
    assert assert_problem(answer, 409, "input-mismatch")["expected_offset"] == 5
    answer = await http.post(f"/v1/jobs/{job}/input", json={"offset": 0, "content": "5\n"})
    assert assert_problem(answer, 409, "input-mismatch")["expected_offset"] == 5
    assert await say(http, job, 5, end=True) == {"offset": 5, "ended": True}
    answer = await http.post(f"/v1/jobs/{job}/input", json={"offset": 5, "content": "x"})
    assert_problem(answer, 409, "input-ended")
    async with asyncio.timeout(60):
        shown = ""
        async for event in alice.client.follow(job):
            shown += event.data["content"] if event.type == "job.output.v1" else ""
            if "42\n" in shown:
                break
    await alice.client.cancel(job)
    await alice.until_terminal(job)
    found = (await http.get(f"/v1/jobs/{job}")).json()
    assert found["result"]["stdout"]["content"] == "4\n42\n"
    given = found["result"]["input"]
    assert (given["content"], given["total_bytes"], given["ended"]) == ("4\n38\n", 5, True)
    answer = await http.post(f"/v1/jobs/{job}/input", json={"offset": 5, "content": "x"})
    assert_problem(answer, 409, "already-finished")


async def test_over_a_websocket(alice: User, http: httpx.AsyncClient) -> None:
    job = await begin(http, SUMS)
    async with connected(alice.stack.address.websocket_url, token=alice.token) as client:
        watched = Watched(client)
        await watched.send(type="subscribe", id="s", job_id=job, after="start")
        await watched.send(type="input", id="1", job_id=job, offset=0, content="4\n")
        await watched.until_printed("4\n")
        await watched.send(type="input", job_id=job, offset=2, content="MzgK", encoding="base64")
        await watched.until_printed("42\n")
        await watched.until_answered(2)
        assert [one.get("id") for one in watched.stored] == ["1", None]
        assert [(one["job_id"], one["offset"], one["ended"]) for one in watched.stored] == [
            (job, 2, False),
            (job, 5, False),
        ]
        await watched.send(type="input", id="3", job_id=job, offset=7, content="x")
        await watched.until_answered(3)
        (error,) = watched.errors
        assert (error["id"], error["code"], error["expected"]) == ("3", "input_mismatch", 5)
        await watched.send(type="end_input", id="4", job_id=job)
        ended = await watched.until_ended()
        assert ended["data"]["result"]["input"]["content"] == "4\n38\n"
        order = list[tuple[str, str]]()
        for event in watched.events:
            kind, content = event["type"].split(".")[1], event["data"].get("content")
            if kind == "output" and order and order[-1][0] == kind:
                # A program may print a line in two pieces.
                order[-1] = kind, order[-1][1] + content
            elif kind in {"input", "output"}:
                order.append((kind, content))
        assert order[:4] == [("input", "4\n"), ("output", "4\n"), ("input", "38\n"), ("output", "42\n")]


async def test_both_doors_make_one_input(alice: User, http: httpx.AsyncClient) -> None:
    """Two processes add to the input of one job, each by turns and each from what the other one says."""
    job = await begin(http)
    async with connected(alice.stack.address.websocket_url, token=alice.token) as client:
        watched = Watched(client)
        offset = 0
        for number in range(MANY):
            line = f"{number}\n"
            if number % 2:
                offset = (await say(http, job, offset, line))["offset"]
            else:
                await watched.send(type="input", job_id=job, offset=offset, content=line)
                await watched.until_answered(len(watched.stored) + 1)
                assert not watched.errors
                offset = watched.stored[-1]["offset"]
    await say(http, job, offset, end=True)
    await alice.until_terminal(job)
    found = (await http.get(f"/v1/jobs/{job}")).json()
    assert found["result"]["stdout"]["content"] == "".join(f">{number}\n" for number in range(MANY))


async def test_a_terminal(alice: User, http: httpx.AsyncClient) -> None:
    code = (
        "import os, signal\n"
        "def show(*_):\n    print(*os.get_terminal_size(), flush=True)\n"
        "signal.signal(signal.SIGWINCH, show)\nshow()\n"
        "try:\n    input('? ')\nexcept KeyboardInterrupt:\n    print('interrupted', flush=True)\n"
    )
    job = await begin(http, code, terminal={"columns": 90, "rows": 20})
    async with connected(alice.stack.address.websocket_url, token=alice.token) as client:
        watched = Watched(client)
        await watched.send(type="subscribe", id="s", job_id=job, after="start")
        await watched.until_printed("90 20\r\n? ")
        await watched.send(type="resize", job_id=job, columns=70, rows=10)
        await watched.until_printed("70 10\r\n")
        answer = await http.post(f"/v1/jobs/{job}/signal", json={"signal": "SIGINT"})
        assert answer.status_code == 200, answer.text
        ended = await watched.until_ended()
    assert ended["type"] == "job.completed.v1"
    assert ended["data"]["result"]["stdout"]["content"].endswith("interrupted\r\n")


async def test_secrets_are_shown_nowhere(alice: User, http: httpx.AsyncClient) -> None:
    job = await begin(http, "print(len(input()), input(), flush=True)")
    await say(http, job, 0, "tops3cret\n", secret=True)
    await say(http, job, 10, "open\n", end=True)
    events = await alice.until_terminal(job)
    assert "tops3cret" not in repr(events)
    found = (await http.get(f"/v1/jobs/{job}")).json()
    assert found["result"]["stdout"]["content"] == "9 open\n"
    assert found["result"]["input"]["content"] == "open\n"
    assert "tops3cret" not in repr(found)


async def test_what_waits_for_long_ends(alice: User, http: httpx.AsyncClient) -> None:
    job = await begin(http, idle_s=1)
    last = (await alice.until_terminal(job))[-1]
    assert (last.type, last.data["reason"]) == ("job.timeout.v1", "idle")


async def test_what_waits_is_cancelled(alice: User, http: httpx.AsyncClient) -> None:
    job = await begin(http)
    await alice.until(job, "running")
    await alice.client.cancel(job)
    assert (await alice.until_terminal(job))[-1].type == "job.cancelled.v1"


async def test_other_jobs_take_no_input(alice: User, http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/jobs", json={"language": "python", "code": "print(1)"})
    job = answer.json()["job_id"]
    answer = await http.post(f"/v1/jobs/{job}/input", json={"offset": 0, "content": "x"})
    assert_problem(answer, 409, "not-interactive")
    async with connected(alice.stack.address.websocket_url, token=alice.token) as client:
        watched = Watched(client)
        await watched.send(type="input", id="1", job_id=job, offset=0, content="x")
        await watched.until_answered(1)
        assert [(one["id"], one["code"]) for one in watched.errors] == [("1", "not_interactive")]
