"""How much an executor asks for, going by what the log tells and what it has in its hands."""

import uuid
from dataclasses import dataclass, field

from services.executor.scheduling.delayed_deliveries import DelayedDeliveries
from services.executor.scheduling.fair_queue import FairQueue
from services.executor.scheduling.fetch_policy import LOST_AFTER_S, SWEEP_MAX, FetchPolicy
from services.executor.scheduling.held_deliveries import HeldDeliveries
from services.executor.scheduling.slots import Bounds, Slot
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from shared.domain.events import Event
from shared.domain.lanes import lane_of
from shared.jetstream.delivery import Delivery
from tests import builders


def named(job: str) -> str:
    """The id of a job that a test calls by a short name."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, job))


@dataclass
class Executor:
    """One with a slot, as far as its demand is concerned."""

    unfinished: UnfinishedJobs = field(default_factory=UnfinishedJobs)
    held: HeldDeliveries = field(default_factory=lambda: HeldDeliveries(jobs_max=100, bytes_max=1_000_000))
    now_s: float = 0.0
    sequence: int = 0
    interactive_slots: int = 1
    executing: dict[str, Slot] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fair = FairQueue(self.unfinished.priority)
        self.policy = FetchPolicy(
            Bounds(1, 100, 1_000_000, self.interactive_slots),
            self.unfinished,
            held=self.held,
            delayed=DelayedDeliveries(),
            queue=self.fair,
            executing=self.executing,
            offers=lambda name: name == "python",
            now_s=self.now_s,
        )

    def fetch_count(self) -> int:
        return self.policy.fetch_count(self.now_s)

    def excess(self) -> int:
        return self.policy.excess(self.now_s)

    def tell(self, event: Event) -> None:
        self.sequence += 1
        self.unfinished.apply(self.sequence, event)
        known = self.unfinished.get(event.job_id)
        self.policy.on_lane_changed(event.user_id if known is None else lane_of(known.state.queued))

    def queue(self, job: str, user: str, **changes: object) -> None:
        self.tell(builders.queued(named(job), user, **changes))

    def deliver(self, job: str, user: str) -> None:
        job_id = named(job)
        self.held.keep(builders.queued(job_id, user), Delivery("", hash(job), 1, ""), builders.NOON)
        if self.unfinished.lanes.may_start(job_id):
            self.fair.offer(job_id)
        self.policy.on_job_delivered(job_id, self.now_s)

    def begin(self, job: str, user: str) -> None:
        """Give the slot to the first in the queue."""
        job_id = self.fair.take()
        assert job_id == named(job)
        self.policy.on_job_started(job_id, self.now_s)
        self.tell(builders.running(job_id, user))


def busy() -> Executor:
    """Its slot is taken, and one more job of the same user waits here."""
    executor = Executor()
    for job in ("a1", "a2"):
        executor.queue(job, "alice")
    executor.deliver("a1", "alice")
    executor.begin("a1", "alice")
    executor.deliver("a2", "alice")
    return executor


def test_an_idle_one_asks_for_its_slots() -> None:
    assert Executor().fetch_count() == 1


def test_a_busy_one_asks_for_nothing() -> None:
    assert busy().fetch_count() == 0


def test_it_looks_for_somebody_elses_job_once_it_has_given_a_slot() -> None:
    executor = busy()
    executor.queue("b1", "bob")
    assert executor.fetch_count() == 1
    executor.deliver("b1", "bob")
    assert executor.fetch_count() == 0
    # The only one that waits anywhere: somebody else may be idle.
    assert executor.excess() == 1


def test_it_does_not_look_for_what_it_could_not_run() -> None:
    executor = busy()
    executor.queue("b1", "bob", language="cobol")
    assert executor.fetch_count() == 0


def test_a_further_job_of_one_user_does_not_end_the_look_for_anothers_first() -> None:
    executor = Executor()
    for job in ("a1", "a2", "a3"):
        executor.queue(job, "alice", concurrency=3)
    executor.queue("b1", "bob")
    executor.deliver("a1", "alice")
    executor.begin("a1", "alice")
    executor.deliver("a2", "alice")
    executor.deliver("a3", "alice")
    assert executor.excess() == 1
    assert executor.policy.must_stand_aside(named("a3"))
    executor.deliver("b1", "bob")
    assert executor.fetch_count() == 0
    assert executor.fair.take() == named("b1")


def test_anothers_first_job_is_looked_for_also_if_the_log_tells_of_it_late() -> None:
    """Deliveries and the log come separately: what arrives first must not decide whose turn it is."""
    executor = Executor()
    for job in ("a1", "a2"):
        executor.queue(job, "alice", concurrency=2)
    executor.deliver("a1", "alice")
    executor.begin("a1", "alice")
    executor.deliver("a2", "alice")
    assert executor.fetch_count() == 0
    executor.queue("c1", "carol", language="cobol")
    assert executor.fetch_count() == 0
    executor.queue("b1", "bob")
    assert executor.fetch_count() == 1
    executor.deliver("b1", "bob")
    assert executor.fair.take() == named("b1")
    assert executor.fetch_count() == 0


def test_it_asks_for_more_at_a_time_while_what_comes_only_waits() -> None:
    executor = Executor()
    for number in range(2_000):
        executor.queue(f"a{number}", "alice")
    for number in range(1, 12):
        executor.deliver(f"a{number}", "alice")
    assert executor.fetch_count() == SWEEP_MAX
    executor.deliver("a0", "alice")
    assert executor.fetch_count() < SWEEP_MAX


def test_a_lost_executors_job_is_looked_for_now_and_then_and_kept() -> None:
    executor = busy()
    executor.queue("lost", "bob")
    executor.tell(builders.running(named("lost"), "bob", executor_id="other"))
    assert executor.fetch_count() == 0
    executor.now_s = LOST_AFTER_S * 2
    assert executor.fetch_count() == 1
    executor.deliver("lost", "bob")
    assert executor.fetch_count() == 0
    assert executor.excess() == 0
    assert executor.fair.last() == named("lost")
