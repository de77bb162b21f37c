"""What a program is given of its input: all of it, once, in order, whatever the stream's readers are told."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from signal import SIGINT
from typing import cast

import msgspec
import pytest

from services.executor.attempts.feed_publisher import Feed
from services.executor.attempts.live_input import LiveInput, LiveInputs
from services.executor.sandbox.interface import LiveStdin
from shared.contract.codec import encode
from shared.contract.subjects import INPUT, job_input
from shared.domain.events import InputMessage, JobInput, JobQueued
from shared.domain.interaction import TerminalSize
from shared.jetstream.errors import UnreachableError
from shared.jetstream.event_log import Log
from shared.jetstream.stored_message import Entry
from tests import builders

SUBJECT = job_input(builders.USER, builders.JOB)
Given = tuple[str, object]


@dataclass
class Stream:
    """The stream of input, as readers of one job ask. `hidden` is what a replica does not have yet."""

    entries: list[Entry] = field(default_factory=list)
    silent: int = 0
    hidden: int = 0
    reads: int = 0

    async def last(self, subject: str, *, stream: str) -> Entry | None:
        assert stream == INPUT
        self.reads += 1
        if self.silent:
            self.silent -= 1
            raise UnreachableError("no answer")
        return next((one for one in reversed(self.entries) if one.subject == subject), None)

    async def replay(self, subject: str, *, after: int = 0, up_to: int, stream: str) -> AsyncIterator[Entry]:
        assert stream == INPUT
        there = self.entries[: len(self.entries) - self.hidden]
        self.hidden = 0
        for one in there:
            if one.subject == subject and after < one.sequence <= up_to:
                yield one
                await asyncio.sleep(0)

    def add(self, message: InputMessage) -> Entry:
        """A message is stored."""
        subject = job_input(message.user_id, message.job_id)
        entry = Entry(len(self.entries) + 1, builders.NOON, subject, encode(message))
        self.entries.append(entry)
        return entry

    def say(self, *texts: str, end: bool = False, secret: bool = False) -> list[Entry]:
        """Pieces of the job's input are stored."""
        stored = []
        for text in texts:
            mine = [one for one in self.entries if one.subject == SUBJECT]
            stored.append(self.add(builders.piece(text, number=len(mine), end=end, secret=secret)))
        return stored


@dataclass
class Sink:
    """A program, as its input sees it."""

    given: list[Given] = field(default_factory=list)

    def write(self, content: bytes, *, secret: bool = False) -> None:
        self.given.append(("secret" if secret else "write", content))

    def end(self) -> None:
        self.given.append(("end", None))

    def resize(self, columns: int, rows: int) -> None:
        self.given.append(("resize", (columns, rows)))

    def signal(self, number: int) -> None:
        self.given.append(("signal", number))

    @property
    def text(self) -> bytes:
        return b"".join(what for how, what in self.given if isinstance(what, bytes) and how == "write")


@dataclass
class ShownFeed:
    """What clients are shown."""

    notes: list[InputMessage] = field(default_factory=list)

    def show_input(self, message: InputMessage) -> None:
        self.notes.append(message)


class Attempt:
    """The input of one attempt, whose program is given it from `run` on."""

    def __init__(self, stream: Stream, queued: JobQueued | None = None) -> None:
        self.sink, self.feed = Sink(), ShownFeed()
        self.live = LiveInput(cast("Log", stream), queued or builders.interactive())
        self.live.show_in(cast("Feed", self.feed))

    async def run(self) -> None:
        """All that is stored was read; then the program begins."""
        self.live.read()
        await self.settle()
        self.live.connect(self.sink)

    async def settle(self) -> None:
        """Nothing is being read any more."""
        await settle(self.live)


async def settle(live: LiveInput) -> None:
    """Nothing is being read any more."""
    reading = live._reading  # noqa: SLF001 - a test must not wait for a time
    if reading is not None:
        await reading


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def attempt(stream: Stream) -> Attempt:
    return Attempt(stream)


async def test_what_was_stored_before_it_runs_is_given_when_it_begins(
    stream: Stream, attempt: Attempt
) -> None:
    stream.say("one ", "two ")
    await attempt.run()
    stored = stream.say("three")
    attempt.live.take(stored[0])
    assert attempt.sink.given == [("write", b"one "), ("write", b"two "), ("write", b"three")]
    assert [one.number for one in attempt.feed.notes] == [0, 1, 2]


