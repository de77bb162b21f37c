"""The table of states and commands, cell by cell, and invariants that no interleaving may break."""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shared.domain.decisions import (
    Append,
    AttemptStart,
    CommandContext,
    Ignore,
    Refuse,
    Replay,
    decide_cancel,
    decide_expire,
    decide_finish,
    decide_start,
    decide_submit,
    expiry_of,
)
from shared.domain.enumerations import ExpiryReason
from shared.domain.events import (
    Event,
    Isolation,
    JobCancelled,
    JobCancelRequested,
    JobCompleted,
    JobExpired,
    JobFailed,
    JobQueued,
    JobRunning,
    JobTimeout,
)
from shared.domain.job import (
    Expired,
    Finished,
    ImpossibleHistoryError,
    JobState,
    NoJob,
    Queued,
    Running,
    evolve,
    status_of,
)
from tests import builders

MOMENT = CommandContext(builders.NOON + timedelta(milliseconds=1500), "req-9", "00-trace")
STARTER = AttemptStart("x2", Isolation(uid=7), "3.11", attempts_max=3)

NOTHING = NoJob()
QUEUED = Queued(builders.queued())
RUNNING = Running(builders.queued(), 1, "x1")
CANCELLING = Running(builders.queued(), 1, "x1", builders.cancel_requested())
FINISHED = Finished(builders.queued(), builders.completed())
EXISTING = [QUEUED, RUNNING, CANCELLING, FINISHED]
EXPIRED = Expired(builders.expired())


def appended(decision: object) -> Event:
    assert isinstance(decision, Append), decision
    return decision.event


# --- submit


def test_submit_of_nothing_is_queued() -> None:
    assert decide_submit(NOTHING, builders.queued()) == Append(builders.queued())


@pytest.mark.parametrize("state", EXISTING)
def test_submit_of_the_same_request_replays(state: JobState) -> None:
    assert decide_submit(state, builders.queued()) == Replay()


@pytest.mark.parametrize("state", EXISTING)
def test_submit_of_another_request_is_refused(state: JobState) -> None:
    assert decide_submit(state, builders.queued(fingerprint="0" * 64)) == Refuse("different_request")


def test_submit_of_a_job_that_has_expired_is_refused_whatever_it_was() -> None:
    assert decide_submit(EXPIRED, builders.queued()) == Refuse("expired")


# --- start


def test_start_of_nothing_is_impossible() -> None:
    assert isinstance(decide_start(NOTHING, STARTER, MOMENT), Ignore)


def test_start_of_a_queued_job_is_attempt_one() -> None:
    running = appended(decide_start(QUEUED, STARTER, MOMENT))
    assert running == JobRunning(
        job_id=builders.JOB,
        user_id=builders.USER,
        time=MOMENT.time,
        request_id="req-9",
        trace="00-trace",
        attempt=1,
        executor_id="x2",
        queue_wait_ms=1500,
        isolation=Isolation(uid=7),
        language_version="3.11",
    )


def test_start_of_a_running_job_is_the_next_attempt_because_its_holder_is_gone() -> None:
    running = appended(decide_start(RUNNING, STARTER, MOMENT))
    assert isinstance(running, JobRunning)
    assert running.attempt == 2


def test_start_after_the_last_attempt_fails_the_job() -> None:
    last = Running(builders.queued(), 3, "x1")
    failed = appended(decide_start(last, STARTER, MOMENT))
    assert isinstance(failed, JobFailed)
    assert (failed.reason, failed.attempt) == ("executor_lost", 3)


def test_start_of_a_job_that_was_to_be_cancelled_cancels_it() -> None:
    cancelled = appended(decide_start(CANCELLING, STARTER, MOMENT))
    assert isinstance(cancelled, JobCancelled)
    assert (cancelled.by, cancelled.attempt) == (builders.USER, 1)


@pytest.mark.parametrize("state", [FINISHED, EXPIRED])
def test_start_of_a_finished_job_is_ignored(state: JobState) -> None:
    assert isinstance(decide_start(state, STARTER, MOMENT), Ignore)


def test_the_queue_wait_is_never_negative() -> None:
    """The api's clock may be ahead of the executor's."""
    early = CommandContext(builders.NOON - timedelta(seconds=1), "r")
    running = appended(decide_start(QUEUED, STARTER, early))
    assert isinstance(running, JobRunning)
    assert running.queue_wait_ms == 0


# --- finish


@pytest.mark.parametrize("state", [NOTHING, QUEUED, FINISHED, EXPIRED])
def test_finish_without_a_running_attempt_is_ignored(state: JobState) -> None:
    assert isinstance(decide_finish(state, builders.completed()), Ignore)


