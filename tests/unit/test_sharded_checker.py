"""The checker of the sharded prototype: silent about a sound log, and one word for each planted fault."""

import pytest

from bench.sharded.checker import Checker
from bench.sharded.layout import Layout
from shared.domain.events import Event
from tests import builders

FOUR = Layout(4)
ALICE, BOB = "alice", "bob"
FIRST, SECOND, OTHER = (f"01890a5d-ac96-774b-bcce-b302099a800{number}" for number in range(3))


def alice(job: str) -> list[Event]:
    return [builders.queued(job, ALICE), builders.running(job, ALICE), builders.completed(job, ALICE)]


def judged(*events: Event, jobs: int = 1, shard: int | None = None) -> list[str]:
    """The kinds of violations, of events stored in this order, each in its user's shard or in `shard`."""
    checker = Checker(FOUR.shard_of)
    for sequence, event in enumerate(events, start=1):
        checker.take(FOUR.shard_of(event.user_id) if shard is None else shard, sequence, event)
    return [violation.kind for violation in checker.violations(jobs=jobs)]


def test_alice_and_bob_are_in_different_shards() -> None:
    """What is planted below depends on it."""
    assert FOUR.shard_of(ALICE) != FOUR.shard_of(BOB)


def test_a_sound_log_is_not_complained_of() -> None:
    queued, running, completed = alice(FIRST)
    waiting, *rest = alice(SECOND)
    others = builders.queued(OTHER, BOB), builders.cancelled(OTHER, BOB)
    asked = builders.cancel_requested(SECOND, ALICE)
    assert (
        judged(queued, waiting, others[0], running, others[1], completed, rest[0], asked, rest[1], jobs=3)
        == []
    )


@pytest.mark.parametrize(
    ("kind", "events"),
    [
        ("ended_twice", [*alice(FIRST), builders.failed(FIRST, ALICE)]),
        ("queued_twice", [*alice(FIRST), builders.queued(FIRST, ALICE)]),
        ("queued_twice", [alice(FIRST)[0], *alice(FIRST)]),
        ("after_end", [*alice(FIRST), builders.running(FIRST, ALICE, 2)]),
        ("after_end", [*alice(FIRST), builders.cancel_requested(FIRST, ALICE)]),
        ("unfenced", [*alice(FIRST)[:2], builders.failed(FIRST, ALICE, 2), alice(FIRST)[2]]),
        ("unfinished", alice(FIRST)[:2]),
    ],
)
def test_a_planted_fault_of_a_job_is_named(kind: str, events: list[Event]) -> None:
    assert judged(*events) == [kind]


def test_an_event_of_no_job_is_named() -> None:
    assert judged(alice(FIRST)[1], jobs=0) == ["not_first"]


def test_a_job_that_begins_before_an_earlier_one_has_ended_is_named() -> None:
    queued, running, completed = alice(FIRST)
    waiting, *rest = alice(SECOND)
    assert judged(queued, waiting, running, rest[0], completed, rest[1], jobs=2) == ["out_of_turn"]
    assert judged(queued, waiting, *rest, running, completed, jobs=2) == ["out_of_turn"]


def test_a_user_in_another_shard_is_named() -> None:
    assert set(judged(*alice(FIRST), shard=FOUR.shard_of(BOB))) == {"wrong_shard"}


def test_a_sequence_that_comes_again_is_named() -> None:
    checker = Checker(FOUR.shard_of)
    for event in alice(FIRST):
        checker.take(FOUR.shard_of(ALICE), 7, event)
    assert [one.kind for one in checker.violations(jobs=1)] == ["out_of_sequence"] * 2


def test_a_job_that_is_not_there_is_named() -> None:
    assert judged(*alice(FIRST), jobs=2) == ["lost"]