async def test_what_comes_twice_is_given_once(stream: Stream, attempt: Attempt) -> None:
    stored = stream.say("one ", "two ")
    await attempt.run()
    for entry in (*stored, *stored):
        attempt.live.take(entry)
    attempt.live.read()
    await attempt.settle()
    assert attempt.sink.text == b"one two "
    assert attempt.live.report().total_bytes == 8


async def test_a_gap_is_read_before_what_follows_it(stream: Stream, attempt: Attempt) -> None:
    """The follower began after a message that the first reading did not show."""
    await attempt.run()
    stored = stream.say("one ", "two ", "three")
    attempt.live.take(stored[2])
    assert attempt.sink.text == b""
    await attempt.settle()
    assert attempt.sink.text == b"one two three"


async def test_what_comes_while_it_is_read_is_in_its_place(stream: Stream, attempt: Attempt) -> None:
    stream.say("one ", "two ")
    attempt.live.connect(attempt.sink)
    attempt.live.read()
    # The reading has asked for what is last, and no more.
    await asyncio.sleep(0)
    late = stream.say("three ", "four ")
    for entry in late:
        attempt.live.take(entry)
    await attempt.settle()
    assert attempt.sink.text == b"one two three four "


async def test_a_replica_that_lags_behind_is_asked_again(
    stream: Stream, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.executor.attempts.live_input.REPLICA_PAUSE_S", 0.0)
    stream.say("one ", "two ")
    stream.hidden = 1
    await attempt.run()
    assert attempt.sink.text == b"one two "


async def test_a_stream_that_does_not_answer_is_asked_again(
    stream: Stream, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.executor.attempts.live_input.AGAIN_S", 0.0)
    stream.say("one")
    stream.silent = 2
    await attempt.run()
    assert (attempt.sink.text, stream.reads) == (b"one", 3)


async def test_input_that_was_removed_meanwhile_is_not_waited_for(stream: Stream, attempt: Attempt) -> None:
    stream.say("one")
    stream.hidden = 1
    attempt.live.read()
    await asyncio.sleep(0)
    stream.entries.clear()
    async with asyncio.timeout(10):
        await attempt.settle()


async def test_the_end_and_the_size_are_given_in_their_place(stream: Stream) -> None:
    terminal = msgspec.structs.replace(builders.INTERACTION, terminal=TerminalSize(columns=80, rows=24))
    attempt = Attempt(stream, builders.interactive(interactive=terminal))
    stream.say("one")
    stream.add(builders.resized(number=1, offset=3))
    stream.say("two", end=True)
    await attempt.run()
    assert attempt.sink.given == [
        ("write", b"one"),
        ("resize", (120, 40)),
        ("write", b"two"),
        ("end", None),
    ]
    assert attempt.live.report().ended
    stdin = attempt.live.stdin()
    assert isinstance(stdin, LiveStdin)
    assert (stdin.terminal, stdin.idle_s) == ((80, 24), 600)


async def test_a_signal_is_for_the_attempt_that_runs_meanwhile(stream: Stream, attempt: Attempt) -> None:
    stream.say("one ")
    stream.add(builders.signalled(number=1, offset=4))
    stream.say("two ")
    await attempt.run()
    # The second attempt is given all input again, but is not ended by what was meant for the first.
    assert attempt.sink.given == [("write", b"one "), ("write", b"two ")]
    attempt.live.take(stream.add(builders.signalled(number=3, offset=8)))
    assert attempt.sink.given[-1] == ("signal", SIGINT)


async def test_an_earlier_signal_is_left_out_also_if_the_follower_is_late_with_it(
    stream: Stream, attempt: Attempt
) -> None:
    """The first attempt ended at once; the follower comes to what was for it when the second has begun."""
    early = stream.add(builders.signalled())
    attempt.live.connect(attempt.sink)
    attempt.live.read()
    attempt.live.take(early)
    attempt.live.take(stream.say("one")[0])
    await attempt.settle()
    attempt.live.take(early)
    assert attempt.sink.given == [("write", b"one")]


async def test_a_signal_that_comes_before_the_first_reading_is_given_once_the_attempt_has_begun(
    stream: Stream, attempt: Attempt
) -> None:
    """A client that was told that the job runs was faster than the reading."""
    stream.add(builders.signalled())
    await attempt.live.begin()
    stream.add(builders.signalled(number=1))
    await attempt.run()
    assert attempt.sink.given == [("signal", SIGINT)]


@pytest.mark.parametrize(
    ("terminal", "again"),
    [(TerminalSize(columns=80, rows=24), b"begun\x15one\n"), (None, b"begun\x03one\n")],
    ids=["terminal", "pipe"],
)
async def test_keys_for_signals_are_for_the_attempt_that_runs_when_they_are_typed(
    stream: Stream, terminal: TerminalSize | None, again: bytes
) -> None:
    interaction = msgspec.structs.replace(builders.INTERACTION, terminal=terminal)
    attempt = Attempt(stream, builders.interactive(interactive=interaction))
    stream.say("begun\x03one\n")
    await attempt.run()
    attempt.live.take(stream.say("\x03")[0])
    assert attempt.sink.text == again + b"\x03"
    report = attempt.live.report()
    assert (report.content, report.total_bytes) == ("begun\x03one\n\x03", 11)


async def test_a_signal_that_a_later_reading_finds_is_given(stream: Stream, attempt: Attempt) -> None:
    await attempt.run()
    stream.say("one")
    stream.add(builders.signalled(number=1, offset=3))
    attempt.live.take(stream.say("two")[0])
    await attempt.settle()
    assert attempt.sink.given == [("write", b"one"), ("signal", SIGINT), ("write", b"two")]


async def test_secret_input_is_given_and_shown_without_its_content(stream: Stream, attempt: Attempt) -> None:
    stream.say("user\n")
    stream.say("pässword\n", secret=True)
    await attempt.run()
    assert attempt.sink.given == [("write", b"user\n"), ("secret", "pässword\n".encode())]
    shown = attempt.feed.notes[1]
    assert isinstance(shown, JobInput)
    assert (shown.content, shown.length, shown.secret) == ("", 10, True)
    assert b"ssword" not in b"".join(encode(note) for note in attempt.feed.notes)
    assert b"ssword" not in msgspec.json.encode(attempt.live.report())


async def test_poison_and_what_is_newer_do_not_end_the_reading(stream: Stream, attempt: Attempt) -> None:
    await attempt.run()
    for payload in (b"{", b'{"type":"job.pasted.v1"}'):
        attempt.live.take(Entry(7, builders.NOON, SUBJECT, payload))
    attempt.live.take(stream.say("one")[0])
    assert attempt.sink.text == b"one"


async def test_a_value_of_a_later_version_is_left_out(stream: Stream, attempt: Attempt) -> None:
    await attempt.run()
    later = msgspec.structs.replace(builders.signalled(), signal="SIGWINCH")
    attempt.live.take(Entry(1, builders.NOON, SUBJECT, msgspec.json.encode(later)))
    attempt.live.take(Entry(2, builders.NOON, SUBJECT, encode(builders.piece("one", number=1))))
    assert attempt.sink.given == [("write", b"one")]


async def test_a_program_that_has_ended_is_given_nothing_more(stream: Stream, attempt: Attempt) -> None:
    await attempt.run()
    attempt.live.disconnect()
    attempt.live.take(stream.say("one")[0])
    assert attempt.sink.given == []
    assert attempt.live.report().total_bytes == 0


async def test_each_attempt_here_is_given_its_own(stream: Stream) -> None:
    inputs, other = LiveInputs(cast("Log", stream)), builders.job_id()
    async with (
        inputs.of(builders.interactive()) as one,
        inputs.of(builders.interactive(other)) as two,
        inputs.of(builders.queued(builders.job_id())) as none,
    ):
        assert none is None
        assert one is not None
        assert two is not None
        sinks = Sink(), Sink()
        for live, sink in zip((one, two), sinks, strict=True):
            await settle(live)
            live.connect(sink)
        batch = [
            stream.add(builders.piece("one")),
            stream.add(builders.piece("two", other)),
            stream.add(builders.piece("of a job elsewhere", builders.job_id())),
            Entry(9, builders.NOON, "input.elsewhere", b""),
        ]
        await inputs.take(batch)
        assert [sink.text for sink in sinks] == [b"one", b"two"]
    await inputs.take(stream.say("late"))
    assert sinks[0].text == b"one"


async def test_a_job_that_is_not_interactive_reads_no_stream(stream: Stream) -> None:
    assert LiveInput(cast("Log", stream), builders.queued()).stdin() is None
    async with LiveInputs(cast("Log", stream)).of(builders.queued()):
        await asyncio.sleep(0)
    assert stream.reads == 0
