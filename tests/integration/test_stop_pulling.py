"""Who stops to pull answers for everything that the server had sent by then: for a while nobody else can."""

from shared.broker import Broker
from shared.log import Log
from tests.integration.test_consumer import append_jobs, working

COUNT = 600


async def test_what_was_on_its_way_when_pulling_stopped_comes_here_or_elsewhere(
    broker: Broker, log: Log
) -> None:
    """Each once: what came here in time is held here, so it is delivered to nobody else."""
    await append_jobs(log, COUNT)
    async with working(broker, want=COUNT) as worker:
        await worker.until(lambda: len(worker.got) > 0)
        await worker.consumer.stop_pulling()
        stopped_with = len(worker.got)
        async with working(broker, want=COUNT) as other:
            await other.until(lambda: len(worker.got) + len(other.got) >= COUNT)
        assert len(worker.got) == stopped_with
    assert len({delivery.sequence for delivery in worker.got + other.got}) == COUNT
