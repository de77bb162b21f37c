"""Each rule of the scheduler's core by itself: one input, and what is to be done about it."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from services.executor.scheduling.actions import (
    Abandon,
    Ack,
    Action,
    Answer,
    Fetch,
    Nak,
    ReportContradiction,
    Start,
    Stop,
    Terminate,
    TickAfter,
    WakeFetch,
)
from services.executor.scheduling.admission import NEWER_DELAY_S, NO_CELLS
from services.executor.scheduling.cell_health import CellHealth
from services.executor.scheduling.circuit import PAUSE_FIRST_S, Closed, Doubtful, Open
from services.executor.scheduling.core import SchedulerCore
from services.executor.scheduling.delayed_deliveries import DELAY_MIN_S
from services.executor.scheduling.inputs import (
    AttemptStarted,
    CellsChanged,
    Context,
    Delivered,
    DeliveredEvent,
    DeliveryLost,
    DrainStarted,
    FetchDue,
    FetchingStopped,
    GraceEnded,
    Input,
    LogEntry,
    SlotFreed,
    Tick,
)
from services.executor.scheduling.prefetch import SLOT_WAIT_S
from services.executor.scheduling.slot_policy import ASIDE_S
from services.executor.scheduling.slots import Bounds
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from shared.contract.codec import UndecodableError, UnknownTagError
from shared.domain.events import Event, JobQueued
from shared.jetstream.delivery import Delivery
from tests import builders

PATIENCE_S = 600.0


@dataclass
class Bench:
    """One core, with the log that it follows and a clock that the test sets."""

    slots: int = 1
    held_max: int = 100
    interactive_slots: int = 0
    now_s: float = 100.0
    is_connected: bool = True
    sequence: int = 0
    queued: dict[str, tuple[JobQueued, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cells = CellHealth(patience_s=PATIENCE_S, now_s=self.now_s)
        self.unfinished = UnfinishedJobs()
        self.core = SchedulerCore(
            Bounds(self.slots, self.held_max, 1_000_000, self.interactive_slots),
            self.unfinished,
            self.cells,
            offers=lambda name: name == "python",
            context=self.context(),
        )

    def context(self) -> Context:
        return Context(self.now_s, builders.NOON + timedelta(seconds=self.now_s), self.is_connected)

    def give(self, given: Input) -> list[Action]:
        """What is to be done, without the wake of the fetch that follows nearly everything."""
        return [one for one in self.core.handle(given, self.context()) if not isinstance(one, WakeFetch)]

    def tell(self, event: Event, *, at_s: float | None = None) -> list[Action]:
        """The log goes on by this event, stored now if not `at_s`."""
        self.sequence += 1
        stored_at = builders.NOON + timedelta(seconds=self.now_s if at_s is None else at_s)
        if isinstance(event, JobQueued):
            self.queued[event.job_id] = (event, self.sequence)
        return self.give(LogEntry(self.sequence, stored_at, event))

    def queue(self, *jobs: str, user: str = "alice", **changes: object) -> None:
        for job in jobs:
            self.tell(builders.queued(job, user, **changes))

    def deliver(self, job: str, delivered: int = 1) -> list[Action]:
        return self.give(Delivered(self.delivery(job, delivered), self.queued[job][0]))

    def delivery(self, job: str, delivered: int = 1) -> Delivery:
        return Delivery("", self.queued[job][1], delivered, "")

    def start(self, job: str) -> None:
        """The queued job gets its slot, and its attempt is in the log."""
        assert Start(self.queued[job][0]) in self.deliver(job)
        self.tell(builders.running(job, self.queued[job][0].user_id))
        self.give(AttemptStarted(job, 1))

    def end(self, job: str) -> list[Action]:
        """The job's end is in the log, and it leaves its slot."""
        told = self.tell(builders.completed(job, self.queued[job][0].user_id))
        return [*told, *self.give(SlotFreed(job, Ack()))]

    def answer(self, job: str, disposition: Ack | Nak | Abandon | Terminate) -> Answer:
        return Answer(self.delivery(job), disposition)

    def fetched(self) -> int:
        fetches = [one.count for one in self.give(FetchDue()) if isinstance(one, Fetch)]
        return fetches[0] if fetches else 0


