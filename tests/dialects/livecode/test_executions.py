"""Executions: submitted, found again while they have not ended, and polled."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
import pytest

from services.api.dialects.livecode import answers
from shared.contract.subjects import QUEUED_SUBJECTS, run_slot_key
from shared.domain.record import JobRecord
from shared.domain.result import Output, Result
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from tests import builders
from tests.dialects.livecode.client import NOT_FOUND, UNKNOWN, LiveCode, append, livecode_api, run_to_end


async def queued_jobs(log: Log) -> list[str]:
    return [entry.subject.split(".")[2] async for entry in log.replay(QUEUED_SUBJECTS)]


@pytest.mark.row("livecode", "2.1", "2.2", "2.3")
async def test_an_execution_is_an_ordinary_job(live: LiveCode) -> None:
    made = await live.execute(language="py")
    assert made == {"executionId": made["executionId"], "status": "QUEUED"}
    job = (await live.http.get(f"/v1/jobs/{made['executionId']}")).json()
    assert (job["language"], job["labels"]) == ("python", {"dialect:session": "tab-1"})
    assert job["status"] == "queued"
    for none in ({"sessionId": ""}, {"sessionId": None}):
        job = (await live.http.get(f"/v1/jobs/{(await live.execute(**none))['executionId']}")).json()
        assert job["labels"] == {}
    answer = await live.post("/executions", {"sessionId": None, "language": "python", "code": "1"})
    assert answer.status_code == 201


@pytest.mark.row("livecode", "2.4", "2.5")
async def test_the_same_again_is_the_same_execution_until_it_has_ended(live: LiveCode, log: Log) -> None:
    first = await live.execute()
    assert await live.execute() == first
    job_id = first["executionId"]
    others = [
        await live.execute(sessionId="tab-2"),
        await live.execute(code="print(2)"),
        await live.execute(language="py"),
        await live.execute(sessionId=None),
        await live.execute(sessionId=None),
    ]
    assert len({job_id, *(one["executionId"] for one in others)}) == 6
    # What was submitted meanwhile has not made it forgotten.
    await append(log, builders.running(job_id))
    assert await live.execute() == {"executionId": job_id, "status": "RUNNING"}
    await append(log, builders.completed(job_id))
    again = await live.execute()
    assert again["executionId"] != job_id
    assert await live.execute() == again


@pytest.mark.row("livecode", "2.5")
async def test_a_key_is_what_counts_where_one_is_sent(live: LiveCode, log: Log) -> None:
    async def keyed(code: str, key: str) -> Any:  # noqa: ANN401 - JSON
        body = {"sessionId": "tab-1", "language": "python", "code": code}
        return (await live.post("/executions", body, key)).json()

    first = await keyed("1", "one")
    await run_to_end(log, first["executionId"])
    assert await keyed("1", "one") == {"executionId": first["executionId"], "status": "COMPLETED"}
    assert (await keyed("1", "two"))["executionId"] != first["executionId"]
    assert (await keyed("2", "one"))["statusCode"] == 400


@pytest.mark.row("livecode", "2.4")
async def test_many_at_once_at_two_apis_are_one_execution(broker: Broker, live: LiveCode, log: Log) -> None:
    async with livecode_api(broker) as other:
        made = await asyncio.gather(*(api.execute() for api in (live, other) * 20))
    (job_id,) = {one["executionId"] for one in made}
    assert await queued_jobs(log) == [job_id]


@pytest.mark.row("livecode", "2.4")
async def test_what_is_remembered_of_executions_is_bounded(
    live: LiveCode, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.dialects.livecode.executions.SLOTS", 1)
    monkeypatch.setattr("services.api.dialects.livecode.executions.SLOT_ENTRIES_MAX", 2)
    made = [await live.execute(code=code) for code in ("1", "2", "3")]
    assert [await live.execute(code=code) for code in ("2", "3")] == made[1:]
    slot = [entry async for entry in log.replay(run_slot_key(builders.USER, 0), stream="KV_SESSIONS")]
    assert len(slot) == 1, "earlier revisions are removed"
    remembered = [str(UUID(bytes=job_id)) for job_id in msgspec.msgpack.decode(slot[0].payload).values()]
    assert remembered == [one["executionId"] for one in made[1:]]


@pytest.mark.row("livecode", "2.6", "2.7", "2.9")
async def test_an_execution_is_read_while_it_waits_runs_and_has_ended(live: LiveCode, log: Log) -> None:
    job_id = (await live.execute())["executionId"]
    waits = (await live.get(f"/executions/{job_id}")).json()
    assert waits == {
        "id": job_id,
        "executionId": job_id,
        "status": "QUEUED",
        "createdAt": waits["createdAt"],
        **dict.fromkeys(("stdout", "stderr", "executionTimeMs", "startedAt", "finishedAt")),
    }
    assert waits["createdAt"].endswith("Z")
    await append(log, builders.running(job_id))
    runs = (await live.get(f"/executions/{job_id}")).json()
    noon = "2026-01-02T12:00:00.123Z"
    assert runs == {**waits, "status": "RUNNING", "startedAt": noon}
    await append(log, builders.completed(job_id))
    ended = (await live.get(f"/executions/{job_id}")).json()
    assert ended == {
        **runs,
        "status": "COMPLETED",
        "output": "42",
        "stdout": "42\n",
        "stderr": "",
        "executionTimeMs": 12,
        "finishedAt": noon,
    }


def ended(status: str, reason: str | None, stdout: str = "", stderr: str = "") -> JobRecord:
    return msgspec.structs.replace(
        builders.record(),
        status=status,
        reason=reason,
        finished_at=builders.NOON,
        result=Result(stdout=Output(content=stdout), stderr=Output(content=stderr), exit_code=1),
    )


@pytest.mark.row("livecode", "2.6", "2.7", "2.8")
@pytest.mark.parametrize(
    ("job", "status", "output", "error"),
    [
        (ended("completed", None, "a\n\nb \r\n\n", "warning"), "COMPLETED", "a\n\nb ", None),
        (ended("failed", "exit_code", "half\n", "Oops\n"), "FAILED", "half", "Oops\n"),
        (ended("failed", "exit_code", "", "\n"), "FAILED", "", "The program ended with exit code 1."),
        (ended("failed", "compile_error", "", "a.c:1"), "FAILED", "", "a.c:1"),
        (ended("timeout", "wall_time", "1\n"), "TIMEOUT", "1", "The program ran for longer than 10 seconds."),
        (ended("timeout", "cpu_time", "", "w"), "TIMEOUT", "", "w"),
        (ended("cancelled", None, "1\n", "w"), "FAILED", "1", "cancelled"),
        (ended("vanished", "sun_spots"), "FAILED", "", "The program failed: sun_spots."),
    ],
)
def test_an_end_is_told_in_the_words_of_the_dialect(
    job: JobRecord, status: str, output: str, error: str | None
) -> None:
    told = answers.execution(job)
    assert (told["status"], told["output"], told.get("error")) == (status, output, error)


@pytest.mark.row("livecode", "2.8")
def test_an_execution_that_never_ran_has_empty_texts() -> None:
    told = answers.execution(builders.record(builders.cancelled()))
    assert {name: told[name] for name in ("status", "output", "error", "stdout", "executionTimeMs")} == {
        "status": "FAILED",
        "output": "",
        "error": "cancelled",
        "stdout": "",
        "executionTimeMs": 0,
    }


@pytest.mark.row("livecode", "2.10")
async def test_whatever_is_no_execution_of_the_user_is_one_404(live: LiveCode, log: Log) -> None:
    foreign, expired = builders.job_id(), (await live.execute())["executionId"]
    await append(log, builders.queued(foreign, user="bob"))
    await run_to_end(log, expired)
    await append(log, builders.expired(expired))
    for job_id in (UNKNOWN, foreign, expired, "nothing", "%00", "x" * 300):
        answer = await live.get(f"/executions/{job_id}")
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND), job_id
