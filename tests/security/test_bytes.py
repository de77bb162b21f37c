"""What a program prints arrives as it was printed, in the result and live; nothing it prints is an event."""

import uuid

import httpx
import msgspec
import pytest

from headrace.client.errors import ProblemAnswerError
from shared.contract.codec import EventObject
from tests.security.checker import Checker, attacked
from tests.security.conftest import StackArena
from tests.security.submission import LIMITS, Outcome, Submission, output_bytes, source_of

pytestmark = pytest.mark.asyncio(loop_scope="package")

SPOKEN = ("🦀", "é", "語", "🏔")
ANY = bytes(range(256)) + b"\xff\xfe\x00\x00\xc3\x28\xed\xa0\x80\xf8\x88\x80\x80\x80"
TERMINAL = (
    b"\x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\x1b[2J\x1b[31m" + "\u202eabc\u2066".encode()
)


def notes_of(outcome: Outcome, stream: str) -> list[EventObject]:
    """The live output of one stream, in the order of its bytes, without a gap or a repeat."""
    notes = [each for each in outcome.notes if each.type == "job.output.v1" and each.data["stream"] == stream]
    at = 0
    for note in notes:
        assert note.data["offset"] == at
        at += len(output_bytes(note))
    return notes


def live(outcome: Outcome, stream: str) -> bytes:
    """All bytes of one stream as they came over the WebSocket."""
    return b"".join(map(output_bytes, notes_of(outcome, stream)))


async def test_any_bytes_arrive_as_they_were_written(checker: Checker) -> None:
    outcome, faults = await checker.run_beside_others(Submission("python", source_of("25_any_bytes.py")))
    assert faults + attacked(outcome) == []
    assert outcome.ending == "completed"
    assert outcome.stdout == live(outcome, "stdout") == b"attempted\n" + ANY
    assert outcome.stderr == live(outcome, "stderr") == TERMINAL
    assert outcome.result["stdout"]["encoding"] == "base64"
    assert outcome.result["stderr"]["encoding"] == "utf-8"


async def test_no_sequence_for_terminals_is_raw_in_any_answer(
    arena: StackArena, http: httpx.AsyncClient
) -> None:
    """JSON escapes control characters, so that who prints an answer has nothing done to his terminal."""
    job_id = await arena.submit("mallory", Submission("python", source_of("25_any_bytes.py")))
    await arena.outcome("mallory", job_id)
    for path in (f"/v1/jobs/{job_id}", f"/v1/jobs/{job_id}/events", "/v1/jobs", "/v1/events"):
        answer = await http.get(path)
        assert answer.status_code == 200
        assert "job_id" in answer.text
        assert not {*range(32)} - {10} & {*answer.content}
        assert "json" in answer.headers["content-type"]


async def test_characters_are_never_cut(checker: Checker) -> None:
    limits = msgspec.structs.replace(LIMITS, output_bytes=256 * 1024)
    submission = Submission("python", source_of("25_split_characters.py"), limits=limits)
    outcome, faults = await checker.run_beside_others(submission)
    assert faults + attacked(outcome) == []
    halves = "".join(each * (len(each.encode()) - 1) for each in SPOKEN)
    written = f"attempted\n{halves}🦀{'語é🦀' * 22_000}".encode()
    assert outcome.stdout == live(outcome, "stdout") == written
    # How many there are depends on how fast they are read: what waits for a client is joined.
    assert {note.data["encoding"] for note in notes_of(outcome, "stdout")} == {"utf-8"}


async def test_a_cut_off_stream_ends_with_a_whole_character(checker: Checker) -> None:
    limits = msgspec.structs.replace(LIMITS, output_bytes=50_001)
    submission = Submission("python", source_of("25_split_characters.py"), limits=limits)
    outcome, faults = await checker.run_beside_others(submission)
    assert faults == []
    assert outcome.ending == "failed/output_limit"
    assert outcome.result["stdout"]["encoding"] == "utf-8"
    assert outcome.result["stdout"]["truncated"]
    assert 50_001 - 4 < len(outcome.stdout) <= 50_001


async def test_a_printed_event_is_no_event(
    arena: StackArena, checker: Checker, http: httpx.AsyncClient
) -> None:
    forged = str(uuid.uuid4())
    submission = Submission("python", source_of("25_forged_events.py"), (forged,))
    outcome, faults = await checker.run_beside_others(submission)
    assert faults + attacked(outcome) == []
    assert outcome.ending == "failed/exit_code"
    assert forged in outcome.said
    assert {note.type for note in outcome.notes} <= {"job.output.v1", "job.progress.v1"}
    assert outcome.stdout == live(outcome, "stdout")
    for user in ("mallory", "alice"):
        with pytest.raises(ProblemAnswerError, match="no job of this id"):
            await arena.users[user].client.get(forged)
        stored = [event async for event in arena.users[user].client.replay()]
        assert stored
        assert forged not in {event.job_id for event in stored}
    assert (await http.get(f"/v1/jobs/{forged}/events")).status_code == 404
