"""Interactive jobs have slots and lanes of their own: neither kind waits for the other."""

from services.executor.scheduling.actions import Ack, Action, Answer, Nak, Start, Stop
from services.executor.scheduling.circuit import Open
from services.executor.scheduling.fetch_policy import SWEEP_MAX
from services.executor.scheduling.inputs import CellsChanged, DrainStarted, FetchingStopped, SlotFreed
from services.executor.scheduling.slot_policy import ASIDE_S, FAR_ASIDE_S
from services.executor.scheduling.unfinished_jobs import UnfinishedJobs
from shared.domain.lanes import Lanes, lane_of
from tests import builders
from tests.unit.scheduling.test_core import Bench, busy


def talk(bench: Bench, *jobs: str, user: str = "alice", **changes: object) -> None:
    """Interactive jobs are accepted."""
    for job in jobs:
        bench.tell(builders.interactive(job, user, **changes))


def started(actions: list[Action]) -> list[str]:
    return [one.queued.job_id for one in actions if isinstance(one, Start)]


def given_back(actions: list[Action]) -> list[tuple[int, float]]:
    return [
        (one.delivery.sequence, one.disposition.delay_s)
        for one in actions
        if isinstance(one, Answer) and isinstance(one.disposition, Nak)
    ]


def test_it_starts_beside_full_slots() -> None:
    bench = busy(slots=2, interactive_slots=1)
    talk(bench, "talks")
    assert started(bench.deliver("talks")) == ["talks"]
    assert bench.core.executing["talks"].is_interactive
    assert len(bench.core.executing) == 3


def test_other_jobs_start_beside_full_interactive_slots() -> None:
    bench = Bench(interactive_slots=1)
    talk(bench, "talks")
    bench.start("talks")
    bench.queue("computes", user="bob")
    assert started(bench.deliver("computes")) == ["computes"]


def test_a_users_two_lanes_do_not_wait_for_each_other() -> None:
    bench = Bench(slots=2, interactive_slots=2)
    bench.queue("c1", "c2")
    talk(bench, "t1", "t2")
    assert started([*bench.deliver("c1"), *bench.deliver("c2")]) == ["c1"]
    assert started([*bench.deliver("t1"), *bench.deliver("t2")]) == ["t1"]
    bench.tell(builders.running("c1"))
    bench.tell(builders.running("t1"))
    assert started(bench.end("t1")) == ["t2"]
    assert started(bench.end("c1")) == ["c2"]


def test_lanes_are_told_apart_by_kind_only() -> None:
    plain, talking = builders.queued(), builders.interactive()
    assert lane_of(plain) == builders.USER
    assert lane_of(talking) != lane_of(plain)
    lanes = Lanes()
    lanes.add(lane_of(plain), "c1", 1)
    lanes.add(lane_of(talking), "t1", 1)
    assert lanes.count() == 2
    assert (lanes.place("c1"), lanes.place("t1")) == (0, 0)
    assert lanes.remove("t1") == lane_of(talking)
    assert lanes.count() == 1
    # No user's id is taken for a lane of another kind.
    assert lane_of(builders.queued(user="('alice', 'interactive')")) != lane_of(talking)


def test_one_that_finds_no_slot_is_given_back_for_a_moment() -> None:
    bench = Bench(interactive_slots=1)
    talk(bench, "t1")
    talk(bench, "t2", user="bob")
    bench.start("t1")
    assert given_back(bench.deliver("t2")) == [(bench.delivery("t2").sequence, ASIDE_S)]
    assert "t2" not in bench.core.held


def test_an_executor_without_such_slots_runs_none() -> None:
    bench = Bench(slots=4)
    talk(bench, "talks")
    actions = bench.deliver("talks")
    assert started(actions) == []
    assert given_back(actions) == [(bench.delivery("talks").sequence, ASIDE_S)]
    assert bench.fetched() == 4


def test_it_takes_no_slot_that_another_could_have() -> None:
    bench = Bench(slots=1, interactive_slots=8)
    talk(bench, "t1", "t2", "t3", concurrency=3)
    for job in ("t1", "t2", "t3"):
        assert started(bench.deliver(job)) == [job]
    assert bench.fetched() == 1


