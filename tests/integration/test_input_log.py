"""Adding to a job's input: stored once and in one order, with any number of writers and deaths."""

import asyncio
import contextlib
from datetime import UTC, datetime

import msgspec
import pytest

from headrace.local.nats_server import NatsServer
from shared.contract.codec import decode_input
from shared.contract.subjects import INPUT, job_input
from shared.domain.decisions import CommandContext
from shared.domain.events import Event, InputMessage, JobInput, JobResized, JobSignalled
from shared.domain.interaction import (
    EARLY_BYTES_MAX,
    PIECE_BYTES_MAX,
    PIECES_MAX,
    Interaction,
    TerminalSize,
)
from shared.domain.job_input import InputEnd, InputRefusal, NewPiece
from shared.domain.output_text import as_bytes
from shared.jetstream.connection import Broker, connect
from shared.jetstream.errors import BrokerError, UnreachableError
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.input_log import InputLog, Outcome, purge_input
from shared.jetstream.input_turns import PIECES_BURST
from shared.jetstream.job_history import History
from shared.settings import BrokerSettings
from tests import builders

MOMENT = CommandContext(datetime(2026, 1, 2, tzinfo=UTC), "req-9")
PIPES = Interaction(idle_s=60, input_bytes=1024 * 1024, output_bytes=1024 * 1024)
TERMINAL = msgspec.structs.replace(PIPES, terminal=TerminalSize(columns=80, rows=24))
SIZE = TerminalSize(columns=100, rows=30)
USER = builders.USER


@pytest.fixture
async def inputs(broker: Broker, log: Log) -> InputLog:
    return InputLog(broker, log, patience_s=20)


async def write(log: Log, *events: Event) -> None:
    expected = (await log.read_job(events[0].user_id, events[0].job_id)).last_sequence
    for event in events:
        stored = await log.append(event, expected=expected, patience_s=20)
        assert isinstance(stored, Appended)
        expected = stored.sequence


async def queued(log: Log, interaction: Interaction = PIPES) -> str:
    job = builders.job_id()
    await write(log, builders.queued(job, interactive=interaction))
    return job


async def running(log: Log, interaction: Interaction = PIPES) -> str:
    job = await queued(log, interaction)
    await write(log, builders.running(job))
    return job


async def add(
    inputs: InputLog, job: str, offset: int, content: bytes = b"", *, end: bool = False, secret: bool = False
) -> Outcome:
    return await inputs.add(USER, job, NewPiece(offset, content, end, secret), MOMENT)


def refused(outcome: Outcome) -> tuple[str, int | None]:
    assert isinstance(outcome, InputRefusal), outcome
    return outcome.reason, outcome.expected


def stored(outcome: Outcome) -> tuple[int, int, bool]:
    assert isinstance(outcome, InputEnd), outcome
    return outcome.number, outcome.offset, outcome.is_ended


async def messages(log: Log, job: str) -> list[InputMessage]:
    replay = log.replay(job_input(USER, job), stream=INPUT)
    return [decode_input(entry.subject, entry.payload) async for entry in replay]


async def content(log: Log, job: str) -> bytes:
    """All of a job's input, which must be whole."""
    found = b""
    for number, message in enumerate(await messages(log, job)):
        assert (message.number, message.offset) == (number, len(found))
        if isinstance(message, JobInput):
            found += as_bytes(message.content, message.encoding)
    return found


