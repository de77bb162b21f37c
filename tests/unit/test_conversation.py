"""A conversation with a program: pieces in order at their offsets, refusals that pass, output shown once."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import pytest

from headrace.client.conversation import Conversation
from headrace.client.errors import ProblemAnswerError, UsageError
from headrace.client.input_calls import PIECE_BYTES_MAX
from headrace.client.models import InputState, JobShown
from shared.contract.codec import EventObject
from shared.domain.events import Limits
from shared.domain.result import Output, OutputTail, Result, StageReport
from tests.builders import JOB, NOON

SHOWN = JobShown(
    job_id=JOB,
    user_id="u",
    status="running",
    language="python",
    entrypoint="main.py",
    limits=Limits(),
    labels={},
    session=None,
    created_at=NOON,
    queued_sequence=1,
    last_sequence=1,
    files=(),
    args=(),
)


def refusal(kind: str, retry_after_s: float | None = None) -> ProblemAnswerError:
    document = {"type": f"urn:headrace:problem:{kind}", "title": kind}
    return ProblemAnswerError(document, status=409, retry_after_s=retry_after_s)


def event(kind: str, **data: Any) -> EventObject:  # noqa: ANN401 - JSON
    return EventObject(
        cursor="", type=f"job.{kind}.v1", job_id=JOB, time=NOON.isoformat(), stored_at=NOON, data=data
    )


def note(offset: int, content: str, *, attempt: int = 1, stream: str = "stdout") -> EventObject:
    return event(
        "output",
        attempt=attempt,
        stage="run",
        stream=stream,
        offset=offset,
        content=content,
        encoding="utf-8",
    )


@dataclass
class Service:
    """What the service stores; `answers` are raised by the next calls instead, where they are no None."""

    stored: bytes = b""
    pieces: list[tuple[int, bytes, bool, bool]] = field(default_factory=list)
    told: list[object] = field(default_factory=list)
    asked: int = 0
    answers: list[Exception | None] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    events: list[EventObject] = field(default_factory=list)
    result_kept: Result | None = None

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def _answer(self) -> None:
        self.called.set()
        await self.may_answer.wait()
        if self.answers and (answer := self.answers.pop(0)) is not None:
            raise answer

    async def input_state(self, job_id: str) -> InputState:
        self.asked += 1
        return InputState(offset=len(self.stored))

    async def send_piece(
        self, job_id: str, offset: int, content: bytes, *, end: bool = False, secret: bool = False
    ) -> InputState:
        await self._answer()
        assert offset == len(self.stored)
        self.stored += content
        self.pieces.append((offset, content, end, secret))
        return InputState(offset=len(self.stored), ended=end)

    async def resize(self, job_id: str, columns: int, rows: int) -> InputState:
        await self._answer()
        self.told.append((columns, rows))
        return InputState(offset=len(self.stored))

    async def signal(self, job_id: str, name: str) -> InputState:
        await self._answer()
        self.told.append(name)
        return InputState(offset=len(self.stored))

    async def get(self, job_id: str) -> JobShown:
        return JobShown(
            **{name: getattr(SHOWN, name) for name in SHOWN.__struct_fields__ if name != "result"},
            result=self.result_kept,
        )

    async def result(self, job_id: str, *, timeout_s: float) -> JobShown:
        return await self.get(job_id)

    async def follow(self, job_id: str) -> AsyncGenerator[EventObject, None]:
        for each in self.events:
            yield each


async def test_calls_that_wait_are_sent_together_in_their_order() -> None:
    service = Service()
    service.may_answer.clear()
    conversation = Conversation(service, SHOWN, offset=0)
    first = asyncio.create_task(conversation.send("a"))
    await service.called.wait()
    calls = [conversation.send(b"b"), conversation.send(""), conversation.send("c"), conversation.end()]
    together = asyncio.gather(*calls)
    service.may_answer.set()
    await first
    await together
    assert service.pieces == [(0, b"a", False, False), (1, b"bc", True, False)]
    assert service.asked == 0


async def test_a_secret_piece_is_alone() -> None:
    service = Service()
    conversation = Conversation(service, SHOWN, offset=0)
    await asyncio.gather(
        conversation.send("user\n"), conversation.send("word\n", secret=True), conversation.send("next\n")
    )
    assert service.pieces == [
        (0, b"user\n", False, False),
        (5, b"word\n", False, True),
        (10, b"next\n", False, False),
    ]


async def test_a_large_piece_is_cut() -> None:
    service = Service()
    content = bytes(range(256)) * 600
    await Conversation(service, SHOWN, offset=0).send(content)
    assert service.stored == content
    assert [len(piece) for _, piece, _, _ in service.pieces] == [PIECE_BYTES_MAX, PIECE_BYTES_MAX, 22_528]


async def test_a_job_of_another_is_asked_for_its_offset_once() -> None:
    service = Service(stored=b"earlier")
    conversation = Conversation(service, SHOWN)
    await conversation.send("a")
    await conversation.send("b")
    assert (service.stored, service.asked) == (b"earlierab", 1)


async def test_a_refusal_that_says_when_to_come_back_is_waited_for() -> None:
    service = Service(answers=[refusal("input-not-read", 0), refusal("too-many-requests", 0)])
    conversation = Conversation(service, SHOWN, offset=0)
    await conversation.send("early")
    assert service.stored == b"early"
    service.answers += [refusal("not-running", 0), None, refusal("not-running", 0)]
    await conversation.resize(100, 30)
    await conversation.signal("SIGINT")
    assert service.told == [(100, 30), "SIGINT"]


async def test_another_writer_is_told_to_all_who_wait_and_the_next_goes_on() -> None:
    service = Service(answers=[refusal("input-mismatch")])
    conversation = Conversation(service, SHOWN, offset=0)
    calls = (conversation.send("a"), conversation.send("b"), conversation.send("x", secret=True))
    refused = await asyncio.gather(*calls, return_exceptions=True)
    assert [str(each) for each in refused] == ["input-mismatch"] * 3
    service.stored = b"theirs"
    await conversation.send("ours")
    assert (service.stored, service.asked) == (b"theirsours", 1)


async def test_the_end_of_a_program_ends_its_input() -> None:
    service = Service(answers=[refusal("already-finished")] * 2)
    conversation = Conversation(service, SHOWN, offset=0)
    await conversation.end()
    with pytest.raises(ProblemAnswerError):
        await conversation.send("late")


async def test_a_closed_conversation_sends_nothing_more() -> None:
    service = Service()
    service.may_answer.clear()
    conversation = Conversation(service, SHOWN, offset=0)
    waiting = asyncio.create_task(conversation.send("a"))
    await service.called.wait()
    await conversation.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(UsageError):
        await conversation.send("b")
    assert service.stored == b""


async def test_output_is_shown_once_and_a_new_attempt_begins_again() -> None:
    service = Service(
        events=[
            event("running", attempt=1),
            note(0, "one "),
            note(0, "one "),
            note(2, "e two "),
            event("input", attempt=1, number=0, offset=0, content="x"),
            event("running", attempt=2),
            note(10, "late", attempt=1),
            note(0, "one ", attempt=2),
            note(0, "aside ", attempt=2, stream="stderr"),
        ],
        result_kept=Result(
            stdout=Output(content="one three", kept_bytes=9, total_bytes=9),
            stderr=Output(content="aside ", kept_bytes=6, total_bytes=6),
            stages=(StageReport(name="run", wall_ms=1, cpu_ms=1),),
        ),
    )
    conversation = Conversation(service, SHOWN, offset=0)
    assert [piece async for piece in conversation.output()] == [
        b"one ",
        b"two ",
        b"one ",
        b"aside ",
        b"three",
    ]
    assert b"".join([piece async for piece in conversation.output("stdout")]) == b"one two one three"
    assert [each.type async for each in conversation] == [each.type for each in service.events]
    assert (await conversation.result()).result == service.result_kept


async def test_the_end_of_a_long_output_is_not_shown_twice() -> None:
    tail = OutputTail(offset=8, content="89abcdef")
    kept = Result(
        stdout=Output(content="0123", kept_bytes=4, total_bytes=16, truncated=True, tail=tail),
        stages=(StageReport(name="run", wall_ms=1, cpu_ms=1),),
    )
    for events, expected in (
        ([], b"012389abcdef"),
        ([event("running", attempt=1), note(0, "0123456789")], b"0123456789abcdef"),
        ([event("running", attempt=1), note(0, "0123456789abcdef")], b"0123456789abcdef"),
    ):
        conversation = Conversation(Service(events=events, result_kept=kept), SHOWN, offset=0)
        assert b"".join([piece async for piece in conversation.output()]) == expected
