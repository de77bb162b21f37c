"""Answers over real NATS: typed, to whoever asks properly, and a problem to everybody else."""

import asyncio
import json

import msgspec
import pytest

from shared.contract.subjects import VIEW_JOB, VIEW_JOBS, VIEW_STATS
from shared.contract.view_api import PAGE_MAX, JobQuestion, JobsQuestion, StatsAnswer, ViewProblem
from shared.jetstream.connection import Broker
from tests import builders
from tests.integration.projector.asking import ask_job, ask_jobs, ask_raw, ask_stats, publish, reached
from tests.integration.projector.conftest import Projecting
from tests.unit.projector.histories import USERS

GARBAGE = (
    b"",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"{}",
    b'{"user_id":1,"job_id":2}',
    b'{"user_id":null,"job_id":null}',
    b'{"user_id":"alice","status":"' + b"x" * 65 + b'"}',
    b'{"user_id":"alice","label":["one"]}',
    b'{"user_id":"alice","label":["a","b","c"]}',
    b'{"user_id":"alice","created_from":"yesterday"}',
    b'{"user_id":"\\ud800","job_id":"x"}',
    b'{"user_id":"alice"',
    b"[" * 100_000,
    b'{"user_id":"alice","job_id":"x","more":' + b"[" * 100_000,
)
IMPOSSIBLE: tuple[dict[str, object], ...] = (
    {"limit": 0},
    {"limit": -1},
    {"limit": PAGE_MAX + 1},
    {"limit": 10**30},
    {"before": -1},
    {"before": 2**63},
    {"before": 10**30},
)


@pytest.mark.parametrize("subject", [VIEW_JOB, VIEW_JOBS])
async def test_garbage_gets_a_problem_and_the_next_question_an_answer(
    broker: Broker, projecting: Projecting, subject: str
) -> None:
    async with projecting(), asyncio.timeout(20):
        for garbage in GARBAGE:
            assert isinstance(await ask_raw(broker, subject, garbage), ViewProblem), garbage
        assert (await ask_job(broker, JobQuestion(user_id="a", job_id="b"))).job is None
        assert (await ask_jobs(broker, JobsQuestion(user_id="a"))).jobs == ()


async def test_what_there_cannot_be_gets_a_problem(broker: Broker, projecting: Projecting) -> None:
    async with projecting(), asyncio.timeout(20):
        for question in IMPOSSIBLE:
            payload = json.dumps({"user_id": "alice", **question}).encode()
            assert isinstance(await ask_raw(broker, VIEW_JOBS, payload), ViewProblem), question


async def test_statistics_need_no_question(broker: Broker, projecting: Projecting) -> None:
    async with projecting(), asyncio.timeout(20):
        for payload in GARBAGE:
            assert isinstance(await ask_raw(broker, VIEW_STATS, payload), StatsAnswer)


async def test_a_question_without_a_place_for_the_answer_is_left_alone(
    broker: Broker, projecting: Projecting
) -> None:
    async with projecting(), asyncio.timeout(20):
        await broker.publish(VIEW_JOB, b'{"user_id":"alice","job_id":"x"}')
        await broker.publish(VIEW_JOB, b"garbage")
        assert (await ask_job(broker, JobQuestion(user_id="a", job_id="b"))).job is None


@pytest.mark.parametrize("user", USERS)
async def test_each_user_finds_the_own_job_only(broker: Broker, projecting: Projecting, user: str) -> None:
    last = await publish(broker, *(builders.queued(user=one) for one in USERS))
    async with projecting(), asyncio.timeout(20):
        await reached(broker, last)
        job = (await ask_job(broker, JobQuestion(user_id=user, job_id=builders.JOB))).job
        assert job is not None
        assert job.user_id == user
        assert [job.user_id for job in (await ask_jobs(broker, JobsQuestion(user_id=user))).jobs] == [user]


async def test_a_page_goes_on_where_the_last_one_ended(broker: Broker, projecting: Projecting) -> None:
    jobs = [builders.job_id() for _ in range(5)]
    last = await publish(broker, *(builders.queued(job, labels={"n": "1"}) for job in jobs))
    async with projecting(), asyncio.timeout(20):
        await reached(broker, last)
        first = await ask_jobs(broker, JobsQuestion(user_id=builders.USER, label=("n", "1"), limit=3))
        second = await ask_jobs(
            broker, JobsQuestion(user_id=builders.USER, label=("n", "1"), limit=3, before=first.before)
        )
        assert [job.job_id for job in (*first.jobs, *second.jobs)] == jobs[::-1]
        assert (first.checkpoint, second.before) == (last, None)


async def test_a_large_result_is_answered(broker: Broker, projecting: Projecting) -> None:
    """A result of two full streams, each byte of which JSON writes as six."""
    completed = builders.completed()
    output = builders.result("\x01" * 256 * 1024)
    large = type(completed)(
        job_id=completed.job_id,
        user_id=completed.user_id,
        time=completed.time,
        request_id=completed.request_id,
        attempt=1,
        result=output,
    )
    last = await publish(broker, builders.queued(), builders.running(), large)
    async with projecting(), asyncio.timeout(20):
        await reached(broker, last)
        job = (await ask_job(broker, JobQuestion(user_id=builders.USER, job_id=builders.JOB))).job
        assert job is not None
        assert job.result == output


async def test_an_answer_too_large_for_one_message_is_a_problem(
    broker: Broker, projecting: Projecting
) -> None:
    """No legal job is so large; one that another writer put into the log does no harm."""
    half = "x" * 4_500_000
    completed = msgspec.structs.replace(builders.completed(), result=builders.result(half))
    last = await publish(broker, builders.queued(args=(half,)), builders.running(), completed)
    async with projecting(), asyncio.timeout(30):
        await reached(broker, last)
        question = msgspec.json.encode(JobQuestion(user_id=builders.USER, job_id=builders.JOB))
        answer = await ask_raw(broker, VIEW_JOB, question)
        assert answer == ViewProblem(detail="the answer could not be sent: it is too large")
        assert len((await ask_jobs(broker, JobsQuestion(user_id=builders.USER))).jobs) == 1


async def test_jobs_too_large_for_one_message_come_on_several_pages(
    broker: Broker, projecting: Projecting
) -> None:
    label = {"a": "x" * 1_000_000}
    last = await publish(broker, *(builders.queued(builders.job_id(), labels=label) for _ in range(9)))
    async with projecting(), asyncio.timeout(30):
        await reached(broker, last)
        pages, before = 0, None
        while pages == 0 or before is not None:
            page = await ask_jobs(broker, JobsQuestion(user_id=builders.USER, limit=9, before=before))
            assert len(page.jobs) == 1
            pages, before = pages + 1, page.before
        assert pages == 9


async def test_statistics_count_every_status(broker: Broker, projecting: Projecting) -> None:
    other = builders.job_id()
    last = await publish(broker, builders.queued(), builders.running(), builders.queued(other))
    async with projecting(), asyncio.timeout(20):
        await reached(broker, last)
        answer = await ask_stats(broker)
        assert {status: count for status, count in answer.jobs.items() if count} == {
            "queued": 1,
            "running": 1,
        }
