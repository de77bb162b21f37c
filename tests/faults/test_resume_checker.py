"""The judge of resumed subscriptions sees every kind of fault, and none where there is none."""

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from shared.contract.codec import encode, event_object
from shared.domain.events import EventBase, JobOutput, JobProgress
from shared.domain.unsent import UnsentNote
from tests import builders
from tests.faults.resume_checker import Shown, Truth, check

JOB = builders.JOB
OTHER = "01890a5d-ac96-774b-bcce-b302099a8058"
TEXT = "42\n"


def shown_of(event: EventBase, seq: int | None = None) -> Shown:
    moment = builders.NOON
    found: Shown = msgspec.to_builtins(event_object(encode(event), cursor="1-1", stored_at=moment, seq=seq))
    return found


def output(offset: int, content: str, job: str = JOB) -> Shown:
    return shown_of(
        JobOutput(
            job_id=job,
            user_id=builders.USER,
            time=builders.NOON,
            request_id="req-1",
            attempt=1,
            stage="run",
            stream="stdout",
            offset=offset,
            content=content,
        )
    )


def progress(percent: int, message: str = "", remaining_s: float | None = None) -> Shown:
    return shown_of(
        JobProgress(
            job_id=JOB,
            user_id=builders.USER,
            time=builders.NOON,
            request_id="req-1",
            attempt=1,
            stage="run",
            percent=percent,
            message=message,
            remaining_s=remaining_s,
        )
    )


LOG = [
    shown_of(builders.queued(JOB), 1),
    shown_of(builders.queued(OTHER), 2),
    shown_of(builders.running(JOB), 3),
    shown_of(builders.running(OTHER), 5),
    shown_of(builders.completed(JOB), 8),
    shown_of(builders.completed(OTHER), 9),
]
FEED = [
    progress(1),
    output(0, "4"),
    output(0, "42", OTHER),
    output(1, "2\n"),
    progress(90),
    output(2, "\n", OTHER),
]
GOOD = [*LOG[:4], *FEED, *LOG[4:]]
FIRST_OUTPUT, JOINED = 5, 7
END_OF_JOB = 10

Spoil = Callable[[list[Shown]], object]


def spoiled(spoil: Spoil) -> set[str]:
    """The kinds of violation that are found in a good story after `spoil`."""
    shown = copy.deepcopy(GOOD)
    spoil(shown)
    return {violation.kind for violation in check(shown, Truth(LOG, FEED))}


def swap(shown: list[Any], one: int, other: int) -> None:
    shown[one], shown[other] = shown[other], shown[one]


def test_a_good_story_has_no_violation() -> None:
    assert check(GOOD, Truth(LOG, FEED)) == []


def test_joined_pieces_are_no_violation() -> None:
    shown = [event for event in GOOD if event is not GOOD[JOINED]]
    shown[FIRST_OUTPUT] = output(0, TEXT)
    assert check(shown, Truth(LOG, FEED)) == []


def test_pieces_cut_elsewhere_are_no_violation() -> None:
    shown = [*GOOD]
    shown[FIRST_OUTPUT], shown[JOINED] = output(0, "42"), output(2, "\n")
    assert check(shown, Truth(LOG, FEED)) == []


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        pytest.param(lambda shown: shown.pop(0), "lost", id="the first event"),
        pytest.param(lambda shown: shown.pop(2), "lost", id="an event in the middle"),
        pytest.param(lambda shown: shown.pop(), "lost", id="the last event"),
        pytest.param(lambda shown: shown.insert(3, shown[2]), "repeated", id="an event twice"),
        pytest.param(lambda shown: shown.append(shown[1]), "repeated", id="an event again much later"),
        pytest.param(lambda shown: swap(shown, 0, 1), "swapped", id="two events"),
        pytest.param(
            lambda shown: shown.append({**shown[1], "seq": 77}), "foreign", id="no event of the log"
        ),
        pytest.param(lambda shown: shown[3]["data"].update(executor_id="x"), "altered", id="an event"),
        pytest.param(lambda shown: shown.pop(FIRST_OUTPUT), "hole", id="output, its beginning"),
        pytest.param(lambda shown: shown.pop(FIRST_OUTPUT), "lost", id="output, as the feed has it"),
        pytest.param(lambda shown: shown.pop(JOINED), "hole", id="output, its end"),
        pytest.param(lambda shown: shown.insert(6, shown[5]), "overlap", id="output twice"),
        pytest.param(lambda shown: swap(shown, 5, 7), "overlap", id="output in the wrong order"),
        pytest.param(lambda shown: shown.insert(6, output(0, "42")), "overlap", id="a part of output twice"),
        pytest.param(lambda shown: shown[7]["data"].update(content="3\n"), "altered", id="output"),
        pytest.param(
            lambda shown: shown[7]["data"].update(content="2\nmore"), "altered", id="too much output"
        ),
        pytest.param(lambda shown: swap(shown, JOINED, END_OF_JOB), "late", id="the end before output"),
        pytest.param(lambda shown: swap(shown, 8, END_OF_JOB), "late", id="the end before progress"),
        pytest.param(lambda shown: shown.pop(4), "lost", id="progress"),
        pytest.param(lambda shown: shown.insert(5, shown[4]), "repeated", id="progress twice"),
        pytest.param(lambda shown: swap(shown, 4, 8), "swapped", id="progress in the wrong order"),
        pytest.param(lambda shown: shown.insert(4, progress(50)), "foreign", id="no progress of the feed"),
    ],
)
def test_a_planted_fault_is_found(spoil: Spoil, kind: str) -> None:
    assert kind in spoiled(spoil)