def busy(slots: int = 1, held_max: int = 100, interactive_slots: int = 0) -> Bench:
    """All slots are taken by one user's jobs."""
    bench = Bench(slots, held_max, interactive_slots)
    for number in range(slots):
        bench.queue(f"busy-{number}", user=f"busy {number}")
        bench.start(f"busy-{number}")
    return bench


# --- a delivery arrives ------------------------------------------------------------------------------------


def test_a_job_that_may_start_starts_in_a_free_slot() -> None:
    bench = Bench()
    bench.queue("a1")
    assert bench.deliver("a1") == [Start(bench.queued["a1"][0])]
    assert "a1" in bench.core.executing


def test_a_job_whose_lane_does_not_let_it_is_held() -> None:
    bench = Bench(slots=2)
    bench.queue("a1", "a2")
    assert bench.deliver("a2") == []
    assert "a2" in bench.core.held


def test_a_job_that_the_log_has_not_told_of_yet_is_held() -> None:
    bench = Bench()
    ahead = builders.queued("a1", "alice")
    assert bench.give(Delivered(Delivery("", 1, 1, ""), ahead)) == []
    assert "a1" in bench.core.held
    assert Start(ahead) in bench.tell(ahead)


def test_a_finished_job_is_acknowledged() -> None:
    bench = Bench()
    bench.queue("a1")
    bench.tell(builders.cancelled("a1", "alice"))
    assert bench.deliver("a1") == [bench.answer("a1", Ack())]


def test_a_job_before_the_floor_is_acknowledged() -> None:
    bench = Bench()
    bench.core.begin_after(7)
    delivery = Delivery("", 7, 1, "")
    assert bench.give(Delivered(delivery, builders.queued())) == [Answer(delivery, Ack())]


@pytest.mark.parametrize(("delivered", "delay_s"), [(1, 0.05), (2, 0.1), (4, 0.4), (99, 2.0)])
def test_a_language_of_another_host_is_left_to_it_longer_each_time(delivered: int, delay_s: float) -> None:
    bench = Bench()
    bench.queue("a1", language="cobol")
    (answer,) = bench.deliver("a1", delivered)
    assert answer == Answer(bench.delivery("a1", delivered), Nak("language", delay_s))


@pytest.mark.parametrize(
    ("event", "disposition"),
    [
        (UnknownTagError("job.queued.v9"), Nak("newer", NEWER_DELAY_S)),
        (UndecodableError("not JSON"), Terminate("the message is not an event")),
    ],
)
def test_what_cannot_be_read_waits_or_is_poison(event: DeliveredEvent, disposition: Nak | Terminate) -> None:
    delivery = Delivery("", 1, 1, "")
    assert Bench().give(Delivered(delivery, event)) == [Answer(delivery, disposition)]


def test_a_running_job_that_is_delivered_again_is_answered_by_its_newest_delivery() -> None:
    bench = Bench()
    bench.queue("a1")
    bench.start("a1")
    assert bench.deliver("a1", delivered=2) == []
    answers = [one for one in bench.end("a1") if isinstance(one, Answer)]
    assert answers == [Answer(bench.delivery("a1", 2), Ack())]


# --- the log goes on ---------------------------------------------------------------------------------------


def test_the_next_of_a_lane_starts_once_the_job_before_it_has_ended() -> None:
    bench = Bench(slots=2)
    bench.queue("a1", "a2")
    bench.start("a1")
    bench.deliver("a2")
    assert bench.tell(builders.completed("a1", "alice")) == [
        Stop("a1", "superseded"),
        Start(bench.queued["a2"][0]),
    ]


def test_a_held_job_that_was_cancelled_is_acknowledged() -> None:
    bench = Bench()
    bench.queue("a1", "a2")
    bench.deliver("a2")
    assert bench.tell(builders.cancelled("a2", "alice")) == [bench.answer("a2", Ack())]
    assert "a2" not in bench.core.held


