"""Quotas and what they count: bounds that hold, room that comes back, nothing kept for ever."""

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from services.api.quotas.quotas import BUCKETS_MAX, BURST_S, Quotas
from services.api.quotas.unfinished_jobs import UnfinishedJobs
from services.api.settings import ApiSettings
from shared.auth import Caller
from shared.contract.problems import ProblemError
from shared.jetstream.stored_message import Entry
from tests import builders

SETTINGS = ApiSettings(
    token_secret="s" * 32,
    requests_per_s=2,
    requests_per_s_max=5,
    unfinished_jobs=2,
    unfinished_jobs_max=3,
    backlog_max=6,
)
BURST = 2 * BURST_S


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def caller(user: str = builders.USER, **claims: Any) -> Caller:  # noqa: ANN401 - claims
    return Caller(user, frozenset({"jobs"}), datetime.now(UTC), **claims)


def entry(job: str, kind: str, user: str = builders.USER) -> Entry:
    return Entry(1, builders.NOON, f"jobs.{user}.{job}.{kind}", b"")


def refusal(quotas: Quotas, who: Caller) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        quotas.check_room(who)
    return caught.value


def test_a_burst_passes_and_then_the_rate() -> None:
    clock = Clock()
    quotas = Quotas(UnfinishedJobs(), SETTINGS, clock)
    left = [quotas.admit(caller())["RateLimit"] for _ in range(BURST)]
    assert left[0] == f'"requests";r={BURST - 1};t=1'
    assert left[-1] == f'"requests";r=0;t={BURST_S}'
    with pytest.raises(ProblemError) as caught:
        quotas.admit(caller())
    assert caught.value.problem.kind.slug == "too-many-requests"
    assert caught.value.problem.headers["Retry-After"] == "1"
    clock.now += 0.5
    assert quotas.admit(caller())["RateLimit"].startswith('"requests";r=0')
    with pytest.raises(ProblemError):
        quotas.admit(caller())


def test_one_users_requests_are_not_anothers() -> None:
    quotas = Quotas(UnfinishedJobs(), SETTINGS, Clock())
    for _ in range(BURST):
        quotas.admit(caller())
    assert quotas.admit(caller("bob"))


@pytest.mark.parametrize(("claim", "rate"), [(1, 1), (4, 4), (1_000_000, 5)])
def test_a_claim_sets_the_rate_up_to_the_maximum(claim: int, rate: int) -> None:
    policy = Quotas(UnfinishedJobs(), SETTINGS, Clock()).admit(caller(requests_per_s=claim))[
        "RateLimit-Policy"
    ]
    assert policy == f'"requests";q={rate * BURST_S};w={BURST_S}'


def test_idle_users_are_forgotten() -> None:
    clock = Clock()
    quotas = Quotas(UnfinishedJobs(), SETTINGS, clock)
    for number in range(BUCKETS_MAX):
        quotas.admit(caller(f"user-{number}"))
    clock.now += BURST_S
    quotas.admit(caller("one more"))
    assert len(quotas._buckets) == 1  # noqa: SLF001 - memory has no other face


async def test_unfinished_jobs_are_bounded_until_one_ends() -> None:
    standing = UnfinishedJobs()
    quotas = Quotas(standing, SETTINGS)
    jobs = [builders.job_id() for _ in range(2)]
    await standing.follow([entry(job, "queued") for job in jobs])
    problem = refusal(quotas, caller()).problem
    assert problem.kind.slug == "too-many-jobs"
    assert problem.headers["RateLimit"] == '"unfinished";r=0'
    quotas.check_room(caller(unfinished_max=3))
    quotas.check_room(caller("bob"))
    for kind in ("completed", "completed"):
        await standing.follow([entry(jobs[0], kind)])
    quotas.check_room(caller())
    assert standing.total == 1


async def test_a_claim_goes_no_further_than_the_maximum() -> None:
    standing = UnfinishedJobs()
    await standing.follow([entry(builders.job_id(), "queued") for _ in range(3)])
    refusal(Quotas(standing, SETTINGS), caller(unfinished_max=1_000))


async def test_the_backlog_of_all_is_bounded() -> None:
    standing = UnfinishedJobs()
    for user in ("a", "b", "c", "d", "e", "f"):
        await standing.follow([entry(builders.job_id(), "queued", user)])
    assert refusal(Quotas(standing, SETTINGS), caller()).problem.kind.slug == "overloaded"


async def test_a_nearly_full_backlog_refuses_who_has_more_and_takes_who_has_none() -> None:
    standing = UnfinishedJobs()
    for user in ("a", "a", "b", "b"):
        await standing.follow([entry(builders.job_id(), "queued", user)])
    quotas = Quotas(standing, SETTINGS)
    assert refusal(quotas, caller("a", unfinished_max=3)).problem.kind.slug == "overloaded"
    quotas.check_room(caller("somebody new"))


def test_no_more_users_are_remembered_than_may_be_however_busy_they_are() -> None:
    quotas = Quotas(UnfinishedJobs(), SETTINGS, Clock())
    for number in range(BUCKETS_MAX + 1):
        quotas.admit(caller(f"user-{number}"))
    assert len(quotas._buckets) <= BUCKETS_MAX  # noqa: SLF001 - memory has no other face


async def test_a_job_counts_from_before_its_append() -> None:
    standing = UnfinishedJobs()
    with standing.appending(builders.USER, builders.JOB):
        assert standing.unfinished(builders.USER) == 1
        # The log may tell of it, and of its end, before the append is answered.
        await standing.follow([entry(builders.JOB, "queued"), entry(builders.JOB, "failed")])
    assert standing.unfinished(builders.USER) == standing.total == 0


async def test_a_failed_append_gives_the_room_back_only_if_the_job_was_new() -> None:
    standing = UnfinishedJobs()
    with pytest.raises(OSError, match="lost"), standing.appending(builders.USER, builders.JOB):
        raise OSError("lost")
    assert standing.total == 0
    await standing.follow([entry(builders.JOB, "queued")])
    with pytest.raises(OSError, match="lost"), standing.appending(builders.USER, builders.JOB):
        raise OSError("lost")
    assert standing.total == 1


async def test_the_end_of_a_job_wakes_who_waits_for_it_and_leaves_nothing() -> None:
    standing = UnfinishedJobs()
    other = builders.job_id()
    with standing.end_of(builders.JOB) as one, standing.end_of(builders.JOB) as two:
        assert standing.waits == 2
        await standing.follow([entry(builders.JOB, "queued"), entry(other, "completed")])
        assert not one.is_set()
        await standing.follow([entry(builders.JOB, "timeout")])
        assert one.is_set()
        assert two.is_set()
    assert standing.waits == 0
    standing.close()
    with standing.end_of(builders.JOB) as late:
        assert late.is_set()


async def test_a_foreign_subject_is_counted_and_passed_over() -> None:
    standing = UnfinishedJobs()
    await standing.follow(
        [Entry(1, builders.NOON, "jobs.x.not-a-job.queued", b""), entry(builders.JOB, "queued")]
    )
    assert standing.total == 1


def test_a_job_s_place_is_looked_for_among_the_first_thousand_only() -> None:
    standing = UnfinishedJobs()
    jobs = [builders.job_id() for _ in range(1_500)]
    with ExitStack() as appending:
        for job in jobs:
            appending.enter_context(standing.appending(builders.USER, job))
        places = [standing.before(builders.USER, jobs[at]) for at in (0, 2, 999, 1_000, 1_499)]
    assert places == [0, 2, 999, 1_000, 1_000]
    assert standing.before(builders.USER, "another") is None