async def test_pieces_are_stored_one_behind_the_other(inputs: InputLog, log: Log) -> None:
    job = await running(log)
    assert stored(await add(inputs, job, 0, b"caf\xc3\xa9\n")) == (1, 6, False)
    assert stored(await add(inputs, job, 6, b"\xff\x00", secret=True)) == (2, 8, False)
    assert stored(await add(inputs, job, 8, b"x", end=True)) == (3, 9, True)
    first, second, third = await messages(log, job)
    assert isinstance(first, JobInput)
    assert (first.content, first.encoding, first.secret, first.end) == ("café\n", "utf-8", False, False)
    assert isinstance(second, JobInput)
    assert (second.encoding, second.secret) == ("base64", True)
    assert (first.request_id, first.time) == (MOMENT.request_id, MOMENT.time)
    assert isinstance(third, JobInput)
    assert third.end
    assert await content(log, job) == b"caf\xc3\xa9\n\xff\x00x"


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_repetition_is_stored_once(
    inputs: InputLog, broker: Broker, log: Log, *, is_known: bool
) -> None:
    """Also by a process that has not seen the input before."""
    job = await running(log)
    for offset, piece in ((0, b"one\n"), (4, b"two\n"), (8, b"three\n")):
        await add(inputs, job, offset, piece)
    again = inputs if is_known else InputLog(broker, log, patience_s=20)
    for offset, piece in (
        (0, b"one\n"),
        (8, b"three\n"),
        (2, b"e\ntwo"),
        (0, b"one\ntwo\nthree\n"),
        (4, b""),
    ):
        assert stored(await add(again, job, offset, piece)) == (3, 14, False)
    assert stored(await add(again, job, 14, b"")) == (3, 14, False)
    for offset, piece in ((0, b"One\n"), (8, b"THREE\n"), (3, b"two\n"), (12, b"e\nfour"), (15, b"x")):
        assert refused(await add(again, job, offset, piece)) == ("input_mismatch", 14)
    assert await content(log, job) == b"one\ntwo\nthree\n"


async def test_nothing_follows_the_end(inputs: InputLog, log: Log) -> None:
    job = await running(log)
    await add(inputs, job, 0, b"abc")
    assert refused(await add(inputs, job, 0, b"abc", end=True)) == ("input_mismatch", 3)
    assert stored(await add(inputs, job, 3, end=True)) == (2, 3, True)
    assert stored(await add(inputs, job, 3, end=True)) == (2, 3, True)
    assert stored(await add(inputs, job, 0, b"abc", end=True)) == (2, 3, True)
    assert stored(await add(inputs, job, 0, b"abc")) == (2, 3, True)
    assert refused(await add(inputs, job, 3, b"d")) == ("input_ended", 3)
    assert refused(await add(inputs, job, 4, b"d")) == ("input_mismatch", 3)
    assert len(await messages(log, job)) == 2


async def test_before_it_runs_a_job_is_given_little(inputs: InputLog, log: Log) -> None:
    job = await queued(log)
    early = b"x" * EARLY_BYTES_MAX
    assert stored(await add(inputs, job, 0, early)) == (1, EARLY_BYTES_MAX, False)
    outcome = await add(inputs, job, EARLY_BYTES_MAX, b"y")
    assert refused(outcome) == ("input_not_read", EARLY_BYTES_MAX)
    assert isinstance(outcome, InputRefusal)
    assert outcome.retry_after_s
    await write(log, builders.running(job))
    assert stored(await add(inputs, job, EARLY_BYTES_MAX, b"y")) == (2, EARLY_BYTES_MAX + 1, False)
    await add(inputs, job, EARLY_BYTES_MAX + 1, b"z" * EARLY_BYTES_MAX)
    assert len(await content(log, job)) == 2 * EARLY_BYTES_MAX + 1


async def test_pieces_and_all_of_them_have_bounds(inputs: InputLog, log: Log) -> None:
    job = await running(log, msgspec.structs.replace(PIPES, input_bytes=PIECE_BYTES_MAX + 2))
    assert refused(await add(inputs, job, 0, b"x" * (PIECE_BYTES_MAX + 1))) == ("input_limit", 0)
    await add(inputs, job, 0, b"x" * PIECE_BYTES_MAX)
    assert refused(await add(inputs, job, PIECE_BYTES_MAX, b"abc")) == ("input_limit", PIECE_BYTES_MAX)
    assert stored(await add(inputs, job, PIECE_BYTES_MAX, b"ab"))[1] == PIECE_BYTES_MAX + 2
    assert stored(await add(inputs, job, PIECE_BYTES_MAX + 2, end=True))[2]


