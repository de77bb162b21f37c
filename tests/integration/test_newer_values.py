"""Events of today with values and fields of a newer version: none is lost, no job waits, none is a 500."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from shared.contract.subjects import DEAD, EXECUTOR_DURABLE, JOBS, job_event
from shared.domain.enumerations import UnknownValueError
from shared.domain.events import Event
from shared.domain.job import Finished
from shared.domain.result import StageReport
from shared.jetstream.connection import API, Broker
from shared.jetstream.event_log import Log
from shared.jetstream.message import Message
from tests import builders
from tests.integration.api_in_process import asked_api
from tests.integration.test_scheduler import pending, submit, working
from tests.newer import from_newer, subject_of
from tests.unit.test_newer_values import ENDS, STATUSES

SUBMISSION = {"language": "python", "code": "print(42)"}


@pytest.fixture
async def api(broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    async with asked_api(broker, "jobs", "ops") as client:
        yield client


async def store(broker: Broker, *events: Event, **values: object) -> None:
    """As a newer version writes them."""
    for event in events:
        await broker.request(subject_of(event), from_newer(event, **values))


@pytest.mark.parametrize(("end", "status"), list(zip(ENDS, STATUSES, strict=True)), ids=STATUSES)
async def test_the_same_key_is_the_same_job_which_has_ended(
    broker: Broker, log: Log, api: httpx.AsyncClient, end: Event, status: str
) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await api.post("/v1/jobs", json=SUBMISSION, headers=headers)
    job = first.json()["job_id"]
    await store(broker, builders.running(job), msgspec.structs.replace(end, job_id=job))
    again = await api.post("/v1/jobs", json=SUBMISSION, headers=headers)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")
    told = again.json()
    assert (told["job_id"], told["status"], told["last_sequence"]) == (job, status, 3)
    assert [stage["name"] for stage in told["result"]["stages"]] == ["later_stage_0", "later_stage_1"]
    if status in {"failed", "timeout"}:
        assert told["reason"] == "later_reason"
    for path in (f"/v1/jobs/{job}", f"/v1/jobs/{job}?as_of=3"):
        assert {"waiting_for": None, **(await api.get(path)).json()} == told
    events = (await api.get(f"/v1/jobs/{job}/events")).json()["events"]
    assert [event["data"].get("later_field") for event in events] == [None, "ü", "ü"]
    assert (await api.get(f"/v1/jobs/{job}/artifacts")).status_code == 200
    refused = await api.post(f"/v1/jobs/{job}/cancel")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:headrace:problem:already-finished")
    assert isinstance((await log.read_job(builders.USER, job)).state, Finished)


async def test_the_same_key_is_the_same_batch(broker: Broker, api: httpx.AsyncClient) -> None:
    body, headers = {"jobs": [SUBMISSION] * 2}, {"Idempotency-Key": "batch"}
    jobs = (await api.post("/v1/jobs/batch", json=body, headers=headers)).json()["jobs"]
    first = jobs[0]["job"]["job_id"]
    await store(broker, builders.running(first), builders.failed(first))
    again = (await api.post("/v1/jobs/batch", json=body, headers=headers)).json()["jobs"]
    assert [item["job"]["job_id"] for item in again] == [item["job"]["job_id"] for item in jobs]
    assert [(item["status"], item["job"]["status"], item["job"]["reason"]) for item in again] == [
        (202, "failed", "later_reason"),
        (202, "queued", None),
    ]


async def test_the_same_key_is_the_same_job_whose_beginning_a_newer_version_wrote(
    broker: Broker, log: Log, api: httpx.AsyncClient
) -> None:
    headers = {"Idempotency-Key": "one"}
    body = {**SUBMISSION, "stdin": "a line\n"}
    job = (await api.post("/v1/jobs", json=body, headers=headers)).json()["job_id"]
    (entry,) = await log.read_entries(builders.USER, job)
    subject = job_event(builders.USER, job, "queued")
    await broker.api("STREAM.PURGE.JOBS", {"filter": subject}, timeout_s=5)
    await store(broker, entry.event())
    again = await api.post("/v1/jobs", json=body, headers=headers)
    assert (again.status_code, again.json()["job_id"]) == (202, job)
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await api.post("/v1/jobs", json=SUBMISSION, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "urn:headrace:problem:invalid-request")
    assert (await api.post(f"/v1/jobs/{job}/cancel")).json()["status"] == "cancelled"


async def test_a_job_that_a_newer_executor_runs_can_be_stopped(
    broker: Broker, api: httpx.AsyncClient
) -> None:
    job = builders.job_id()
    await store(broker, builders.queued(job), builders.running(job))
    answer = await api.post(f"/v1/jobs/{job}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "running")
    assert answer.json()["cancel_requested_at"] is not None


async def test_the_run_of_a_session_is_over(broker: Broker, api: httpx.AsyncClient) -> None:
    session = (await api.post("/v1/sessions", json=SUBMISSION)).json()["session_id"]
    first = (await api.post(f"/v1/sessions/{session}/run")).json()["job_id"]
    await store(broker, builders.running(first), builders.failed(first))
    assert (await api.post(f"/v1/sessions/{session}/run")).json()["job_id"] != first


async def test_an_ended_job_is_erased_and_its_tombstone_is_one(
    broker: Broker, api: httpx.AsyncClient
) -> None:
    ended, gone = builders.job_id(), builders.job_id()
    await store(broker, builders.queued(ended), builders.running(ended), builders.timeout(ended))
    await store(broker, builders.queued(gone), builders.cancelled(gone), builders.expired(gone))
    assert (await api.get(f"/v1/jobs/{gone}")).status_code == 410
    erasure = (await api.delete(f"/v1/users/{builders.USER}")).json()
    assert (erasure["expired"], erasure["unfinished"]) == (1, 0)
    assert (await api.get(f"/v1/jobs/{ended}")).status_code == 410


async def test_a_dead_letter_is_retried_whole_or_not_at_all(
    broker: Broker, log: Log, api: httpx.AsyncClient
) -> None:
    """A copy by this version would lose what the newer one added to the program."""
    job = builders.job_id()
    await store(broker, builders.queued(job), builders.running(job))
    await store(broker, builders.failed(job), reason="executor_lost")
    assert (await api.get(f"/v1/dead-letters/{job}")).json()["reason"] == "executor_lost"
    answer = await api.post(f"/v1/dead-letters/{job}/retry")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:headrace:problem:newer-event")
    assert "job.queued.v1 with encoding 'later_encoding'" in answer.json()["detail"]
    assert await log.last_sequence() == 3


async def test_another_reason_is_no_dead_letter(broker: Broker, api: httpx.AsyncClient) -> None:
    job = builders.job_id()
    await store(broker, builders.queued(job), builders.running(job), builders.failed(job))
    assert (await api.get(f"/v1/dead-letters/{job}")).status_code == 404
    assert (await api.post(f"/v1/dead-letters/{job}/retry")).status_code == 409


async def test_what_is_not_known_is_not_appended(log: Log) -> None:
    failed = msgspec.structs.replace(builders.failed(), reason="later")
    with pytest.raises(UnknownValueError):
        await log.append(failed, expected=0, patience_s=1)
    assert await log.last_sequence() == 0


async def test_a_program_in_an_unknown_encoding_waits_for_a_newer_executor(broker: Broker, log: Log) -> None:
    newer, (known,) = builders.queued(builders.job_id(), "zoe"), await submit(log, "alice")
    await store(broker, newer)
    (last,) = await submit(log, "bob")
    async with working(broker, log, slots=3) as worker:
        await worker.until_started(known, last)
        worker.end_all = True
        worker.end(known)
        worker.end(last)
        async with asyncio.timeout(20):
            while await pending(broker) != (1, 0):
                continue
        assert newer.job_id in worker.unfinished, "it waits in its lane"
        assert newer.job_id not in worker.started
        await store(broker, builders.cancelled(newer.job_id, "zoe"))
        async with asyncio.timeout(20):
            while await pending(broker) != (0, 0):
                continue
    info = await broker.api(f"STREAM.INFO.{DEAD}")
    assert info["state"]["messages"] == 0, "it was given up for good"


async def test_a_program_with_unknown_fields_alone_runs(broker: Broker, log: Log) -> None:
    job = builders.queued(builders.job_id(), "zoe")
    files = [msgspec.to_builtins(file) for file in job.files]
    await store(broker, job, files=files)
    async with working(broker, log, slots=1) as worker:
        await worker.until_started(job.job_id)


async def test_a_lane_moves_on_behind_an_end_of_a_newer_version(broker: Broker, log: Log) -> None:
    """The first runs elsewhere, on a newer executor; the second waits here."""
    first, second = await submit(log, builders.USER, 2)
    stages = (StageReport(name="run", wall_ms=1, cpu_ms=1),)
    failed = builders.failed(first)
    assert failed.result is not None
    end = msgspec.structs.replace(failed, result=msgspec.structs.replace(failed.result, stages=stages))
    delivered: asyncio.Queue[Message] = asyncio.Queue()
    inbox = broker.inbox()
    await broker.subscribe(inbox, delivered.put)
    await broker.publish(f"{API}CONSUMER.MSG.NEXT.{JOBS}.{EXECUTOR_DURABLE}", b"1", reply=inbox)
    elsewhere = await delivered.get()
    assert first in elsewhere.subject
    await broker.publish(elsewhere.reply, b"+ACK")
    await store(broker, builders.running(first))
    async with working(broker, log, slots=2) as worker:
        async with asyncio.timeout(20):
            while first not in worker.unfinished.running:
                await pending(broker)
        assert second not in worker.unfinished.startable
        await store(broker, end)
        await worker.until_started(second)
        worker.end(second)
        async with asyncio.timeout(20):
            while await pending(broker) != (0, 0):
                continue
