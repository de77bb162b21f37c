"""Jobs with an event that a newer program wrote: what is known is told, the rest is refused for now."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.executor.scheduling.scheduler import read_event
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from shared.contract.codec import encode
from shared.contract.subjects import job_event
from shared.domain.events import Event, kind_of
from shared.domain.job import Finished
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from shared.jetstream.job_history import NewerEventError
from tests import builders
from tests.integration.api_in_process import asked_api

SUBMISSION = {"language": "python", "code": "print(42)"}


@pytest.fixture
async def api(broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    async with asked_api(broker, "jobs", "ops") as client:
        yield client


async def store(broker: Broker, *events: Event) -> None:
    for event in events:
        await broker.request(job_event(event.user_id, event.job_id, kind_of(event)), encode(event))


async def newer(broker: Broker, job: str, tag: str = "job.paused.v9") -> None:
    await broker.request(*builders.newer(job, tag))


def is_for_later(answer: httpx.Response, tag: str = "job.paused.v9") -> bool:
    document = answer.json()
    return (
        (answer.status_code, document["type"]) == (503, "urn:headrace:problem:newer-event")
        and answer.headers["Retry-After"] == "30"
        and tag in document["detail"]
    )


async def paused(broker: Broker) -> str:
    """A running job that a newer program has done something else to."""
    job = builders.job_id()
    await store(broker, builders.queued(job), builders.running(job))
    await newer(broker, job)
    return job


async def test_a_job_is_read_as_far_as_it_is_known(broker: Broker, api: httpx.AsyncClient) -> None:
    job = await paused(broker)
    for path in (f"/v1/jobs/{job}", f"/v1/jobs/{job}?as_of=3", f"/v1/jobs/{job}?as_of=2100-01-01T00:00:00Z"):
        answer = await api.get(path)
        assert (answer.status_code, answer.json()["status"], answer.json()["last_sequence"]) == (
            200,
            "running",
            2,
        )
    events = (await api.get(f"/v1/jobs/{job}/events")).json()["events"]
    assert [event["type"] for event in events] == ["job.queued.v1", "job.running.v1", "job.paused.v9"]
    assert events[2]["data"]["since"] == "noon"
    assert (await api.get(f"/v1/jobs/{job}/artifacts")).status_code == 409


async def test_nothing_is_decided_on_what_is_not_known(
    broker: Broker, log: Log, api: httpx.AsyncClient
) -> None:
    job = await paused(broker)
    assert is_for_later(await api.post(f"/v1/jobs/{job}/cancel"))
    assert is_for_later(await api.post(f"/v1/jobs/{job}/cancel", headers={"If-Match": '"2"'}))
    assert is_for_later(await api.post(f"/v1/dead-letters/{job}/retry"))
    with pytest.raises(NewerEventError):
        await log.read_job(builders.USER, job)
    assert await log.last_sequence() == 3


async def test_the_same_key_is_the_same_job_whatever_became_of_it(
    broker: Broker, api: httpx.AsyncClient
) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await api.post("/v1/jobs", json=SUBMISSION, headers=headers)
    job = first.json()["job_id"]
    await newer(broker, job)
    again = await api.post("/v1/jobs", json=SUBMISSION, headers=headers)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")
    assert again.json() == first.json()
    other = await api.post("/v1/jobs", json={**SUBMISSION, "code": "print(43)"}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "urn:headrace:problem:invalid-request")


async def test_a_key_whose_beginning_is_not_known_is_for_later_alone_in_its_batch(
    broker: Broker, api: httpx.AsyncClient
) -> None:
    body, headers = {"jobs": [SUBMISSION] * 3}, {"Idempotency-Key": "batch"}
    first = (await api.post("/v1/jobs/batch", json=body, headers=headers)).json()["jobs"]
    middle = first[1]["job"]["job_id"]
    await broker.api("STREAM.PURGE.JOBS", {"filter": job_event(builders.USER, middle, "queued")}, timeout_s=5)
    await newer(broker, middle, "job.queued.v9")
    again = (await api.post("/v1/jobs/batch", json=body, headers=headers)).json()["jobs"]
    assert [item["status"] for item in again] == [202, 503, 202]
    assert again[1]["problem"]["type"] == "urn:headrace:problem:newer-event"
    assert [again[0]["job"], again[2]["job"]] == [first[0]["job"], first[2]["job"]]
    for method, path in (
        ("GET", f"/v1/jobs/{middle}"),
        ("POST", f"/v1/jobs/{middle}/cancel"),
        ("GET", f"/v1/dead-letters/{middle}"),
        ("POST", f"/v1/dead-letters/{middle}/retry"),
    ):
        assert is_for_later(await api.request(method, path), "job.queued.v9"), path
    assert (await api.get(f"/v1/jobs/{middle}/events")).status_code == 200


async def test_a_key_whose_beginning_nobody_can_read_is_no_failure_of_the_service(
    broker: Broker, api: httpx.AsyncClient
) -> None:
    headers = {"Idempotency-Key": "poison"}
    job = (await api.post("/v1/jobs", json=SUBMISSION, headers=headers)).json()["job_id"]
    subject = job_event(builders.USER, job, "queued")
    await broker.api("STREAM.PURGE.JOBS", {"filter": subject}, timeout_s=5)
    await broker.request(subject, b"\xff")
    answer = await api.post("/v1/jobs", json=SUBMISSION, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:headrace:problem:invalid-request")
    for path in (f"/v1/jobs/{job}", f"/v1/dead-letters/{job}"):
        assert (await api.get(path)).status_code == 404


async def test_what_has_ended_stays_ended(broker: Broker, log: Log, api: httpx.AsyncClient) -> None:
    job = builders.job_id()
    await store(broker, builders.queued(job))
    await newer(broker, job, "job.running.v9")
    await store(broker, builders.completed(job))
    await newer(broker, job, "job.archived.v9")
    assert (await api.get(f"/v1/jobs/{job}")).json()["status"] == "completed"
    refused = await api.post(f"/v1/jobs/{job}/cancel")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:headrace:problem:already-finished")
    assert isinstance((await log.read_job(builders.USER, job)).state, Finished)
    follower = UnfinishedJobs()
    for entry in await log.read_entries(builders.USER, job):
        event = read_event(entry)
        if event is not None:
            follower.apply(entry.sequence, event)
    assert job not in follower, "its lane would wait for ever"


async def test_a_tombstone_of_a_newer_version_is_one(
    broker: Broker, log: Log, api: httpx.AsyncClient
) -> None:
    headers = {"Idempotency-Key": "gone"}
    job = (await api.post("/v1/jobs", json=SUBMISSION, headers=headers)).json()["job_id"]
    await store(broker, builders.cancelled(job))
    await newer(broker, job, "job.expired.v9")
    for path in (f"/v1/jobs/{job}", f"/v1/jobs/{job}/events", f"/v1/jobs/{job}?as_of=1"):
        assert (await api.get(path)).status_code == 410
    assert (await api.post("/v1/jobs", json=SUBMISSION, headers=headers)).status_code == 410
    # No second one is written after it.
    with pytest.raises(NewerEventError):
        await log.read_job(builders.USER, job)


async def test_the_run_of_a_session_goes_on(broker: Broker, api: httpx.AsyncClient) -> None:
    session = (await api.post("/v1/sessions", json=SUBMISSION)).json()["session_id"]
    first = (await api.post(f"/v1/sessions/{session}/run")).json()["job_id"]
    await newer(broker, first)
    assert (await api.post(f"/v1/sessions/{session}/run")).json()["job_id"] == first
    await newer(broker, first, "job.completed.v9")
    assert (await api.post(f"/v1/sessions/{session}/run")).json()["job_id"] != first


async def test_an_erasure_passes_over_what_it_cannot_judge_and_says_that_it_is_not_done(
    broker: Broker, log: Log, api: httpx.AsyncClient
) -> None:
    job, other = await paused(broker), builders.job_id()
    await store(broker, builders.queued(other), builders.cancelled(other))
    answer = await api.delete(f"/v1/users/{builders.USER}")
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["expired"], told["unfinished"]) == (202, 1, 1)
    assert len(await log.read_entries(builders.USER, job)) == 3