def test_a_full_executor_looks_for_one_behind_a_backlog() -> None:
    bench = busy(interactive_slots=1)
    bench.queue(*(f"c{number}" for number in range(600)), user="carol", concurrency=600)
    assert bench.fetched() <= 1
    talk(bench, "talks")
    asked = 0
    for number in range(12):
        asked = bench.fetched()
        assert asked > 0
        for delivered in range(number * 2, number * 2 + 2):
            actions = bench.deliver(f"c{delivered}")
            assert all(delay_s == FAR_ASIDE_S for _, delay_s in given_back(actions))
    assert asked == SWEEP_MAX
    assert started(bench.deliver("talks")) == ["talks"]
    # What it brought here is not asked for again.
    bench.tell(builders.running("talks"))
    assert bench.fetched() == 0


def test_it_is_not_looked_for_without_a_slot() -> None:
    bench = busy(interactive_slots=1)
    talk(bench, "t1")
    bench.start("t1")
    talk(bench, "t2", user="bob")
    assert bench.fetched() == 0
    bench.end("t1")
    assert bench.fetched() > 0


def test_one_in_a_language_of_other_hosts_is_not_looked_for() -> None:
    bench = busy(interactive_slots=1)
    talk(bench, "talks", language="cobol")
    assert bench.fetched() == 0


def test_one_that_another_executor_has_started_is_not_looked_for() -> None:
    bench = busy(interactive_slots=1)
    talk(bench, "talks")
    bench.tell(builders.running("talks", executor_id="x2"))
    assert bench.fetched() == 0


def test_its_time_in_a_slot_says_nothing_of_other_jobs() -> None:
    """An hour at a terminal must not make the executor think that its slots are taken for an hour."""
    bench = Bench(slots=2, interactive_slots=1)
    before = bench.fetched()
    talk(bench, "talks")
    bench.start("talks")
    bench.now_s += 3_600.0
    bench.end("talks")
    assert bench.fetched() == before


def test_it_is_stopped_and_left_like_any_other() -> None:
    bench = Bench(interactive_slots=1)
    talk(bench, "talks")
    bench.start("talks")
    cancelled = bench.tell(builders.cancel_requested("talks"))
    assert Stop("talks", "cancelled") in cancelled
    bench.give(DrainStarted())
    bench.give(FetchingStopped())
    assert bench.give(SlotFreed("talks", Nak())) == [bench.answer("talks", Nak())]


def test_what_waits_goes_elsewhere_when_no_cell_can_be_made() -> None:
    bench = Bench(interactive_slots=1)
    talk(bench, "t1", "t2")
    bench.start("t1")
    bench.deliver("t2")
    bench.cells.circuit = Open("", bench.now_s, 1, bench.now_s + 1)
    answers = bench.give(CellsChanged())
    assert [one for one in answers if isinstance(one, Answer)] != []
    assert "t2" not in bench.core.held


def test_the_log_alone_says_which_are_interactive() -> None:
    unfinished = UnfinishedJobs()
    unfinished.apply(1, builders.interactive("t1"))
    unfinished.apply(2, builders.queued("c1"))
    assert (unfinished.is_interactive("t1"), unfinished.is_interactive("c1")) == (True, False)
    assert [*unfinished.startable_interactive] == ["t1"]
    unfinished.apply(3, builders.running("t1"))
    assert not unfinished.startable_interactive
    unfinished.apply(4, builders.completed("t1"))
    assert not unfinished.is_interactive("t1")
    assert not unfinished.is_interactive("unknown")


def test_the_end_of_one_lets_the_next_of_its_lane_start_here() -> None:
    bench = Bench(interactive_slots=1)
    talk(bench, "t1", "t2")
    bench.start("t1")
    assert started(bench.deliver("t2")) == []
    told = bench.tell(builders.completed("t1"))
    assert Stop("t1", "superseded") in told
    assert started([*told, *bench.give(SlotFreed("t1", Ack()))]) == []
    # It was given back the moment its lane let it, because the slot was still taken.
    assert started(bench.deliver("t2", 2)) == ["t2"]