async def test_the_number_of_pieces_has_a_bound(inputs: InputLog, broker: Broker, log: Log) -> None:
    job = await running(log)
    last = JobInput(
        job_id=job,
        user_id=USER,
        time=MOMENT.time,
        request_id="r",
        number=PIECES_MAX - 2,
        offset=PIECES_MAX - 2,
        content="x",
    )
    await broker.request(job_input(USER, job), msgspec.json.encode(last))
    assert stored(await add(inputs, job, PIECES_MAX - 1, b"y")) == (PIECES_MAX, PIECES_MAX, False)
    assert refused(await add(inputs, job, PIECES_MAX, b"z")) == ("input_limit", PIECES_MAX)
    assert refused(await inputs.signal(USER, job, "SIGINT", MOMENT)) == ("input_limit", PIECES_MAX)


async def test_which_jobs_take_input(inputs: InputLog, log: Log) -> None:
    async def reason(job: str, user: str = USER) -> str:
        outcomes = [
            await inputs.add(user, job, NewPiece(0, b"x"), MOMENT),
            await inputs.signal(user, job, "SIGINT", MOMENT),
            await inputs.resize(user, job, SIZE, MOMENT),
            await inputs.read_end(user, job),
        ]
        (found,) = {refused(outcome)[0] for outcome in outcomes}
        return found

    batch = builders.job_id()
    await write(log, builders.queued(batch))
    assert await reason(batch) == "not_interactive"
    await write(log, builders.running(batch), builders.completed(batch))
    assert await reason(batch) == "not_interactive"
    job = await running(log, TERMINAL)
    assert await reason(job, "bob") == "unknown_job"
    assert await reason(builders.job_id()) == "unknown_job"
    await write(log, builders.completed(job))
    assert await reason(job) == "already_finished"
    await write(log, builders.expired(job))
    assert await reason(job) == "expired"
    assert await messages(log, job) == []


async def test_a_job_that_is_known_to_take_input_has_ended(inputs: InputLog, log: Log) -> None:
    job = await running(log)
    await add(inputs, job, 0, b"x")
    await write(log, builders.completed(job))
    inputs.on_job_ended(USER, job)
    assert refused(await add(inputs, job, 1, b"y")) == ("already_finished", None)


async def test_sizes_and_signals_are_for_running_programs(inputs: InputLog, log: Log) -> None:
    job = await queued(log, TERMINAL)
    assert refused(await inputs.resize(USER, job, SIZE, MOMENT)) == ("not_running", None)
    assert refused(await inputs.signal(USER, job, "SIGTERM", MOMENT)) == ("not_running", None)
    await add(inputs, job, 0, b"ab", end=True)
    await write(log, builders.running(job))
    assert stored(await inputs.resize(USER, job, SIZE, MOMENT)) == (2, 2, True)
    assert stored(await inputs.signal(USER, job, "SIGTERM", MOMENT)) == (3, 2, True)
    assert refused(await add(inputs, job, 2, b"c")) == ("input_ended", 2)
    _, resized, signalled = await messages(log, job)
    assert isinstance(resized, JobResized)
    assert (resized.columns, resized.rows, resized.ended) == (100, 30, True)
    assert isinstance(signalled, JobSignalled)
    assert signalled.signal == "SIGTERM"
    pipes = await running(log)
    assert refused(await inputs.resize(USER, pipes, SIZE, MOMENT)) == ("no_terminal", None)
    assert stored(await inputs.signal(USER, pipes, "SIGINT", MOMENT)) == (1, 0, False)


