"""The estimate of a queued job, from the pace of its user's queue."""

from datetime import timedelta

import pytest

from services.notifier.transports.dialects.progress.queue_pace import Estimate, QueuePace
from shared.contract.subjects import JobSubject
from tests.builders import NOON, USER


class Log:
    """Tells a pace of events in their order."""

    def __init__(self, **bounds: int) -> None:
        self.pace = QueuePace(**bounds)
        self.sequence = 0

    def tell(self, kind: str, job: str, at_s: float, user: str = USER) -> None:
        self.sequence += 1
        self.pace.take(JobSubject(user, job, kind), NOON + timedelta(seconds=at_s), self.sequence)

    def estimate(self, job: str, at_s: float, user: str = USER) -> Estimate | None:
        return self.pace.estimate(user, job, NOON + timedelta(seconds=at_s))


@pytest.mark.row("progress", "4.5")
def test_the_estimate_is_made_of_measured_starts_and_ends() -> None:
    log = Log()
    for job in "abcde":
        log.tell("queued", job, 0)
    assert log.estimate("a", 0) is None
    log.tell("running", "a", 0)
    assert log.estimate("b", 1) == Estimate(0, None)
    log.tell("completed", "a", 10)
    log.tell("running", "b", 10)
    # b has 10 s from its start at 10; c, d and e take 10 s each.
    assert [log.estimate(job, 14) for job in "cde"] == [Estimate(0, 16), Estimate(1, 26), Estimate(2, 36)]
    assert log.estimate("c", 60) == Estimate(0, 10)
    log.tell("cancelled", "c", 15)
    assert log.estimate("d", 15) == Estimate(0, 15)
    assert [log.estimate(job, 15) for job in "abc"] == [None, None, None]
    assert log.estimate("d", 15, "bob") is None


@pytest.mark.row("progress", "4.5")
def test_a_queue_that_began_earlier_is_unknown_until_its_first_known_job_starts() -> None:
    log = Log()
    log.tell("queued", "a", 0)
    log.tell("running", "old", 1)
    assert log.estimate("a", 2) is None
    log.tell("queued", "b", 3)
    log.tell("running", "a", 4)
    assert log.estimate("b", 5) == Estimate(0, None)


def test_an_idle_time_is_no_pace() -> None:
    log = Log()
    for at_s, job in ((0, "a"), (1_000, "b")):
        log.tell("queued", job, at_s)
        log.tell("running", job, at_s)
        log.tell("completed", job, at_s + 5)
    log.tell("queued", "c", 2_000)
    assert log.estimate("c", 2_000) == Estimate(0, None)


def test_jobs_that_start_together_are_no_pace() -> None:
    log = Log()
    for job in "abcd":
        log.tell("queued", job, 0)
    for job in "ab":
        log.tell("running", job, 0)
    assert log.estimate("c", 1) == Estimate(0, None)
    log.tell("failed", "a", 6)
    log.tell("running", "c", 6)
    assert log.estimate("d", 6) == Estimate(0, 12)


def test_it_is_bounded() -> None:
    log = Log(users_max=2, jobs_max=3)
    for user in ("alice", "bob", "carol"):
        log.tell("queued", f"{user}-1", 0, user)
        log.tell("running", f"{user}-1", 0, user)
    for number in range(3):
        log.tell("queued", f"carol-{number + 2}", 0, "carol")
    assert log.estimate("carol-2", 0, "carol") == Estimate(0, None)
    assert log.estimate("carol-3", 0, "carol") is None
    log.tell("completed", "carol-1", 1, "carol")
    log.tell("queued", "carol-5", 1, "carol")
    assert log.estimate("carol-5", 1, "carol") == Estimate(1, None)
    log.tell("queued", "bob-2", 0, "bob")
    assert log.estimate("bob-2", 0, "bob") is None


def test_an_event_that_is_repeated_changes_nothing() -> None:
    log = Log()
    log.tell("queued", "a", 0)
    log.tell("running", "a", 0)
    log.sequence = 0
    log.tell("queued", "a", 0)
    assert log.estimate("a", 0) is None
