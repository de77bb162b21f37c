"""The cost of resuming: one client that is far behind, and a thousand after a restart of the notifier.

``python -m bench.resume``. The reference of the first is a client of NATS that makes a consumer of its own
and pulls the same events: the least work that reading them takes. The reference of the second is a
bare uvicorn, where as many sockets are opened and nothing is resumed.
"""

import asyncio
import json
import resource
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from websockets.asyncio.client import connect as open_socket
from websockets.typing import Subprotocol

from bench.fanout_sides import (
    USER,
    BroadcastSide,
    NotifierSide,
    Side,
    broadcast_side,
    client_processes,
    notifier_side,
    token,
)
from bench.measure import console, ratio, summary
from headrace.local.nats_server import NatsServer
from services.notifier.transports.headrace_v1.messages import SUBPROTOCOL
from shared.contract.subjects import JOBS, user_events
from shared.domain.cursor import of_log
from shared.domain.events import JobQueued, SourceFile
from shared.jetstream.connection import API, Broker, connect
from shared.jetstream.event_log import Log
from shared.jetstream.message import Message
from shared.jetstream.stream_config import ProvisionSettings
from shared.provision import provision
from shared.settings import BrokerSettings

ROUNDS = 5
BEHIND = (1, 100, 10_000)
EVENTS = 10_100
WRITERS = 64
CONNECTIONS = 1_000


class Resuming:
    """The notifier for clients whose cursor is one event behind: each is shown that event."""

    def __init__(self, side: NotifierSide, cursor: str) -> None:
        """Use a running notifier."""
        self.process = side.process
        self._side = side
        self._cursor = cursor

    async def publish(self) -> None:
        """Nothing is published here."""

    def order(self, count: int, user: str = USER) -> dict[str, Any]:
        """Open when the missed event has come."""
        order = self._side.order(count, user)
        openings = [
            [init, subscribe.replace('"now"', f'"{self._cursor}"')] for init, subscribe in order["openings"]
        ]
        return {**order, "openings": openings, "answers": 3}


async def write_log(broker: Broker) -> int:
    """Events of one user; returns the last sequence."""
    log = Log(broker)
    numbers = iter(range(EVENTS))

    async def write() -> None:
        for _ in numbers:
            await log.append(_queued(), expected=0, patience_s=10)

    async with asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(write())
    last = await log.last(user_events(USER))
    assert last is not None
    return last.sequence


def _queued() -> JobQueued:
    return JobQueued(
        job_id=str(uuid.uuid4()),
        user_id=USER,
        time=datetime.now(UTC),
        request_id="bench",
        language="python",
        files=(SourceFile(name="main.py", content="print(42)"),),
        entrypoint="main.py",
        fingerprint="f" * 64,
    )


def cursor_at(sequence: int) -> str:
    """The cursor of a client that has seen the log up to here, and all of the feed."""
    return of_log(sequence, datetime.now(UTC))


async def catch_up(side: NotifierSide, behind: int, last: int) -> float:
    """Milliseconds from connecting to the last event missed."""
    order = side.order(1)
    began = time.perf_counter()
    async with open_socket(
        f"ws://127.0.0.1:{order['port']}{order['path']}",
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        compression=None,
        max_queue=1_024,
    ) as socket:
        await socket.send(json.dumps({"type": "connection_init", "token": token(USER)}))
        subscribe = {"type": "subscribe", "id": "s", "job_id": "*", "after": cursor_at(last - behind)}
        await socket.send(json.dumps(subscribe))
        seen = 0
        while seen < behind:
            seen += b'"type":"event"' in await socket.recv(decode=False)
        return (time.perf_counter() - began) * 1000


async def pull(settings: BrokerSettings, behind: int, last: int) -> float:
    """Milliseconds from connecting to NATS to the last of the same messages."""
    done = asyncio.Event()
    count = 0

    async def receive(message: Message) -> None:
        nonlocal count
        count += not (message.headers and "Status" in message.headers)
        if count >= behind:
            done.set()

    began = time.perf_counter()
    async with connect(settings, service="bench") as broker:
        inbox = broker.inbox()
        await broker.subscribe(inbox, receive)
        name = f"bench-{uuid.uuid4().hex[:12]}"
        config = {
            "name": name,
            "ack_policy": "none",
            "filter_subject": user_events(USER),
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": last - behind + 1,
            "mem_storage": True,
            "inactive_threshold": int(5e9),
        }
        body = {"stream_name": JOBS, "config": config, "action": "create"}
        await broker.api(f"CONSUMER.CREATE.{JOBS}.{name}.{user_events(USER)}", body)
        request = json.dumps({"batch": behind, "expires": int(30e9)}).encode()
        await broker.publish(f"{API}CONSUMER.MSG.NEXT.{JOBS}.{name}", request, reply=inbox)
        await done.wait()
        return (time.perf_counter() - began) * 1000


async def compare_catch_up(side: NotifierSide, settings: BrokerSettings, last: int) -> None:
    """For each distance, both sides in turn."""
    for behind in BEHIND:
        ours: list[float] = []
        raw: list[float] = []
        repeats = 1 if behind > 1_000 else 10
        await catch_up(side, behind, last)
        for _ in range(ROUNDS):
            raw += [await pull(settings, behind, last) for _ in range(repeats)]
            ours += [await catch_up(side, behind, last) for _ in range(repeats)]
        console.print(summary(raw).row(f"raw JetStream, {behind} behind", "ms"))
        console.print(summary(ours).row(f"notifier, {behind} behind", "ms"))
        ratio(f"resume_{behind}", summary(ours).median, summary(raw).median, "lower")


async def connections_a_second(side: Side) -> float:
    """A thousand clients at once."""
    async with client_processes() as clients:
        began = time.perf_counter()
        await clients.connect(side, CONNECTIONS)
        return CONNECTIONS / (time.perf_counter() - began)


async def compare_restart(nats: NatsServer, broker: Broker, bare: BroadcastSide, last: int) -> None:
    """A notifier that has just been started, against a server that only accepts."""
    ours: list[float] = []
    accepted: list[float] = []
    for _ in range(ROUNDS):
        accepted.append(await connections_a_second(bare))
        async with notifier_side(nats, broker) as side:
            ours.append(await connections_a_second(Resuming(side, cursor_at(last - 1))))
    console.print(summary(accepted).row("bare uvicorn, sockets opened", "/s"))
    console.print(summary(ours).row("notifier, subscriptions resumed", "/s"))
    ratio("resume_connections", summary(ours).median, summary(accepted).median, "higher")


async def measure() -> None:
    """Print every comparison."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    with TemporaryDirectory(prefix="headrace-") as directory:
        nats = NatsServer(Path(directory) / "nats", user="bench", password="bench-only")
        await nats.start()
        settings = BrokerSettings(nats_url=nats.url, nats_user=nats.user, nats_password=nats.password)
        try:
            async with connect(settings, service="bench") as broker:
                await provision(broker, ProvisionSettings())
                last = await write_log(broker)
                async with notifier_side(nats, broker) as side, broadcast_side() as bare:
                    await compare_catch_up(side, settings, last)
                    await compare_restart(nats, broker, bare, last)
        finally:
            await nats.stop()


if __name__ == "__main__":
    asyncio.run(measure())
