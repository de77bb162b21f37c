"""Who stops to pull answers for everything that the server had sent by then: for a while nobody else can."""

from shared.broker import Broker
from shared.log import Log
from shared.subjects import EXECUTOR_DURABLE, JOBS
from tests.integration.test_consumer import append_jobs, working


async def test_what_is_on_its_way_arrives_before_pulling_has_stopped(broker: Broker, log: Log) -> None:
    await append_jobs(log, 600)
    async with working(broker, want=600) as worker:
        await worker.until(lambda: len(worker.got) > 0)
        await worker.consumer.stop_pulling()
        info = await broker.api(f"CONSUMER.INFO.{JOBS}.{EXECUTOR_DURABLE}")
        assert len(worker.got) == info["delivered"]["consumer_seq"]
