"""One process of the prototype: ``python -m bench.sharded.worker``, with its order as JSON.

It says `ready`, works from the first line of its input on, ends by itself or when its input ends, and
writes what it has counted.
"""

import asyncio
import sys
import time
from collections import Counter
from typing import Literal, Protocol

import msgspec

from bench.sharded.appender import Appender
from bench.sharded.executor import Executor
from bench.sharded.layout import Layout
from bench.sharded.rival import Rival
from bench.sharded.submitter import Submitter
from shared.jetstream.connection import Broker, connect
from shared.settings import BrokerSettings

Role = Literal["submitter", "executor", "rival", "appender"]
READY = b"ready\n"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is, and of how much."""

    nats_url: str
    nats_user: str
    nats_password: str
    role: Role
    shards: int
    number: int = 0
    users: int = 0
    jobs: int = 0


class Work(Protocol):
    """What each role is."""

    counts: Counter[str]

    async def run(self) -> None:
        """Until it is done, or cancelled."""


def work_of(order: Order, broker: Broker) -> Work:
    """The role's work."""
    layout = Layout(order.shards)
    match order.role:
        case "submitter":
            return Submitter(broker, layout, number=order.number, users=order.users, jobs=order.jobs)
        case "executor":
            return Executor(broker, layout, f"x{order.number}")
        case "rival":
            return Rival(broker, layout)
        case "appender":
            return Appender(broker, number=order.number, at_once=order.users, jobs=order.jobs)


async def main(order: Order) -> None:
    """Work, and write the counts."""
    settings = BrokerSettings(
        nats_url=order.nats_url, nats_user=order.nats_user, nats_password=order.nats_password
    )
    told = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(told), sys.stdin)
    async with connect(settings, service="bench") as broker:
        work = work_of(order, broker)
        _write(READY)
        await told.readline()
        idle_s = time.process_time()
        working = asyncio.create_task(work.run())
        ending = asyncio.create_task(told.read())
        await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        working.cancel()
        await asyncio.wait({working})
        work.counts["processor_ms"] = round((time.process_time() - idle_s) * 1000)
        _write(msgspec.json.encode(work.counts) + b"\n")


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(sys.argv[1], type=Order)))
