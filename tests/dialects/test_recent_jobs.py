"""Which jobs of a user a socket may be told of at its opening: as the log's leader knows them."""

from datetime import datetime

from services.notifier.events.fanout import Feeder
from services.notifier.events.hub import Hub
from services.notifier.events.known_ends import KnownEnds
from services.notifier.events.ordering import LiveOrder
from services.notifier.events.poison import parse_subject
from services.notifier.events.position import Position
from services.notifier.events.stored_events import History
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from shared.jetstream.stored_message import Entry
from tests import builders
from tests.builders import USER
from tests.integration.notifier.writer import Writer


async def ended_at(log: Log, sequence: int) -> datetime:
    moment = await log.stored_at(sequence)
    assert moment is not None
    return moment


async def test_what_ended_since_a_moment_is_told_in_the_order_of_its_ends(
    broker: Broker, log: Log, writer: Writer
) -> None:
    history = History(broker)
    assert await history.newest_job(USER) is None
    first, second, third, unfinished = (builders.job_id() for _ in range(4))
    await writer.append(builders.queued(third))
    ends = [await writer.run_job(job, notes=0) for job in (first, second)]
    await writer.run_job(builders.job_id(), notes=0, user="bob")
    await writer.append(builders.running(third))
    ends.append(await writer.append(builders.completed(third)))
    await writer.append(builders.queued(unfinished))
    moments = [await ended_at(log, end) for end in ends]
    assert await history.ended_since(USER, moments[0]) == [first, second, third]
    assert await history.ended_since(USER, moments[1]) == [second, third]
    assert await history.ended_since(USER, moments[2]) == [third]
    assert await history.newest_job(USER) == unfinished
    assert await history.ended_since("carol", moments[0]) == []


async def test_a_listener_is_told_of_every_submission_before_it_is_shown(log: Log, writer: Writer) -> None:
    job = builders.job_id()
    await writer.run_job(job, notes=0)
    entries = [entry async for entry in log.replay("jobs.*.*.*")]
    hub, told = Hub(), list[Entry]()
    hub.on_queued.append(told.append)
    order = LiveOrder(Position(), is_watched=hub.is_watched, parse_subject=parse_subject)
    await Feeder(order, hub, KnownEnds(Position())).take_log(entries)
    assert told == entries[:1]
