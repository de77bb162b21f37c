"""The judge of whole runs sees every kind of fault where one is planted, and none where there is none."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults import history_file
from tests.faults.checker import check
from tests.faults.planted import answers, log, submissions, subscribers, views
from tests.faults.planted.places import NoPlaceError, Plant
from tests.faults.rules.violation import Kind
from tests.faults.sound import sound

SEEDS = range(6)

PLANTS: list[tuple[Kind, Plant]] = [
    ("not_first", log.begun_before_queued),
    ("queued_twice", log.queued_again),
    ("attempts", log.second_attempt_first),
    ("unfenced", log.older_attempt_counts),
    ("ended_twice", log.ends_again),
    ("after_end", log.goes_on_after_end),
    ("unfinished", log.never_ends),
    ("out_of_turn", log.overtaken),
    ("overlap", log.side_by_side),
    ("lost", submissions.accepted_and_lost),
    ("stray", submissions.nobody_asked),
    ("key_split", submissions.two_jobs_of_one_key),
    ("key_shared", submissions.one_job_of_two_keys),
    ("stored_twice", submissions.stored_twice),
    ("replay_unsaid", submissions.silent_replay),
    ("forgotten", answers.forgotten),
    ("unexpected_answer", answers.broken),
    ("wrong_answer", answers.not_the_fold),
    ("wrong_answer", answers.not_of_the_log),
    ("wrong_etag", answers.another_tag),
    ("stale", answers.read_backwards),
    ("cancel_lost", answers.cancel_without_trace),
    ("cancel_refused", answers.cancel_refused),
    ("unseen", subscribers.not_shown),
    ("repeated", subscribers.shown_twice(subscribers.of_the_log)),
    ("repeated", subscribers.shown_twice(lambda shown: shown.piece is not None)),
    ("repeated", subscribers.shown_twice(lambda shown: shown.type == "job.progress.v1")),
    ("swapped", subscribers.shown_in_another_order),
    ("foreign", subscribers.of_somebody_else),
    ("altered", subscribers.altered),
    ("late", subscribers.after_the_end),
    ("missed", subscribers.told_of_a_gap),
    ("view_behind", views.behind),
    ("view_missing", views.no_row),
    ("view_extra", views.row_of_nothing),
    ("view_differs", views.another_row),
]


@given(seed=st.integers(min_value=0), users=st.integers(1, 4), jobs=st.integers(1, 12))
@settings(max_examples=60)
def test_a_sound_history_has_no_violation(seed: int, users: int, jobs: int) -> None:
    assert check(sound(seed, users=users, jobs=jobs)).violations == ()


@pytest.mark.parametrize(("kind", "plant"), PLANTS)
def test_a_planted_fault_is_found_and_nothing_else(kind: Kind, plant: Plant) -> None:
    planted_in = 0
    for seed in SEEDS:
        try:
            spoiled = plant(sound(seed))
        except NoPlaceError:
            continue
        planted_in += 1
        verdict = check(spoiled)
        assert set(verdict.kinds) == {kind}, [str(one) for one in verdict.violations[:5]]
    assert planted_in > len(SEEDS) // 2


def test_notes_of_an_older_attempt_after_the_end_are_counted() -> None:
    """An executor that was believed dead wakes and goes on telling."""
    verdict = check(subscribers.older_attempt_after_the_end(sound(1)))
    assert verdict.violations == ()
    assert verdict.figures.late_notes == 1


def test_every_kind_is_planted() -> None:
    assert {kind for kind, _ in PLANTS} == set(get_args(Kind))


def test_a_history_is_judged_the_same_after_it_was_written(tmp_path: Path) -> None:
    told = subscribers.not_shown(sound(1))
    history_file.write(tmp_path / "run.jsonl", told)
    read = history_file.read(tmp_path / "run.jsonl")
    assert read == told
    assert check(read) == check(told)


@pytest.mark.parametrize("is_sound", [True, False])
async def test_a_file_is_judged_from_the_command_line(tmp_path: Path, is_sound: bool) -> None:
    told = sound(1) if is_sound else subscribers.not_shown(sound(1))
    history_file.write(tmp_path / "run.jsonl", told)
    judging = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.check", str(tmp_path / "run.jsonl")), stdout=PIPE
    )
    report, _ = await judging.communicate()
    assert judging.returncode == (0 if is_sound else 1)
    assert ("0 violations" if is_sound else "1 violations unseen 1") in report.decode()
