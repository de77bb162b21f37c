"""Output on its way through a real feed: nothing missing, nothing reordered, no character cut."""

import asyncio
import base64

import msgspec
import pytest

from services.executor.attempts.feed_backlog import PIECE_BYTES, FeedEnd
from services.executor.attempts.feed_publisher import OVER_SHARE, Feed
from services.executor.attempts.feed_shares import FeedShares
from shared.contract.codec import decode_note
from shared.contract.subjects import FEED, feed_notes
from shared.domain.events import FeedNote, JobOutput, JobProgress
from shared.domain.result import STAGE_OUTPUT_BYTES_MAX
from shared.domain.unsent import UnsentNote
from shared.jetstream.connection import Broker, connect
from shared.jetstream.event_log import Log
from shared.jetstream.stream_config import ProvisionSettings
from shared.observability import metrics
from shared.provision import provision
from shared.settings import BrokerSettings
from tests import builders
from tests.faults.proxy import Proxy

SHARE = 10**9


async def notes_of(log: Log, user: str = builders.USER) -> list[FeedNote]:
    found = log.replay(feed_notes(user, builders.JOB), stream=FEED)
    return [decode_note(entry.subject, entry.payload) async for entry in found]


def joined(notes: list[FeedNote], stream: str) -> bytes:
    """The stream's bytes, each piece at the offset that it states."""
    whole = b""
    for note in notes:
        if isinstance(note, JobOutput) and note.stream == stream:
            assert note.offset == len(whole)
            piece = base64.b64decode(note.content) if note.encoding == "base64" else note.content.encode()
            assert 0 < len(piece) <= PIECE_BYTES
            whole += piece
    return whole


async def test_both_streams_arrive_whole_and_in_order(broker: Broker, log: Log) -> None:
    feed = Feed(broker, FeedShares(broker, SHARE), builders.queued(), 2)
    running = asyncio.create_task(feed.run())
    stdout = stderr = b""
    for number in range(300):
        feed.write("run", "stdout", line := f"line {number}\n".encode() * 20)
        stdout += line
        feed.write("run", "stderr", bytes([number % 256]))
        stderr += bytes([number % 256])
        await asyncio.sleep(0)
    last = await feed.close(running)
    notes = await notes_of(log)
    assert joined(notes, "stdout") == stdout
    assert joined(notes, "stderr") == stderr
    assert {note.attempt for note in notes} == {2}
    assert last.sequence == len(notes)
    # Coalesced: far fewer notes than writes.
    assert len(notes) < 60


async def test_a_character_written_in_halves_is_told_whole(broker: Broker, log: Log) -> None:
    feed = Feed(broker, FeedShares(broker, SHARE), builders.queued(), 1)
    running = asyncio.create_task(feed.run())
    for byte in "aé😀z".encode():
        feed.write("run", "stdout", bytes([byte]))
        await _round(feed, broker)
    await feed.close(running)
    notes = await notes_of(log)
    assert joined(notes, "stdout").decode() == "aé😀z"
    assert {note.encoding for note in notes if isinstance(note, JobOutput)} == {"utf-8"}


async def _round(feed: Feed, broker: Broker) -> None:
    """Let the feed send what is ready: a question that follows it on the connection is answered."""
    feed._full.set()  # noqa: SLF001 - do not wait for the interval
    await broker.api(f"STREAM.INFO.{FEED}")


async def test_a_character_that_never_ends_is_not_lost(broker: Broker, log: Log) -> None:
    feed = Feed(broker, FeedShares(broker, SHARE), builders.queued(), 1)
    running = asyncio.create_task(feed.run())
    feed.write("run", "stdout", b"a\xf0\x9f")
    await feed.close(running)
    assert joined(await notes_of(log), "stdout") == b"a\xf0\x9f"


