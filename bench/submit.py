"""Accepted submissions a second of one api process, against raw acknowledged publishes of nats-py.

``python -m bench.submit``: the third row of the performance budget. Both sides have as many requests under
way at a time and store messages of the same size in the same stream, synced to disk before they are
acknowledged. Nothing is executed meanwhile: a language that was offered stays accepted.
"""

import asyncio
import time
import uuid

import msgspec
import nats  # noqa: TID251 - the other side
from nats.js.client import JetStreamContext  # noqa: TID251 - the same

from bench.measure import console, ratio, summary
from bench.posts import Posts, open_posts
from headrace.client.client import open_client
from headrace.client.endpoint import local_endpoint
from headrace.local.supervisor import Stack, private_stack

ROUNDS = 6
PER_ROUND = 3_000
AT_ONCE = 32
SUBMISSION = {"language": "python", "code": "print('hello, world')\n" * 8}


async def posts_a_second(connections: list[Posts]) -> float:
    """Post PER_ROUND programs over all connections."""

    async def repeat(connection: Posts) -> None:
        for _ in range(PER_ROUND // AT_ONCE):
            await connection.post()

    began = time.perf_counter()
    await asyncio.gather(*(repeat(connection) for connection in connections))
    return PER_ROUND // AT_ONCE * AT_ONCE / (time.perf_counter() - began)


async def publishes_a_second(stream: JetStreamContext, payload: bytes) -> float:
    """Publish as many messages to subjects of their own, each acknowledged before the next of its row."""

    async def repeat() -> None:
        for _ in range(PER_ROUND // AT_ONCE):
            await stream.publish(f"jobs.bench.{uuid.uuid4()}.noise", payload)

    began = time.perf_counter()
    await asyncio.gather(*(repeat() for _ in range(AT_ONCE)))
    return PER_ROUND // AT_ONCE * AT_ONCE / (time.perf_counter() - began)


async def stored_size(stack: Stack) -> int:
    """Bytes of the queued event that one submission becomes."""
    async with open_client(local_endpoint(stack.directory, stack.address)) as client:
        job = await client.submit(SUBMISSION)
        events = await client.history(job.job_id)
        async for _ in client.follow(job.job_id):
            pass
    return len(msgspec.json.encode(events[0].data)) + 200


async def measure() -> None:
    """Print both sides and their ratio."""
    ours: list[float] = []
    raw: list[float] = []
    async with private_stack() as stack:
        size = await stored_size(stack)
        await stack.services["executor"].stop()
        endpoint = local_endpoint(stack.directory, stack.address)
        body = msgspec.json.encode(SUBMISSION)
        assert isinstance(endpoint.token, str), "a local endpoint has a token"
        client = await nats.connect(stack.nats.url, user=stack.nats.user, password=stack.nats.password)
        for number in range(ROUNDS):
            published = await publishes_a_second(client.jetstream(), b"x" * size)
            # New ones in each round: the api ends connections that ask for nothing.
            connections = [await open_posts(endpoint.api_url, endpoint.token, body) for _ in range(AT_ONCE)]
            posted = await posts_a_second(connections)
            for connection in connections:
                connection.writer.close()
            if number:
                raw.append(published)
                ours.append(posted)
        await client.close()
    console.print(summary(raw).row(f"nats-py publishes of {size} bytes, {AT_ONCE} at once", "/s"))
    console.print(summary(ours).row(f"POST /v1/jobs accepted, {AT_ONCE} at once", "/s"))
    ratio("submit", summary(ours).median, summary(raw).median, "higher")


if __name__ == "__main__":
    asyncio.run(measure())