def test_a_cancel_request_stops_the_program() -> None:
    bench = Bench()
    bench.queue("a1")
    bench.start("a1")
    assert bench.tell(builders.cancel_requested("a1", "alice")) == [Stop("a1", "cancelled")]


def test_a_later_attempt_elsewhere_stops_ours_and_our_own_does_not() -> None:
    bench = Bench()
    bench.queue("a1")
    bench.deliver("a1")
    bench.give(AttemptStarted("a1", 1))
    assert bench.tell(builders.running("a1", "alice")) == []
    assert bench.tell(builders.running("a1", "alice", 2, "other")) == [Stop("a1", "superseded")]


def test_an_attempt_that_is_not_in_the_log_yet_is_not_superseded() -> None:
    """Its append will find the other's."""
    bench = Bench()
    bench.queue("a1")
    bench.deliver("a1")
    assert bench.tell(builders.running("a1", "alice", 1, "other")) == []


def test_a_job_that_started_elsewhere_after_its_delivery_is_abandoned() -> None:
    bench = busy()
    bench.queue("a1", "a2")
    bench.deliver("a2")
    bench.now_s += 1
    assert bench.tell(builders.running("a2", "alice", executor_id="other")) == [bench.answer("a2", Abandon())]
    assert "a2" not in bench.core.held


def test_a_job_delivered_after_it_started_elsewhere_was_lost_there() -> None:
    bench = busy()
    bench.queue("a1", "a2")
    bench.deliver("a2")
    before_s = bench.now_s - 1
    assert bench.tell(builders.running("a2", "alice", executor_id="other"), at_s=before_s) == []
    bench.tell(builders.cancelled("a1", "alice"))
    assert "a2" in bench.core.held
    assert Start(bench.queued["a2"][0]) in bench.end("busy-0")


def test_a_contradiction_is_reported_and_an_end_is_an_end() -> None:
    bench = Bench()
    bench.queue("a1", "a2")
    bench.deliver("a2")
    report, *_ = bench.tell(builders.running("a1", "alice", attempt=7))
    assert isinstance(report, ReportContradiction)
    report, start = bench.tell(builders.completed("a1", "alice", attempt=7))
    assert isinstance(report, ReportContradiction)
    assert report.sequence == bench.sequence
    assert start == Start(bench.queued["a2"][0])


def test_an_entry_that_cannot_be_read_only_moves_the_position() -> None:
    bench = Bench()
    assert bench.give(LogEntry(9, builders.NOON, None)) == []
    delivery = Delivery("", 9, 1, "")
    assert bench.give(Delivered(delivery, builders.queued())) == [Answer(delivery, Ack())]


# --- the order of starts, and what is too much ------------------------------------------------------------


def test_the_user_with_the_fewest_jobs_before_comes_first() -> None:
    bench = Bench(slots=3)
    bench.cells.circuit = Doubtful("", bench.now_s)
    bench.queue("a1", "a2", concurrency=2)
    bench.queue("b1", user="bob")
    for job in ("a2", "b1", "a1"):
        bench.deliver(job)
    bench.cells.circuit = Closed()
    starts = [one for one in bench.give(CellsChanged()) if isinstance(one, Start)]
    assert starts == [Start(bench.queued[job][0]) for job in ("a1", "b1", "a2")]


def test_more_than_the_slots_will_take_is_given_back_last_in_turn_first() -> None:
    bench = busy()
    bench.queue("b1", user="bob")
    bench.queue("c1", user="carol")
    assert bench.deliver("b1") == [TickAfter(SLOT_WAIT_S)]
    assert bench.deliver("c1") == [bench.answer("c1", Nak("slots"))]


def test_a_further_job_of_one_user_stands_aside_for_anothers_first() -> None:
    bench = Bench()
    bench.queue("a1", "a2", "a3", concurrency=3)
    bench.queue("b1", user="bob")
    bench.start("a1")
    assert bench.deliver("a2") == [TickAfter(SLOT_WAIT_S)]
    assert bench.deliver("a3") == [bench.answer("a3", Nak("slots", ASIDE_S))]