async def test_progress_stands_between_the_output_around_it(broker: Broker, log: Log) -> None:
    feed = Feed(broker, FeedShares(broker, SHARE), builders.queued(), 1)
    running = asyncio.create_task(feed.run())
    feed.write("compile", "stderr", b"warning")
    feed.progress("run", 50, "run started", 0.5)
    feed.write("run", "stdout", b"hello")
    await feed.close(running)
    notes = [note for note in await notes_of(log) if isinstance(note, JobOutput | JobProgress)]
    told = [note.message if isinstance(note, JobProgress) else note.content for note in notes]
    assert told == ["warning", "run started", "hello"]


async def test_the_first_output_after_progress_goes_at_once(
    broker: Broker, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.executor.attempts.feed_publisher.INTERVAL_S", 3600.0)
    feed = Feed(broker, FeedShares(broker, SHARE), builders.queued(), 1)
    running = asyncio.create_task(feed.run())
    feed.progress("run", 0, "run started", 0.5)
    async with asyncio.timeout(30):
        await _stored(log, 1)
        feed.write("run", "stdout", b"hello")
        await _stored(log, 2)
    await feed.close(running)
    assert joined(await notes_of(log), "stdout") == b"hello"


async def _stored(log: Log, count: int) -> None:
    """Wait until the feed holds so many notes."""
    while len(await notes_of(log)) < count:  # noqa: ASYNC110 - a stream sets no events
        await asyncio.sleep(0)


async def test_a_note_that_was_given_up_is_not_stored_behind_the_end(
    broker_settings: BrokerSettings, broker: Broker, log: Log
) -> None:
    """Found in a run under faults: subscribers were shown progress of jobs that had ended.

    The server was stopped for longer than an answer is waited for, and stored the note when it went on.
    """
    port = int(broker_settings.nats_url.rpartition(":")[2])
    async with Proxy("127.0.0.1", port) as proxy:
        through = msgspec.structs.replace(broker_settings, nats_url=f"nats://127.0.0.1:{proxy.port}")
        async with connect(through, service="test") as stopped:
            feed = Feed(stopped, FeedShares(stopped, SHARE), builders.queued(), 1)
            running = asyncio.create_task(feed.run())
            proxy.weather.open.clear()
            lost = lost_notes()
            feed.progress("run", 0, "run started")
            while lost_notes() == lost:  # noqa: ASYNC110 - a metric tells that it was given up
                await asyncio.sleep(0.01)
            closing = asyncio.create_task(feed.close(running, last_stage="run"))
            proxy.weather.clear()
            last = await closing
    notes = await notes_of(log)
    assert {note.percent for note in notes if isinstance(note, JobProgress)} == {0}
    assert last.sequence == len(notes) > 1
    assert last.unsent_notes == ()


async def test_a_short_attempt_leaves_its_notes_to_the_terminal_event(broker: Broker, log: Log) -> None:
    feed = Feed(broker, FeedShares(broker, SHARE), builders.queued(), 1)
    running = asyncio.create_task(feed.run())
    feed.write("run", "stdout", b"42\n")
    feed.progress("run", 100, "run complete", 0.0)
    end = await feed.close(running, last_stage="run")
    assert end == FeedEnd(
        0,
        (
            UnsentNote(stage="run", stream="stdout", offset=0, length=3),
            UnsentNote(stage="run", percent=100, message="run complete", remaining_s=0.0),
        ),
    )
    assert await notes_of(log) == []


async def test_what_was_sent_and_what_is_left_are_the_whole(broker: Broker, log: Log) -> None:
    feed = Feed(broker, FeedShares(broker, SHARE), builders.queued(), 1)
    running = asyncio.create_task(feed.run())
    feed.write("run", "stdout", b"sent")
    await _stored(log, 1)
    feed.write("run", "stdout", b"left")
    end = await feed.close(running, last_stage="run")
    assert end.sequence == 1
    assert end.unsent_notes == (UnsentNote(stage="run", stream="stdout", offset=4, length=4),)
    assert joined(await notes_of(log), "stdout") == b"sent"


async def test_what_the_result_does_not_keep_is_sent(broker: Broker, log: Log) -> None:
    feed = Feed(broker, FeedShares(broker, SHARE), builders.queued(), 1)
    running = asyncio.create_task(feed.run())
    warnings = b"warning " * (STAGE_OUTPUT_BYTES_MAX // 8 + 1)
    feed.write("compile", "stderr", warnings)
    feed.progress("run", 50, "run started")
    end = await feed.close(running, last_stage="run")
    notes = await notes_of(log)
    assert (end.sequence, end.unsent_notes) == (len(notes), ())
    assert joined(notes, "stderr") == warnings


async def test_a_feed_that_begins_anew_ends_where_its_newest_note_is(broker: Broker, log: Log) -> None:
    """A killed server has lost the end of the feed, and gives the same sequences again."""
    feed = Feed(broker, FeedShares(broker, SHARE), builders.queued(), 1)
    running = asyncio.create_task(feed.run())
    for number in range(3):
        feed.progress("run", number, "lost")
    await _stored(log, 3)
    await broker.api(f"STREAM.DELETE.{FEED}", timeout_s=10)
    await provision(broker, ProvisionSettings())
    feed.progress("run", 99, "kept")
    assert (await feed.close(running)).sequence == 1
    assert [note.percent for note in await notes_of(log) if isinstance(note, JobProgress)] == [99]


def lost_notes() -> float:
    (family,) = metrics.FEED_LOST.collect()
    return family.samples[0].value


async def test_an_interactive_job_goes_on_to_be_shown_a_little_beyond_the_share(
    broker: Broker, log: Log
) -> None:
    shares = FeedShares(broker, 60_000)
    while shares.spend(builders.USER, 5_000):
        pass
    feed = Feed(broker, shares, builders.interactive(), 1)
    running = asyncio.create_task(feed.run())
    feed.write("run", "stdout", b"prompt> ")
    await feed.close(running)
    assert [note.content for note in await notes_of(log) if isinstance(note, JobOutput)] == ["prompt> "]


async def test_output_over_the_share_is_left_out_and_told_once(broker: Broker, log: Log) -> None:
    shares = FeedShares(broker, 60_000)
    feed = Feed(broker, shares, builders.queued(), 1)
    running = asyncio.create_task(feed.run())
    feed.write("run", "stdout", b"x" * 12 * PIECE_BYTES)
    await feed.close(running)
    notes = await notes_of(log)
    assert sum(len(note.content) for note in notes if isinstance(note, JobOutput)) == 3 * PIECE_BYTES
    assert [note.message for note in notes if isinstance(note, JobProgress)] == [OVER_SHARE]
    # Another user's notes find room on the same executor.
    other = Feed(broker, shares, builders.queued(builders.job_id(), "bob"), 1)
    running = asyncio.create_task(other.run())
    other.write("run", "stdout", b"mine")
    assert (await other.close(running)).sequence == len(notes) + 1


async def test_no_output_of_one_user_flushes_anothers_notes(broker: Broker, log: Log) -> None:
    """He prints more than the whole feed holds while another's job runs, before and after which it tells."""
    await provision(broker, ProvisionSettings(feed_bytes_max=400_000))
    shares = FeedShares(broker, SHARE)

    async def print_as(user: str, output: bytes) -> None:
        feed = Feed(broker, shares, builders.queued(builders.JOB, user), 1)
        running = asyncio.create_task(feed.run())
        feed.write("run", "stdout", output)
        await feed.close(running)

    await print_as("bob", b"before")
    await print_as(builders.USER, b"x" * 60 * PIECE_BYTES)
    for _ in range(60):
        # Where no large note finds room, a small one does.
        await print_as(builders.USER, b"x")
    await print_as("bob", b"after")
    assert len(await notes_of(log)) > 1
    told = [note.content for note in await notes_of(log, "bob") if isinstance(note, JobOutput)]
    assert told == ["before", "after"]