def test_a_feed_that_lost_notes_in_a_crash_may_leave_holes_but_nothing_else() -> None:
    lossy = [note for note in FEED if note is not FEED[1]]
    shown = [event for event in GOOD if event is not GOOD[FIRST_OUTPUT]]
    assert check(shown, Truth(LOG, lossy, feed_is_whole=False)) == []
    # Who was shown it before the crash has more than the feed.
    assert check(GOOD, Truth(LOG, lossy, feed_is_whole=False)) == []
    twice = [*GOOD[:6], GOOD[FIRST_OUTPUT], *GOOD[6:]]
    assert [one.kind for one in check(twice, Truth(LOG, lossy, feed_is_whole=False))] == ["overlap"]
    # What is stored again after the crash is shown again, but only as it was, and only then.
    again = {**GOOD[FIRST_OUTPUT], "stored_at": "2026-01-02T13:00:00.000000Z"}
    resent = [*GOOD[:6], again, *GOOD[6:]]
    assert check(resent, Truth(LOG, lossy, feed_is_whole=False)) == []
    assert "overlap" in {one.kind for one in check(resent, Truth(LOG, FEED))}
    other = {**again, "data": {**again["data"], "content": "x" * len(again["data"]["content"])}}
    altered = check([*GOOD[:6], other, *GOOD[6:]], Truth(LOG, lossy, feed_is_whole=False))
    assert "overlap" in {one.kind for one in altered}
    # What the feed still holds must have been shown.
    less = [event for event in shown if event is not GOOD[JOINED]]
    assert "lost" in {one.kind for one in check(less, Truth(LOG, lossy, feed_is_whole=False))}


COMPLETE = UnsentNote(stage="run", percent=100, message="run complete")
SHORT = [
    shown_of(msgspec.structs.replace(builders.running(JOB), stage="run", remaining_s=0.5), 1),
    shown_of(msgspec.structs.replace(builders.completed(JOB), unsent_notes=(COMPLETE,)), 2),
]
WHOLE = [SHORT[0], progress(0, "run started", 0.5), output(0, TEXT), progress(100, "run complete"), SHORT[1]]


@pytest.mark.parametrize(
    ("shown", "kinds"),
    [
        (WHOLE, set()),
        ([*WHOLE[:1], *WHOLE[2:]], {"lost"}),
        ([*WHOLE[:3], *WHOLE[4:]], {"lost"}),
        ([*WHOLE[:2], *WHOLE[1:]], {"repeated"}),
        ([*WHOLE[:3], WHOLE[4], WHOLE[3]], {"late"}),
        ([WHOLE[0], WHOLE[3], WHOLE[2], WHOLE[1], WHOLE[4]], {"swapped"}),
        ([*WHOLE[:2], *WHOLE[3:]], {"hole"}),
    ],
)
def test_notes_that_the_log_tells_are_judged_as_those_of_the_feed(
    shown: list[Shown], kinds: set[str]
) -> None:
    assert {violation.kind for violation in check(shown, Truth(SHORT, []))} == kinds
