"""Jobs whose events a newer version writes, beside a stack of this one: all four services and the client."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import pytest
import pytest_asyncio

from headrace.local.supervisor import Stack
from shared.contract.subjects import DEAD
from shared.domain.events import Event, FeedNote, JobOutput, JobProgress, Terminal
from shared.domain.record import JobSummary
from shared.jetstream.connection import Broker
from tests import builders
from tests.http_client import http_client
from tests.integration.notifier.sse import streaming
from tests.newer import from_newer, subject_of
from tests.system.conftest import User, broker_of, user_of
from tests.system.test_cli_asking import ask
from tests.unit.test_newer_values import ENDS, STATUSES

NAME = "newer"
WAIT_S = 30
NOTE = {
    "job_id": builders.JOB,
    "user_id": NAME,
    "time": builders.NOON,
    "request_id": "req-1",
    "attempt": 1,
    "stage": "run",
}


@pytest_asyncio.fixture(loop_scope="session")
async def user(shared_stack: Stack) -> AsyncIterator[User]:
    async with user_of(shared_stack, NAME) as user:
        yield user


@pytest_asyncio.fixture(loop_scope="session")
async def http(user: User) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {user.token}"}
    async with http_client(base_url=user.stack.address.api_url, headers=headers, timeout=60) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def broker(shared_stack: Stack) -> AsyncIterator[Broker]:
    async with broker_of(shared_stack) as found:
        yield found


@dataclass(frozen=True)
class Garbage:
    """What services have taken for garbage: lines of their logs, and dead messages."""

    lines: int
    dead: int


async def garbage(stack: Stack) -> Garbage:
    texts = [path.read_text() for path in stack.directory.glob("*.log")]
    async with broker_of(stack) as broker:
        info = await broker.api(f"STREAM.INFO.{DEAD}")
    lines = sum(text.count("poison") + text.count("Traceback") for text in texts)
    return Garbage(lines, info["state"]["last_seq"])


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def before(shared_stack: Stack) -> Garbage:
    """What there was before any test of this module."""
    return await garbage(shared_stack)


async def store(broker: Broker, event: Event | FeedNote, **values: object) -> int:
    """As a newer version writes it; returns its sequence."""
    answer = await broker.request(subject_of(event), from_newer(event, **values))
    return int(json.loads(answer.data)["seq"])


async def notes(broker: Broker, job: str) -> int:
    """Output and progress of a newer executor; returns the sequence of the last."""
    about = {**NOTE, "job_id": job}
    await store(broker, JobOutput(**about, stream="stdout", offset=0, content="4"))  # type: ignore[arg-type]
    return await store(broker, JobProgress(**about, percent=50, message="half"))  # type: ignore[arg-type]


async def waits(http: httpx.AsyncClient) -> None:
    """A request of the user's waits for the end of a job."""
    async with asyncio.timeout(WAIT_S):
        while (await http.get("/v1/usage")).json()["waits"]["used"] == 0:
            continue


async def whole_life(
    broker: Broker, http: httpx.AsyncClient, user: User, end: Terminal
) -> tuple[str, httpx.Response]:
    """A job that is watched over each transport until it ends; its id, and what a request that waited got."""
    job, url = end.job_id, user.stack.address.websocket_url
    async with asyncio.timeout(60), streaming(url, user.token, job, after="start") as stream:
        await stream.expect("subscribed")
        assert (await stream.event())["data"]["later_field"] == "ü"
        followed = asyncio.create_task(user.until_terminal(job))
        prefer = {"Prefer": f"wait={WAIT_S}"}
        waiting = asyncio.create_task(http.get(f"/v1/jobs/{job}", headers=prefer))
        await waits(http)
        await store(broker, builders.running(job, NAME))
        await store(broker, end, feed_sequence=await notes(broker, job))
        over_sse = await stream.until_terminal()
        await stream.expect("complete")
        over_websocket = [msgspec.to_builtins(event) for event in await followed]
        waited = await waiting
    assert [event["type"] for event in over_sse] == [event["type"] for event in over_websocket][1:]
    assert [event["data"] for event in over_sse] == [event["data"] for event in over_websocket][1:]
    assert len(over_websocket) == 5
    assert all(event["data"]["later_field"] == "ü" for event in over_websocket)
    # Log and feed are followed side by side: the output may come before the event that the job runs.
    (output,) = (event for event in over_websocket if event["type"] == "job.output.v1")
    assert output["data"]["stream"] == "later_stream"
    return job, waited


