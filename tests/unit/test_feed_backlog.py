"""What an attempt has not sent yet: every byte once, in order, and no character cut."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.attempts.feed_backlog import PIECE_BYTES, RUNS_MAX, FeedBacklog, Note, Piece
from shared.domain.enumerations import StageName, StreamName
from shared.domain.events import JobProgress
from shared.domain.result import STAGE_OUTPUT_BYTES_MAX
from shared.domain.unsent import UnsentNote
from tests import builders

Key = tuple[StageName, StreamName]
OUT: Key = ("run", "stdout")
ERR: Key = ("run", "stderr")


def progress(percent: int = 0, message: str = "run started", remaining_s: float | None = None) -> JobProgress:
    return JobProgress(
        job_id=builders.JOB,
        user_id=builders.USER,
        time=builders.NOON,
        request_id="req-1",
        attempt=1,
        stage="run",
        percent=percent,
        message=message,
        remaining_s=remaining_s,
    )


def told(taken: list[Piece | Note]) -> list[object]:
    return [one.message if isinstance(one, JobProgress) else getattr(one, "content", one) for one in taken]


def test_what_is_taken_is_one_piece_of_each_stream_between_progress() -> None:
    backlog = FeedBacklog()
    for number in range(3):
        backlog.write(*OUT, b"out%d " % number)
        backlog.write(*ERR, b"err%d " % number)
    backlog.add(progress())
    backlog.write(*OUT, b"more")
    assert told(backlog.take(final=False)) == [b"out0 out1 out2 ", b"err0 err1 err2 ", "run started", b"more"]
    assert (backlog.take(final=True), backlog.waiting_bytes) == ([], 0)


def test_a_character_that_is_not_whole_waits_for_its_rest() -> None:
    backlog = FeedBacklog()
    backlog.write(*OUT, b"a\xc3")
    assert told(backlog.take(final=False)) == [b"a"]
    assert backlog.waiting_bytes == 1
    backlog.write(*OUT, b"\xa9")
    assert backlog.take(final=False) == [Piece(*OUT, 1, "é".encode())]
    backlog.write(*OUT, b"\xf0\x9f")
    assert told(backlog.take(final=True)) == [b"\xf0\x9f"]


def test_what_is_left_keeps_the_order_of_both_streams() -> None:
    backlog = FeedBacklog()
    backlog.write(*OUT, b"sent")
    backlog.take(final=False)
    backlog.write(*OUT, b"one")
    backlog.write(*ERR, b"two")
    backlog.write(*OUT, b"three")
    backlog.add(progress(100, "run complete", 0.0))
    assert backlog.leave() == (
        UnsentNote(stage="run", stream="stdout", offset=4, length=3),
        UnsentNote(stage="run", stream="stderr", offset=0, length=3),
        UnsentNote(stage="run", stream="stdout", offset=7, length=5),
        UnsentNote(stage="run", percent=100, message="run complete", remaining_s=0.0),
    )
    assert backlog.leave() == ()


def test_a_program_that_goes_to_and_fro_leaves_a_bounded_order() -> None:
    backlog = FeedBacklog()
    for _ in range(10 * RUNS_MAX):
        backlog.write(*OUT, b"o")
        backlog.write(*ERR, b"e")
    left = backlog.leave()
    assert len(left) <= RUNS_MAX + 1
    assert sum(one.length for one in left if one.stream == "stdout") == 10 * RUNS_MAX


@pytest.mark.parametrize(
    ("stage", "size", "is_kept"),
    [
        ("run", 10 * STAGE_OUTPUT_BYTES_MAX, True),
        ("compile", STAGE_OUTPUT_BYTES_MAX, True),
        ("compile", STAGE_OUTPUT_BYTES_MAX + 1, False),
    ],
)
def test_a_stage_before_the_last_leaves_no_more_than_its_report_keeps(
    stage: StageName, size: int, is_kept: bool
) -> None:
    backlog = FeedBacklog()
    backlog.write(stage, "stderr", b"x" * size)
    backlog.add(progress())
    assert backlog.is_kept_by_result("run") is is_kept


@dataclass(frozen=True)
class Written:
    key: Key
    content: bytes


STEPS = st.lists(
    st.one_of(
        st.builds(
            Written,
            st.sampled_from([OUT, ERR]),
            st.binary(min_size=1, max_size=8) | st.just("aé😀".encode()),
        ),
        st.sampled_from(["progress", "take"]),
    ),
    max_size=60,
)


@given(STEPS, st.booleans())
def test_every_byte_is_told_once_in_the_order_of_its_stream(steps: list[object], leaves: bool) -> None:
    backlog, printed, found = FeedBacklog(), {OUT: b"", ERR: b""}, {OUT: b"", ERR: b""}

    def find(taken: list[Piece | Note]) -> None:
        for one in taken:
            if isinstance(one, Piece):
                assert one.offset == len(found[one.stage, one.stream])
                assert 0 < len(one.content) <= PIECE_BYTES
                found[one.stage, one.stream] += one.content

    for step in steps:
        if step == "progress":
            backlog.add(progress())
        elif step == "take":
            find(backlog.take(final=False))
        else:
            assert isinstance(step, Written)
            backlog.write(*step.key, step.content)
            printed[step.key] += step.content
    if not leaves:
        find(backlog.take(final=True))
        assert found == printed
        return
    for note in backlog.leave():
        if note.stream is not None:
            key = OUT if note.stream == "stdout" else ERR
            assert note.offset == len(found[key])
            found[key] += printed[key][note.offset : note.offset + note.length]
    assert found == printed