async def test_two_writers_make_one_sequence(
    broker_settings: BrokerSettings, broker: Broker, log: Log
) -> None:
    """Each tries to put its own bytes where the other one does: one of them is stored, and both learn it."""
    job = await running(log)

    async def write_all(name: bytes, inputs: InputLog) -> list[tuple[int, bytes]]:
        mine, offset = list[tuple[int, bytes]](), 0
        for number in range(200):
            piece = b"%s%d\n" % (name, number)
            while True:
                outcome = await add(inputs, job, offset, piece)
                if isinstance(outcome, InputEnd):
                    mine.append((offset, piece))
                    offset = outcome.offset
                    break
                assert outcome.reason == "input_mismatch"
                assert outcome.expected is not None
                offset = outcome.expected
        return mine

    async with connect(broker_settings, service="test") as other:
        one, two = await asyncio.gather(
            write_all(b"a", InputLog(broker, log, patience_s=20)),
            write_all(b"b", InputLog(other, Log(other), patience_s=20)),
        )
    whole = await content(log, job)
    assert whole == b"".join(piece for _, piece in sorted(one + two))
    assert [line for line in whole.split(b"\n") if line.startswith(b"a")] == [b"a%d" % n for n in range(200)]
    assert [line for line in whole.split(b"\n") if line.startswith(b"b")] == [b"b%d" % n for n in range(200)]


async def test_writers_may_take_turns(broker: Broker, log: Log) -> None:
    """Each goes on from what the other one was told, and not from what it remembers itself."""
    job = await running(log)
    one, two = InputLog(broker, log, patience_s=20), InputLog(broker, log, patience_s=20)
    for offset in range(20):
        inputs, other = (one, two) if offset % 2 else (two, one)
        assert stored(await add(inputs, job, offset, b"x")) == (offset + 1, offset + 1, False)
        assert stored(await add(other, job, offset + 1)) == (offset + 1, offset + 1, False)
        assert refused(await add(other, job, offset + 2, b"y")) == ("input_mismatch", offset + 1)
    assert stored(await add(one, job, 20, end=True))[2]
    assert stored(await add(two, job, 20, end=True))[2]
    assert refused(await add(two, job, 20, b"x")) == ("input_ended", 20)


async def test_one_process_gives_calls_their_turns(inputs: InputLog, log: Log) -> None:
    """Many pieces sent at once, as by a client that does not wait: those in order are all stored."""
    job = await running(log)
    outcomes = await asyncio.gather(
        *(add(inputs, job, offset, b"%d" % (offset % 10)) for offset in range(100))
    )
    assert [stored(outcome)[1] for outcome in outcomes] == list(range(1, 101))
    assert await content(log, job) == b"0123456789" * 10


async def test_a_server_that_is_killed_doubles_nothing(
    broker_settings: BrokerSettings, nats_server: NatsServer, broker: Broker, log: Log
) -> None:
    """The client repeats by offset what was not acknowledged; every acknowledged piece is there."""
    job = await running(log)
    inputs = InputLog(broker, log, patience_s=0.5)
    acknowledged = list[bytes]()
    changed = asyncio.Event()

    async def write_all() -> None:
        offset = 0
        for number in range(300):
            piece = b"%d\n" % number
            while True:
                with contextlib.suppress(UnreachableError):
                    outcome = await add(inputs, job, offset, piece)
                    assert isinstance(outcome, InputEnd), outcome
                    assert outcome.offset == offset + len(piece)
                    break
            acknowledged.append(piece)
            offset += len(piece)
            changed.set()

    async def until(count: int) -> None:
        while len(acknowledged) < count:
            changed.clear()
            await changed.wait()

    async with asyncio.timeout(90):
        writing = asyncio.create_task(write_all())
        for count in (50, 150):
            await until(count)
            await nats_server.kill()
            await nats_server.start()
        await writing
    assert await content(log, job) == b"".join(acknowledged)


async def test_a_full_stream_refuses(broker: Broker, log: Log) -> None:
    job = await running(log)
    inputs = InputLog(broker, log, patience_s=0.2)
    config = (await broker.api(f"STREAM.INFO.{INPUT}"))["config"]
    await broker.api(f"STREAM.UPDATE.{INPUT}", {**config, "max_bytes": 40_000})
    assert stored(await add(inputs, job, 0, b"x" * 30_000))
    outcome = await add(inputs, job, 30_000, b"y" * 30_000)
    assert refused(outcome) == ("storage_full", 30_000)
    assert isinstance(outcome, InputRefusal)
    assert outcome.retry_after_s
    await broker.api(f"STREAM.UPDATE.{INPUT}", config)
    assert stored(await add(inputs, job, 30_000, b"y")) == (2, 30_001, False)