async def listed(user: User, job_id: str, status: str) -> JobSummary:
    """The job as the view has it, once it has caught up with the log."""
    async with asyncio.timeout(WAIT_S):
        while True:
            async for one in user.client.every_job(status=status):
                if one.job_id == job_id:
                    return one


@pytest.mark.clause("5.3")
@pytest.mark.parametrize(("end", "status"), list(zip(ENDS, STATUSES, strict=True)), ids=STATUSES)
async def test_a_job_is_known_ends_and_is_shown_everywhere(
    broker: Broker, http: httpx.AsyncClient, user: User, end: Terminal, status: str
) -> None:
    end = msgspec.structs.replace(end, job_id=builders.job_id(), user_id=NAME)
    await store(broker, builders.queued(end.job_id, NAME))
    behind = await user.client.submit({"language": "bash", "code": "echo behind"})
    job, waited = await whole_life(broker, http, user, end)
    reason = "later_reason" if status in {"failed", "timeout"} else None
    told = waited.json()
    assert (waited.status_code, waited.headers["Preference-Applied"]) == (200, f"wait={WAIT_S}")
    assert (told["status"], told["reason"]) == (status, reason)
    assert [stage["name"] for stage in told["result"]["stages"]] == ["later_stage_0", "later_stage_1"]

    assert (await user.client.result(behind.job_id)).status == "completed", "the lane moved on"

    record = await user.client.get(job)
    assert (record.status, record.is_finished, record.reason) == (status, True, reason)
    assert (await listed(user, job, status)).reason == reason
    history = await user.client.history(job)
    assert [event async for event in user.client.replay(job_id=job)] == history
    assert [event.data["later_field"] for event in history] == ["ü"] * 3


@pytest.mark.timeout(300)
@pytest.mark.full
async def test_commands_show_it(broker: Broker, user: User, tmp_path: Path) -> None:
    job = builders.job_id()
    await store(broker, builders.queued(job, NAME))
    await store(broker, builders.running(job, NAME))
    feed_sequence = await notes(broker, job)
    (end,) = (each for each, status in zip(ENDS, STATUSES, strict=True) if status == "failed")
    last = await store(
        broker, msgspec.structs.replace(end, job_id=job, user_id=NAME), feed_sequence=feed_sequence
    )
    await user.until_terminal(job)

    kept = tmp_path / "kept.ndjson"
    commands: list[list[object]] = [
        ["get", job],
        ["logs", job],
        ["logs", "--json", job],
        ["wait", job],
        ["ls", "--status", "failed"],
        ["replay", "--job", job],
        ["replay", "--job", job, "--at", last],
        ["export", kept],
    ]
    sheet, logs, pieces, wait, jobs, replay, states, export = [
        await ask(user, *words, "--user", NAME) for words in commands
    ]
    assert wait.code == 1
    assert [one.code for one in (sheet, logs, pieces, jobs, replay, states, export)] == [0] * 7
    assert b"later_stage_0" in sheet.stdout
    assert logs.stdout == b"42\n"
    assert [(one["stage"], one["stream"]) for one in pieces.lines()] == [("later_stage_1", "stdout")]
    for shown in (sheet.stdout, wait.stderr, jobs.stdout, replay.stdout, states.stdout):
        assert b"later_reason" in shown
    assert "later_field" in kept.read_text()
    verified = await ask(user, "verify", kept, "--against-log", "--json", "--user", NAME)
    assert verified.code == 0, verified.stderr
    assert verified.json()["log"]["differences_count"] == 0


async def test_nothing_of_it_was_taken_for_garbage(shared_stack: Stack, before: Garbage) -> None:
    """Of all that the tests above stored."""
    assert await garbage(shared_stack) == before
    logs = [path.read_text() for path in shared_stack.directory.glob("*.log")]
    assert "newer_event" in "".join(logs), "the executor left the program to a newer one"