@pytest.mark.parametrize("state", [RUNNING, CANCELLING])
def test_finish_of_the_current_attempt_is_recorded(state: JobState) -> None:
    assert decide_finish(state, builders.completed()) == Append(builders.completed())


def test_finish_of_an_older_attempt_is_fenced() -> None:
    second = Running(builders.queued(), 2, "x2")
    assert isinstance(decide_finish(second, builders.completed(attempt=1)), Ignore)


# --- cancel


def test_cancel_of_nothing_is_refused() -> None:
    assert decide_cancel(NOTHING, "alice", MOMENT) == Refuse("unknown_job")


def test_cancel_of_a_queued_job_ends_it() -> None:
    cancelled = appended(decide_cancel(QUEUED, "alice", MOMENT))
    assert isinstance(cancelled, JobCancelled)
    assert cancelled.attempt is None


def test_cancel_of_a_running_job_is_requested() -> None:
    assert isinstance(appended(decide_cancel(RUNNING, "alice", MOMENT)), JobCancelRequested)


def test_cancel_is_requested_once() -> None:
    assert isinstance(decide_cancel(CANCELLING, "alice", MOMENT), Ignore)


def test_cancel_of_a_finished_job_is_refused() -> None:
    assert decide_cancel(FINISHED, "alice", MOMENT) == Refuse("already_finished")


def test_cancel_of_an_expired_job_is_refused() -> None:
    assert decide_cancel(EXPIRED, "alice", MOMENT) == Refuse("expired")


# --- expire

KEPT_FOR_A_MINUTE = Finished(builders.queued(ttl_s=60), builders.completed())
END = builders.completed().time


@pytest.mark.parametrize("reason", ["ttl", "erased"])
@pytest.mark.parametrize("state", [NOTHING, EXPIRED])
def test_expire_of_what_is_gone_is_ignored(state: JobState, reason: ExpiryReason) -> None:
    assert isinstance(decide_expire(state, reason, MOMENT), Ignore)


@pytest.mark.parametrize("reason", ["ttl", "erased"])
@pytest.mark.parametrize("state", [QUEUED, RUNNING, CANCELLING])
def test_expire_of_an_unfinished_job_is_refused_however_old_it_is(
    state: JobState, reason: ExpiryReason
) -> None:
    late = CommandContext(END + timedelta(days=10_000), "r")
    assert decide_expire(state, reason, late) == Refuse("unfinished")


def test_expire_of_a_finished_job_waits_for_its_time() -> None:
    early = CommandContext(END + timedelta(seconds=60, microseconds=-1), "r")
    assert isinstance(decide_expire(KEPT_FOR_A_MINUTE, "ttl", early), Ignore)
    tombstone = appended(
        decide_expire(KEPT_FOR_A_MINUTE, "ttl", CommandContext(END + timedelta(seconds=60), "r"))
    )
    assert tombstone == JobExpired(
        job_id=builders.JOB,
        user_id=builders.USER,
        time=END + timedelta(seconds=60),
        request_id="r",
        reason="ttl",
    )


def test_expire_of_a_job_without_a_time_to_live_never_comes_by_itself() -> None:
    assert isinstance(
        decide_expire(FINISHED, "ttl", CommandContext(END + timedelta(days=10_000), "r")), Ignore
    )


@pytest.mark.parametrize("state", [FINISHED, KEPT_FOR_A_MINUTE])
def test_expire_of_an_erased_user_waits_for_nothing(state: JobState) -> None:
    tombstone = appended(decide_expire(state, "erased", MOMENT))
    assert isinstance(tombstone, JobExpired)
    assert tombstone.reason == "erased"


def test_a_time_beyond_the_calendar_is_never() -> None:
    assert expiry_of(END, 10**15) is None


# --- evolve