def test_anothers_first_job_comes_first_also_if_the_log_tells_of_it_late() -> None:
    """Deliveries and the log come separately: what arrives first must not decide whose turn it is."""
    bench = Bench()
    bench.queue("a1", "a2", concurrency=2)
    bench.start("a1")
    assert bench.deliver("a2") == [bench.answer("a2", Nak("slots"))]
    assert bench.deliver("a2", 2) == [TickAfter(SLOT_WAIT_S)], "it comes back at once: none is idle"
    assert bench.fetched() == 0
    bench.queue("b1", user="bob")
    assert bench.fetched() == 1
    bench.deliver("b1")
    assert "a2" not in bench.core.held
    assert bench.fetched() == 0
    assert Start(bench.queued["b1"][0]) in bench.end("a1")


def test_a_job_goes_back_at_the_tick_where_another_executor_may_be_idle() -> None:
    """One job is at hand while others wait elsewhere; once none does, it goes back at the tick."""
    bench = busy()
    bench.queue("b1", user="bob")
    bench.queue("c1", user="carol")
    assert bench.deliver("b1") == [TickAfter(SLOT_WAIT_S)]
    bench.tell(builders.running("c1", "carol", executor_id="other"))
    assert bench.give(Tick()) == []
    assert "b1" not in bench.core.held


def test_at_most_one_tick_is_outstanding() -> None:
    bench = busy()
    bench.queue("b1", user="bob")
    bench.queue("c1", user="carol")
    assert bench.deliver("b1") == [TickAfter(SLOT_WAIT_S)]
    assert bench.deliver("b1", delivered=2) == []
    assert bench.give(Tick()) == [TickAfter(SLOT_WAIT_S)]


# --- far from their start ---------------------------------------------------------------------------------


def far() -> Bench:
    """One lane of nine jobs, one of them running, two held, the others given back with a delay."""
    bench = busy(held_max=2)
    bench.queue(*(f"a{number}" for number in range(9)))
    for number in range(1, 9):
        bench.deliver(f"a{number}")
    return bench


def test_what_is_beyond_the_bound_is_given_back_the_farthest_first() -> None:
    bench = busy(held_max=2)
    bench.queue(*(f"a{number}" for number in range(5)))
    for number in (4, 3):
        assert bench.deliver(f"a{number}") == []
    assert bench.deliver("a1") == [bench.answer("a4", Nak("far", DELAY_MIN_S))]
    assert sorted(bench.core.held) == ["a1", "a3", "busy-0"]
    assert bench.core.delayed.jobs(bench.now_s) == ["a4"]


def test_a_job_that_has_ended_keeps_its_delivery_until_it_leaves_its_slot() -> None:
    """Found by the state machine: its lane does not know it any more, so it was given back as a far one."""
    bench = Bench(held_max=1)
    bench.queue("a1", "a2", user="alice")
    bench.queue("b1", "b2", user="bob")
    bench.tell(builders.running("b1", "bob", executor_id="other"))
    bench.queue("c1", user="carol")
    bench.start("c1")
    bench.tell(builders.completed("c1", "carol"))
    bench.deliver("a2")
    assert bench.deliver("b2") == [bench.answer("b2", Nak("far", DELAY_MIN_S))]
    assert sorted(bench.core.held) == ["a2", "c1"]


def test_a_lane_that_moves_on_recalls_what_there_is_room_for() -> None:
    bench = far()
    recalled = bench.tell(builders.cancelled("a1", "alice"))
    assert recalled[0] == bench.answer("a1", Ack())
    assert recalled[1] == bench.answer("a3", Nak("near"))
    assert bench.answer("a3", Nak("near")) not in bench.tell(builders.cancelled("a2", "alice"))


def test_nothing_is_recalled_without_a_connection() -> None:
    bench = far()
    bench.is_connected = False
    assert bench.tell(builders.cancelled("a1", "alice")) == [bench.answer("a1", Ack())]


def test_nothing_is_recalled_that_another_executor_may_have() -> None:
    bench = far()
    bench.now_s += DELAY_MIN_S
    assert bench.tell(builders.cancelled("a1", "alice")) == [bench.answer("a1", Ack())]


