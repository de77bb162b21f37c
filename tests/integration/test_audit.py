"""A reading of the log takes a bounded part of it at a time, whatever else the server would send."""

from services.api.audit.event_reader import WINDOW_BYTES, Audit, EventFilter
from shared.contract.codec import encode
from shared.contract.subjects import job_event
from shared.domain.events import SourceFile
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from tests import builders

EVENTS, EVENT_BYTES = 40, 100_000


async def test_a_reading_shows_a_bounded_batch_at_a_time(broker: Broker, log: Log) -> None:
    """Its client takes one, and the log has eight times as much."""
    source = SourceFile(name="main.py", content="#" * EVENT_BYTES)
    for _ in range(EVENTS):
        queued = builders.queued(builders.job_id(), files=(source,))
        await broker.request(job_event(builders.USER, queued.job_id, "queued"), encode(queued))
    reading = await Audit(broker, log).open(EventFilter(user_id=builders.USER), builders.USER)
    shown: list[int] = []
    async for events in reading.events():
        shown.append(len(events))
        for _ in range(100):
            # Answered behind what the server had to send meanwhile.
            await log.last_sequence()
    await reading.close()
    assert sum(shown) == EVENTS
    assert max(shown) * EVENT_BYTES < WINDOW_BYTES + EVENT_BYTES
