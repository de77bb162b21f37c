"""Lanes: first in, first out for each user, at most K at once, whatever crashes and comes again."""

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.executor.scheduling.fair_queue import FairQueue, Priority
from shared.domain.lanes import Lanes


def test_one_at_a_time_in_order() -> None:
    lanes = Lanes()
    for job in "abc":
        lanes.add("alice", job, 1)
    assert [job for job in "abc" if lanes.may_start(job)] == ["a"]
    assert lanes.remove("a") == "alice"
    assert [job for job in "bc" if lanes.may_start(job)] == ["b"]


def test_users_do_not_wait_for_each_other() -> None:
    lanes = Lanes()
    lanes.add("alice", "a", 1)
    lanes.add("bob", "b", 1)
    assert lanes.may_start("a")
    assert lanes.may_start("b")


def test_k_jobs_of_a_user_may_run() -> None:
    lanes = Lanes()
    for job in "abcd":
        lanes.add("alice", job, 3)
    assert list(lanes.startable("alice")) == ["a", "b", "c"]


def test_a_job_behind_a_stricter_one_waits_for_it() -> None:
    lanes = Lanes()
    for job, concurrency in (("a", 3), ("b", 1), ("c", 3)):
        lanes.add("alice", job, concurrency)
    assert list(lanes.startable("alice")) == ["a"]


def test_a_job_cancelled_in_the_middle_leaves_the_lane() -> None:
    lanes = Lanes()
    for job in "abc":
        lanes.add("alice", job, 1)
    lanes.remove("b")
    lanes.remove("a")
    assert lanes.may_start("c")


def test_what_is_not_known_may_not_start() -> None:
    lanes = Lanes()
    assert not lanes.may_start("a")
    assert lanes.remove("a") is None
    lanes.add("alice", "a", 1)
    lanes.add("alice", "a", 1)
    assert len(lanes) == 1


def test_the_queue_takes_who_has_least_then_who_waits_longest() -> None:
    priorities = {"a1": Priority(0, 3), "a2": Priority(1, 1), "b1": Priority(0, 2)}
    queue = FairQueue(priorities.__getitem__)
    for job in ("a2", "a1", "b1", "a1"):
        queue.offer(job)
    assert len(queue) == 3
    assert queue.last() == "a2"
    assert [queue.take() for _ in range(4)] == ["b1", "a1", "a2", None]
    assert queue.last() is None


def test_priorities_change_while_jobs_wait() -> None:
    priorities = {"a1": Priority(1, 1), "b1": Priority(0, 2)}
    queue = FairQueue(priorities.__getitem__)
    queue.offer("a1")
    queue.offer("b1")
    priorities["a1"] = Priority(0, 1)
    assert queue.take() == "a1"


def test_the_queue_forgets_what_is_discarded() -> None:
    queue = FairQueue(lambda _: Priority(0, 0))
    queue.offer("a1")
    queue.offer("b1")
    queue.discard("a1")
    queue.discard("a1")
    assert [queue.take(), queue.take()] == ["b1", None]


@dataclass
class Executor:
    """An executor as far as lanes matter: how far it has followed, what it holds, what it runs."""

    lanes: Lanes = field(default_factory=Lanes)
    position: int = 0
    held: set[str] = field(default_factory=set)


class ManyExecutors(RuleBasedStateMachine):
    """Two executors follow one log at their own pace; deliveries go to either; either may crash.

    A crashed executor's running jobs are delivered again. What must hold is read from the log.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log: list[tuple[str, str, str]] = []
        self.concurrency: dict[str, int] = {}
        self.user: dict[str, str] = {}
        self.undelivered: list[str] = []
        self.executors = [Executor(), Executor()]
        self.unfinished: set[str] = set()
        self.started: list[str] = []
        self.active: dict[str, int] = {}

    @rule(user=st.sampled_from(["alice", "bob", "carol"]))
    def submit(self, user: str) -> None:
        job = f"{user}-{len(self.log)}"
        self.user[job] = user
        self.concurrency[job] = {"alice": 1, "bob": 2, "carol": 3}[user]
        self.unfinished.add(job)
        self.undelivered.append(job)
        self.log.append(("queued", user, job))

    @rule(which=st.integers(0, 1), pick=st.integers(0, 50))
    def deliver(self, which: int, pick: int) -> None:
        if self.undelivered:
            job = self.undelivered.pop(pick % len(self.undelivered))
            self.executors[which].held.add(job)

    @rule(which=st.integers(0, 1), steps=st.integers(1, 5))
    def follow(self, which: int, steps: int) -> None:
        executor = self.executors[which]
        for kind, user, job in self.log[executor.position : executor.position + steps]:
            executor.position += 1
            if kind == "queued":
                executor.lanes.add(user, job, self.concurrency[job])
            elif kind == "terminal":
                executor.lanes.remove(job)
                executor.held.discard(job)

    @rule(which=st.integers(0, 1), pick=st.integers(0, 50))
    def start(self, which: int, pick: int) -> None:
        executor = self.executors[which]
        ready = sorted(
            job
            for job in executor.held
            if executor.lanes.may_start(job) and job not in self.active and job in self.unfinished
        )
        if ready:
            job = ready[pick % len(ready)]
            self.active[job] = which
            if job not in self.started:
                self.started.append(job)
            self.log.append(("running", self.user[job], job))

    @rule(pick=st.integers(0, 50))
    def finish(self, pick: int) -> None:
        if self.active:
            job = sorted(self.active)[pick % len(self.active)]
            del self.active[job]
            self.unfinished.discard(job)
            self.log.append(("terminal", self.user[job], job))

    @rule(which=st.integers(0, 1))
    def crash(self, which: int) -> None:
        lost = self.executors[which].held | {job for job, where in self.active.items() if where == which}
        self.active = {job: where for job, where in self.active.items() if where != which}
        self.undelivered.extend(sorted(lost & self.unfinished))
        self.executors[which] = Executor()

    @invariant()
    def never_more_than_k_at_once(self) -> None:
        for user in ("alice", "bob", "carol"):
            active = [job for job in self.active if self.user[job] == user]
            assert len(active) <= max((self.concurrency[job] for job in active), default=0)

    @invariant()
    def strict_users_start_in_order(self) -> None:
        queued = [job for kind, user, job in self.log if kind == "queued" and user == "alice"]
        first_starts = [job for job in self.started if self.user[job] == "alice"]
        assert first_starts == queued[: len(first_starts)]


class TestManyExecutors(ManyExecutors.TestCase):  # type: ignore[misc,valid-type]
    """Some histories."""

    settings = settings(max_examples=60, stateful_step_count=60)


@pytest.mark.full
class TestManyMoreExecutors(ManyExecutors.TestCase):  # type: ignore[misc,valid-type]
    """Many histories."""

    settings = settings(max_examples=200, stateful_step_count=60)