POSSIBLE: list[tuple[JobState, Event, str]] = [
    (NOTHING, builders.queued(), "queued"),
    (QUEUED, builders.running(), "running"),
    (QUEUED, builders.cancelled(), "cancelled"),
    (RUNNING, builders.running(attempt=2), "running"),
    (RUNNING, builders.cancel_requested(), "running"),
    (CANCELLING, builders.running(attempt=2), "running"),
    (RUNNING, builders.completed(), "completed"),
    (RUNNING, builders.failed(), "failed"),
    (RUNNING, builders.timeout(), "timeout"),
    (CANCELLING, builders.cancelled(attempt=1), "cancelled"),
    (CANCELLING, builders.completed(), "completed"),
]
EVENTS: list[Event] = [
    builders.queued(),
    builders.running(),
    builders.running(attempt=2),
    builders.running(attempt=3),
    builders.cancel_requested(),
    builders.completed(),
    builders.completed(attempt=2),
    builders.failed(),
    builders.failed(attempt=2),
    builders.timeout(),
    builders.timeout(attempt=2),
    builders.cancelled(),
    builders.cancelled(attempt=1),
    builders.cancelled(attempt=2),
]
LEGAL = (
    {(repr(state), repr(event)) for state, event, _ in POSSIBLE}
    | {(repr(CANCELLING), repr(event)) for event in (builders.failed(), builders.timeout())}
    | {(repr(RUNNING), repr(builders.cancelled(attempt=1)))}
    | {
        # A job cancelled while queued has no attempt to compare.
        (repr(QUEUED), repr(builders.cancelled(attempt=number)))
        for number in (1, 2)
    }
)


@pytest.mark.parametrize("state", [NOTHING, *EXISTING])
def test_a_tombstone_may_follow_anything_a_reader_has_seen(state: JobState) -> None:
    """What it stands for may be removed while somebody reads it."""
    assert evolve(state, builders.expired()) == EXPIRED


@pytest.mark.parametrize("event", [*EVENTS, builders.expired()])
def test_nothing_follows_a_tombstone(event: Event) -> None:
    with pytest.raises(ImpossibleHistoryError):
        evolve(EXPIRED, event)


@pytest.mark.parametrize(("state", "event", "status"), POSSIBLE)
def test_a_legal_event_leads_on(state: JobState, event: Event, status: str) -> None:
    after = evolve(state, event)
    assert not isinstance(after, NoJob | Expired)
    assert status_of(after) == status


@pytest.mark.parametrize("state", [NOTHING, *EXISTING])
@pytest.mark.parametrize("event", EVENTS)
def test_every_other_event_is_an_impossible_history(state: JobState, event: Event) -> None:
    if (repr(state), repr(event)) in LEGAL:
        evolve(state, event)
    else:
        with pytest.raises(ImpossibleHistoryError):
            evolve(state, event)


TERMINAL = frozenset({JobCompleted, JobFailed, JobTimeout, JobCancelled})


class OneJob(RuleBasedStateMachine):
    """Clients, executors that die, and paused executors act on one job in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.state: JobState = NoJob()
        self.events: list[Event] = []
        self.begun: list[int] = []

    def append(self, decision: object) -> None:
        if isinstance(decision, Append):
            self.state = evolve(self.state, decision.event)
            self.events.append(decision.event)
            if isinstance(decision.event, JobRunning):
                self.begun.append(decision.event.attempt)

    @initialize()
    def submit(self) -> None:
        self.append(decide_submit(self.state, builders.queued()))

    @rule(fingerprint=st.sampled_from(["f" * 64, "0" * 64]))
    def submit_again(self, fingerprint: str) -> None:
        self.append(decide_submit(self.state, builders.queued(fingerprint=fingerprint)))

    @rule()
    def an_executor_gets_the_delivery(self) -> None:
        self.append(decide_start(self.state, STARTER, MOMENT))

    @rule(which=st.integers(0, 5), how=st.sampled_from(["completed", "failed", "timeout"]))
    def some_attempt_ends(self, which: int, how: str) -> None:
        if self.begun:
            attempt = self.begun[which % len(self.begun)]
            self.append(decide_finish(self.state, getattr(builders, how)(attempt=attempt)))

    @rule()
    def cancel(self) -> None:
        self.append(decide_cancel(self.state, "alice", MOMENT))

    @rule(reason=st.sampled_from(["ttl", "erased"]))
    def expire(self, reason: ExpiryReason) -> None:
        self.append(decide_expire(self.state, reason, MOMENT))

    @invariant()
    def the_story_holds(self) -> None:
        kinds = [type(event) for event in self.events]
        assert kinds.count(JobQueued) == 1
        assert kinds[0] is JobQueued
        assert self.begun == list(range(1, len(self.begun) + 1))
        assert len(self.begun) <= STARTER.attempts_max
        terminal = [
            i for i, kind in enumerate(kinds) if kind in {JobCompleted, JobFailed, JobTimeout, JobCancelled}
        ]
        assert len(terminal) <= 1
        if terminal:
            # Only a tombstone follows, once.
            assert kinds[terminal[0] + 1 :] in ([], [JobExpired])
        else:
            assert JobExpired not in kinds
        assert kinds.count(JobCancelRequested) <= 1


OneJob.TestCase.settings = settings(max_examples=200, stateful_step_count=20)
TestOneJob = OneJob.TestCase
