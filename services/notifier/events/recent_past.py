"""Reads the end of both streams when the notifier begins, without payloads, for `KnownEnds`.

After a restart all clients come back at once, most of them from shortly before it: nothing need be asked of
the server to know whether anything of their users came since.
"""

import asyncio

from services.notifier.events.extent import Extent, Extents
from services.notifier.events.known_ends import KnownEnds
from services.notifier.events.position import FeedMark, Position, feed_mark
from shared.contract.subjects import FEED, JOBS
from shared.jetstream.connection import Broker
from shared.jetstream.follower import Follower
from shared.jetstream.stored_message import Entry

ENTRIES_MAX = 10_000
"""Read of each stream: a fifth of a second on an idle machine."""

READING_MAX_S = 2.0
"""The notifier begins without them if they take longer."""


async def read_recent_past(broker: Broker, extents: Extents) -> KnownEnds:
    """What the ends of the streams tell, up to `extents`."""
    log, feed = await asyncio.gather(
        _read(broker, JOBS, extents.log, _begin(extents.log)),
        _read(broker, FEED, extents.feed, _begin(extents.feed)),
    )
    known = KnownEnds(
        Position(
            extents.log.last_sequence if log is None else _begin(extents.log), _horizon(extents.feed, feed)
        )
    )
    for entry in log or ():
        known.take_log(entry)
    for note in feed or ():
        known.take_feed(note)
    # The last messages may have left: nothing is waited for that came before.
    known.log_sequence, known.feed_sequence = extents.log.last_sequence, extents.feed.last_sequence
    return known


def _begin(extent: Extent) -> int:
    """0 if there is nothing earlier than what is read."""
    begin = extent.last_sequence - ENTRIES_MAX
    return 0 if begin < extent.first_sequence else begin


def _horizon(feed: Extent, notes: list[Entry] | None) -> FeedMark:
    """Every later note is known, or comes after the extent."""
    if not notes and (notes is None or _begin(feed)):
        return FeedMark(feed.last_us, feed.last_sequence)
    return feed_mark(notes[0].stored_at, notes[0].sequence) if notes and _begin(feed) else FeedMark()


async def _read(broker: Broker, stream: str, extent: Extent, begin: int) -> list[Entry] | None:
    """The entries after `begin`, up to the extent; None if they do not come in time."""
    entries: list[Entry] = []

    async def take(batch: list[Entry]) -> None:
        entries.extend(entry for entry in batch if entry.sequence <= extent.last_sequence)

    follower = Follower(
        broker, stream, take, after=begin, without_payloads=True, report_position=False, service="notifier"
    )
    following = asyncio.create_task(follower.run())
    try:
        async with asyncio.timeout(READING_MAX_S):
            await follower.caught_up.wait()
    except TimeoutError:
        return None
    finally:
        following.cancel()
        await asyncio.wait({following})
    return entries
