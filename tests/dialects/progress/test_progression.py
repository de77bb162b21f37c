"""What is told of a job's progress, from notes that may be lost, repeated, or of an earlier attempt."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.transports.dialects.progress.progression import (
    Note,
    Progression,
    StageEnded,
    Step,
    Update,
    present_state,
)
from shared.domain.events import Event
from shared.domain.record import JobRecord
from shared.domain.result import Result, StageReport
from tests import builders
from tests.builders import NOON

COMPILED = (("compile", 0), ("compile", 50), ("run", 50), ("run", 100))


def note(stage: str, percent: int, message: str = "", attempt: int = 1) -> Note:
    return Note(
        attempt=attempt, stage=stage, percent=percent, message=message or f"{stage} {percent}", time=NOON
    )


def told(steps: list[Step]) -> list[tuple[str, int | None]]:
    return [(step.stage, step.percent if isinstance(step, Update) else None) for step in steps]


def take_all(progression: Progression, *notes: Note) -> list[tuple[str, int | None]]:
    return [one for each in notes for one in told(progression.take(each))]


def ended(event: Event, *stages: str) -> JobRecord:
    reports = tuple(StageReport(name=name, wall_ms=5, cpu_ms=4, exit_code=0) for name in stages)
    record = builders.record(builders.running(), event)
    return msgspec.structs.replace(record, result=Result(stages=reports))


@pytest.mark.row("progress", "3.4", "3.7")
def test_a_stage_is_complete_before_the_next_one_begins() -> None:
    assert take_all(Progression(), *(note(*one) for one in COMPILED)) == [
        *(("compile", 0), ("compile", 50), ("compile", None), ("run", 50), ("run", 100))
    ]


@pytest.mark.row("progress", "3.8")
def test_a_stage_that_the_feed_lost_is_told_from_the_result() -> None:
    progression = Progression()
    assert take_all(progression, note("run", 50)) == [("run", 0), ("run", 50)]
    record = ended(builders.completed(), "compile", "run")
    assert [step.stage for step in progression.finish(record)] == ["compile", "run"]
    assert progression.finish(record) == []
    told_live = Progression()
    take_all(told_live, *(note(*one) for one in COMPILED))
    assert [step.stage for step in told_live.finish(record)] == ["run"]


@pytest.mark.row("progress", "3.8")
@pytest.mark.parametrize("event", [builders.failed(), builders.timeout(), builders.cancelled(attempt=1)])
def test_a_stage_that_did_not_end_well_is_not_told(event: Event) -> None:
    finished = Progression().finish(ended(event, "compile", "run"))
    assert [step.stage for step in finished] == ["compile"]
    lost = msgspec.structs.replace(ended(builders.failed(), "compile"), reason="sandbox_error")
    assert [step.stage for step in Progression().finish(lost)] == ["compile"]


@pytest.mark.row("progress", "3.5")
def test_a_second_attempt_starts_again_at_0_and_ends_the_first() -> None:
    progression = Progression()
    take_all(progression, *(note(*one) for one in COMPILED[:3]))
    assert told(progression.begin(2, NOON)) == [("compile", 0)]
    assert take_all(progression, note("run", 100, attempt=1)) == []
    assert take_all(progression, note("compile", 50, attempt=2), note("run", 50, attempt=2)) == [
        *(("compile", 50), ("compile", None), ("run", 50))
    ]
    assert progression.begin(2, NOON) == []


@pytest.mark.row("progress", "3.5")
def test_a_note_may_come_before_the_event_of_its_attempt() -> None:
    progression = Progression()
    take_all(progression, note("run", 0), note("run", 100))
    assert take_all(progression, note("run", 50, attempt=2)) == [("run", 0), ("run", 50)]
    assert progression.begin(2, NOON) == []


@pytest.mark.row("progress", "2.3")
def test_a_new_subscriber_is_told_of_the_last_attempt_only() -> None:
    progression = Progression()
    steps: list[Step] = []
    for one in (*COMPILED[:3], *COMPILED[:2]):
        steps += progression.take(note(*one, attempt=1 if len(steps) < 4 else 2))
    steps += progression.take(note("run", 50, attempt=2))
    assert told(present_state(steps, 2)) == [("compile", None), ("run", 50)]
    assert present_state([], 1) == []


@settings(max_examples=40)
@given(
    st.lists(
        st.builds(
            note,
            st.sampled_from(["compile", "run"]),
            st.integers(-5, 120),
            st.sampled_from(["", "a", "b"]),
            st.integers(1, 3),
        ),
        max_size=30,
    )
)
def test_whatever_the_feed_does_progress_never_falls_within_an_attempt(notes: list[Note]) -> None:
    progression = Progression()
    steps = [step for each in notes for step in progression.take(each)]
    attempts = [step.attempt for step in steps]
    assert attempts == sorted(attempts)
    for attempt in set(attempts):
        of_it = [step for step in steps if step.attempt == attempt]
        percents = [step.percent for step in of_it if isinstance(step, Update)]
        assert percents[0] == 0
        assert percents == sorted(percents)
        assert percents[-1] <= 100
        ends = [step.stage for step in of_it if isinstance(step, StageEnded)]
        assert len(ends) == len(set(ends))
        for place, step in enumerate(of_it):
            if isinstance(step, StageEnded):
                assert step.stage not in {later.stage for later in of_it[place + 1 :]}


def test_a_note_that_is_repeated_is_told_once() -> None:
    progression = Progression()
    first = note("run", 0)
    again = msgspec.structs.replace(first, time=NOON + timedelta(seconds=1))
    assert take_all(progression, first, again, note("run", 100), again) == [("run", 0), ("run", 100)]