def test_what_arrived_again_is_not_recalled() -> None:
    bench = far()
    bench.is_connected = False
    bench.tell(builders.cancelled("a1", "alice"))
    bench.deliver("a3", delivered=2)
    assert "a3" in bench.core.held
    assert "a3" not in bench.core.delayed.jobs(bench.now_s)


def test_what_started_elsewhere_is_not_recalled() -> None:
    bench = far()
    bench.tell(builders.running("a3", "alice", executor_id="other"))
    assert bench.answer("a3", Nak("near")) not in bench.tell(builders.cancelled("a1", "alice"))


# --- cells ------------------------------------------------------------------------------------------------


def test_nothing_starts_while_it_is_doubtful_whether_cells_can_be_made() -> None:
    bench = Bench()
    bench.queue("a1")
    bench.cells.circuit = Doubtful("", bench.now_s)
    assert bench.give(CellsChanged()) == []
    assert not [one for one in bench.deliver("a1") if isinstance(one, Start)]
    bench.cells.circuit = Closed()
    assert bench.give(CellsChanged()) == [Start(bench.queued["a1"][0])]


def test_without_cells_what_waits_goes_elsewhere_and_nothing_is_fetched() -> None:
    bench = busy()
    bench.queue("a1", "a2")
    bench.deliver("a2")
    bench.cells.circuit = Open("", bench.now_s, 1, bench.now_s + 1)
    assert bench.give(CellsChanged()) == [bench.answer("a2", NO_CELLS)]
    assert Nak("cells", PAUSE_FIRST_S, is_spread=True) == NO_CELLS
    assert bench.deliver("a1") == [bench.answer("a1", NO_CELLS)]
    assert bench.fetched() == 0


def test_a_job_that_waits_in_vain_is_fetched_to_be_ended() -> None:
    bench = Bench(slots=3)
    bench.queue("a1")
    bench.cells.circuit = Open("", bench.now_s, 1, bench.now_s + 1)
    bench.now_s += PATIENCE_S + 1
    assert bench.fetched() == 3
    assert bench.deliver("a1") == [Start(bench.queued["a1"][0])]


def test_a_program_that_any_executor_judged_is_a_sign_of_cells() -> None:
    bench = Bench()
    bench.queue("a1", "a2")
    bench.cells.circuit = Open("", bench.now_s, 1, bench.now_s + 1)
    bench.now_s += PATIENCE_S + 1
    bench.tell(builders.running("a1", "alice", executor_id="other"))
    bench.tell(builders.completed("a1", "alice"))
    assert bench.fetched() == 0


# --- the end ----------------------------------------------------------------------------------------------


def test_a_lost_delivery_is_not_started_and_a_running_program_goes_on() -> None:
    bench = busy()
    bench.queue("a1", "a2")
    bench.deliver("a2")
    assert bench.give(DeliveryLost(bench.delivery("a2"))) == []
    assert bench.give(DeliveryLost(bench.delivery("busy-0"))) == []
    assert list(bench.core.held) == ["busy-0"]
    assert "busy-0" in bench.core.executing


def test_draining_starts_nothing_and_gives_back_all_that_waits() -> None:
    bench = far()
    assert bench.give(DrainStarted()) == []
    assert bench.fetched() == 0
    assert bench.deliver("a0") == [bench.answer("a0", Nak("leaving"))]
    left = bench.give(FetchingStopped())
    assert left == [bench.answer(f"a{number}", Nak("leaving")) for number in (1, 2, 3, 4, 5, 6, 7, 8)]
    assert bench.give(GraceEnded()) == [Stop("busy-0", "shutdown")]
    assert bench.give(SlotFreed("busy-0", Nak())) == [bench.answer("busy-0", Nak())]


def test_draining_without_a_connection_recalls_nothing() -> None:
    bench = far()
    bench.is_connected = False
    bench.give(DrainStarted())
    left = bench.give(FetchingStopped())
    assert left == [bench.answer(job, Nak("leaving")) for job in ("a1", "a2")]