async def test_what_came_after_the_end_is_removed_too(inputs: InputLog, broker: Broker, log: Log) -> None:
    """The executor has removed the input, and this process has not heard of the end yet."""
    job, other = await running(log), await running(log)
    assert stored(await inputs.read_end(USER, job)) == (0, 0, False)
    await inputs.signal(USER, job, "SIGINT", MOMENT)
    await add(inputs, other, 0, b"x")
    await write(log, builders.completed(job))
    await purge_input(broker, USER, job)
    assert stored(await add(inputs, job, 0, b"password", secret=True)) == (1, 8, False)
    inputs.on_job_ended(USER, job)
    async with asyncio.timeout(20):
        while await messages(log, job):
            await broker.api(f"STREAM.INFO.{INPUT}")
    assert await content(log, other) == b"x"


@pytest.mark.parametrize(("offset", "piece"), [(3, b"d"), (0, b"abc")])
async def test_removed_input_tells_that_the_job_has_ended(
    inputs: InputLog, broker: Broker, log: Log, offset: int, piece: bytes
) -> None:
    """Before this process has heard of the end: not that the client has sent the wrong piece."""
    job = await running(log)
    await add(inputs, job, 0, b"abc")
    await write(log, builders.completed(job))
    await purge_input(broker, USER, job)
    assert refused(await add(inputs, job, offset, piece)) == ("already_finished", None)


class GatedLog(Log):
    """The log, whose answer about a job is held back until the test lets it go."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker)
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def read_job(self, user_id: str, job_id: str, *, min_sequence: int | None = None) -> History:
        history = await super().read_job(user_id, job_id, min_sequence=min_sequence)
        self.asked.set()
        await self.may_answer.wait()
        return history


async def test_a_job_that_ends_while_it_is_read_takes_nothing(broker: Broker, log: Log) -> None:
    """The end is reported between the answer of the log and its use."""
    job = await running(log)
    gated = GatedLog(broker)
    inputs = InputLog(broker, gated, patience_s=20)
    adding = asyncio.create_task(add(inputs, job, 0, b"x"))
    await gated.asked.wait()
    await write(log, builders.completed(job))
    inputs.on_job_ended(USER, job)
    gated.may_answer.set()
    assert refused(await adding)[0] == "already_finished"
    assert refused(await add(inputs, job, 0, b"x"))[0] == "already_finished"
    assert await messages(log, job) == []


async def test_a_call_does_not_wait_for_ever_for_those_before(broker: Broker, log: Log) -> None:
    job = await running(log)
    gated = GatedLog(broker)
    inputs = InputLog(broker, gated, patience_s=0.1)
    first = asyncio.create_task(add(inputs, job, 0, b"x"))
    await gated.asked.wait()
    with pytest.raises(BrokerError):
        await add(inputs, job, 1, b"y")
    gated.may_answer.set()
    assert stored(await first) == (1, 1, False)


async def test_pieces_come_at_most_so_fast(inputs: InputLog, log: Log) -> None:
    job = await running(log)
    offset = 0
    while isinstance(outcome := await add(inputs, job, offset, b"x"), InputEnd):
        offset = outcome.offset
    assert offset >= PIECES_BURST
    assert refused(outcome) == ("too_fast", offset)
    assert outcome.retry_after_s is not None
    assert outcome.retry_after_s > 0
    assert len(await content(log, job)) == offset


async def test_forgotten_jobs_are_read_again(broker: Broker, log: Log) -> None:
    inputs = InputLog(broker, log, patience_s=20, jobs_max=2)
    jobs = [await running(log) for _ in range(5)]
    for offset in range(3):
        for job in jobs:
            assert stored(await add(inputs, job, offset, b"x")) == (offset + 1, offset + 1, False)
    for _ in range(10):
        await add(inputs, builders.job_id(), 0, b"x")
    assert len(inputs) == 2
