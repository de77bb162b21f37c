"""How long a job is kept, over HTTP and the four real processes; and that a user is erased when asked."""

import asyncio

import httpx
import pytest

from headrace.cli.erase import erase_user
from headrace.client.errors import ProblemAnswerError
from headrace.client.models import Erasure
from headrace.local.supervisor import Stack
from shared.contract.subjects import job_event, job_events
from shared.domain.events import JobExpired
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from tests import builders
from tests.system.conftest import User, broker_of, user_of
from tests.system.test_http import assert_problem

pytestmark = pytest.mark.full

MONTH_S = 30 * 24 * 3_600
PROGRAM = {"language": "python", "code": "print(42)"}


async def expire(broker: Broker, user: str, job: str) -> None:
    """What a projector does first when a job's time is over."""
    last = await Log(broker).last(job_events(user, job))
    assert last is not None
    await Log(broker).append(builders.expired(job, user), expected=last.sequence, patience_s=5, ttl_s=3_600)


async def test_a_job_tells_when_it_leaves(alice: User) -> None:
    job = await alice.run("python", "print(42)", ttl_s=3_600)
    history = await alice.client.history(job["job_id"])
    assert history[0].data["ttl_s"] == job["ttl_s"] == 3_600
    assert job["finished_at"] < job["expires_at"]


async def test_a_client_that_does_not_say_gets_the_usual(alice: User) -> None:
    job = await alice.client.submit(PROGRAM)
    assert (job.ttl_s, job.expires_at) == (MONTH_S, None)


@pytest.mark.parametrize("ttl_s", [59, 0, -1, MONTH_S + 1, "3600", True])
async def test_a_time_that_is_not_offered_is_refused(http: httpx.AsyncClient, ttl_s: object) -> None:
    answer = await http.post("/v1/jobs", json={**PROGRAM, "ttl_s": ttl_s})
    document = assert_problem(answer, 422, "invalid-request")
    assert "ttl_s" in str(document)


async def test_a_session_has_the_time_of_its_document(http: httpx.AsyncClient) -> None:
    session = (await http.post("/v1/sessions", json={**PROGRAM, "ttl_s": 120})).json()
    run = await http.post(f"/v1/sessions/{session['session_id']}/run")
    assert (run.status_code, run.json()["ttl_s"]) == (202, 120)


async def test_the_audit_tells_how_long_it_keeps(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/events")
    assert answer.headers["headrace-retention"] == f"usual={MONTH_S}, most={MONTH_S}, tombstone=86400"


async def test_a_job_that_has_expired_is_gone_everywhere(
    shared_stack: Stack, alice: User, http: httpx.AsyncClient
) -> None:
    key = {"Idempotency-Key": "once"}
    submission = {**PROGRAM, "code": "open('a', 'w').write('x')", "artifacts": ["a"]}
    job = (await http.post("/v1/jobs", json=submission, headers=key)).json()["job_id"]
    await alice.until_terminal(job)
    async with broker_of(shared_stack) as broker:
        await expire(broker, alice.name, job)
        async with asyncio.timeout(30):
            while len((await Log(broker).read_job(alice.name, job)).entries) > 1:
                pass
    for answer in (
        await http.get(f"/v1/jobs/{job}"),
        await http.get(f"/v1/jobs/{job}?as_of=1"),
        await http.get(f"/v1/jobs/{job}/events"),
        await http.get(f"/v1/jobs/{job}/artifacts"),
        await http.get(f"/v1/jobs/{job}/artifacts/a"),
        await http.post(f"/v1/jobs/{job}/cancel"),
        await http.post("/v1/jobs", json=submission, headers=key),
        await http.post("/v1/jobs", json=PROGRAM, headers=key),
    ):
        assert_problem(answer, 410, "expired")
    assert job not in (await http.get("/v1/jobs?limit=100")).text
    shown = [event async for event in alice.client.replay() if event.job_id == job]
    assert [event.type for event in shown] == ["job.expired.v1"]
    async with user_of(shared_stack) as bob:
        headers = {"Authorization": f"Bearer {bob.token}"}
        assert_problem(await http.get(f"/v1/jobs/{job}", headers=headers), 404, "unknown-job")


async def test_a_job_leaves_by_itself_when_its_time_is_over(shared_stack: Stack, alice: User) -> None:
    """From the log, because no client may ask for a second."""
    job = builders.job_id()
    async with broker_of(shared_stack) as broker, asyncio.timeout(60):
        await Log(broker).append(builders.queued(job, alice.name, ttl_s=1), expected=0, patience_s=5)
        async for event in alice.client.follow("*"):
            if (event.job_id, event.type) == (job, "job.expired.v1"):
                assert event.data["reason"] == "ttl"
                break
        while len((await Log(broker).read_job(alice.name, job)).entries) > 1:
            pass


async def test_only_operators_erase(http: httpx.AsyncClient, shared_stack: Stack) -> None:
    assert_problem(await http.delete("/v1/users/bob"), 403, "forbidden")
    async with user_of(shared_stack, scopes=frozenset({"jobs", "ops"})) as operator:
        headers = {"Authorization": f"Bearer {operator.token}"}
        answer = await http.delete(f"/v1/users/{'x' * 129}", headers=headers)
        assert_problem(answer, 422, "invalid-request")


async def test_a_user_is_erased_while_a_program_runs(shared_stack: Stack, alice: User) -> None:
    """The name is a wildcard, a prefix, and a path."""
    name = "al/*.>"
    kept = await alice.run("python", "print('alice')")
    async with user_of(shared_stack, name) as user:
        done = await user.run("python", "print('secret')")
        running = (await user.client.submit({"language": "python", "code": "while True: pass"})).job_id
        await user.until(running, "running")
        async with user_of(shared_stack, scopes=frozenset({"jobs", "ops"})) as operator:
            answers: list[Erasure] = []
            async with asyncio.timeout(60):
                last = await erase_user(operator.client, name, tell=answers.append)
        assert (answers[0].is_done, last.is_done, last.user_id) == (False, True, name)
        assert sum(answer.expired for answer in answers) == 2
        assert any("backups" in one for one in last.remains)
        for job in (done["job_id"], running):
            with pytest.raises(ProblemAnswerError) as refused:
                await user.client.get(job)
            assert refused.value.document["status"] == 410
    assert (await alice.client.get(kept["job_id"])).status == "completed"
    async with broker_of(shared_stack) as broker:
        tombstone = await Log(broker).last(job_event(name, running, "expired"))
        assert tombstone is not None
        event = tombstone.event()
        assert isinstance(event, JobExpired)
        assert event.reason == "erased"
