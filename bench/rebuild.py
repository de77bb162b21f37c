"""Rebuilding a view from a long log, against reading the same log and storing it unchanged.

``python -m bench.rebuild [events]``: the fifth row of the performance budget, with a million events unless
said otherwise. The reference fetches every message with nats-py and puts it into one table with executemany:
it decodes, folds and indexes nothing. The rebuilt view must equal the live one, which followed meanwhile.
"""

import asyncio
import hashlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import nats  # noqa: TID251 - the other side
from nats.js.api import AckPolicy, ConsumerConfig  # noqa: TID251 - the same

from bench.filling import EVENTS_OF_A_JOB, fill_anew, settings_of
from bench.measure import console, ratio, summary
from headrace.local.nats_server import NatsServer
from shared.contract.subjects import JOBS, VIEW_STATS
from shared.contract.view_api import StatsAnswer
from shared.jetstream.connection import Broker, connect
from shared.jetstream.errors import BrokerError

EVENTS = 1_000_000
ROUNDS = 3
BATCH = 500
REFERENCE = "--reference"


def timed(words: list[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Run a Python module to its end; its seconds and its peak of memory in MiB."""
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own modules
        [sys.executable, "-m", *words], env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}")
    return time.perf_counter() - began, used.ru_maxrss / 1024


def digest(path: Path) -> str:
    """Everything that a view says, in one order."""
    found = hashlib.sha256()
    with sqlite3.connect(path) as connection:
        for question in (
            "SELECT * FROM jobs ORDER BY user_id, job_id",
            "SELECT * FROM labels ORDER BY user_id, name, value, queued_sequence",
            "SELECT * FROM totals ORDER BY status",
            "SELECT sequence FROM checkpoint",
        ):
            for row in connection.execute(question):
                found.update(repr(row).encode())
    return found.hexdigest()


async def reference(path: Path) -> None:
    """Fetch everything and store it as it is."""
    client = await nats.connect(
        os.environ["HEADRACE_NATS_URL"],
        user=os.environ["HEADRACE_NATS_USER"],
        password=os.environ["HEADRACE_NATS_PASSWORD"],
    )
    stream = client.jetstream()
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, mem_storage=True)
    subscription = await stream.pull_subscribe("jobs.>", stream=JOBS, config=config)
    left = (await stream.stream_info(JOBS)).state.messages
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE entries (sequence INTEGER PRIMARY KEY, subject TEXT, payload BLOB)")
        while left > 0:
            messages = await subscription.fetch(min(BATCH, left), timeout=10)
            rows = [(each.metadata.sequence.stream, each.subject, each.data) for each in messages]
            with connection:
                connection.executemany("INSERT INTO entries VALUES (?, ?, ?)", rows)
            left -= len(rows)
    await client.close()


async def live_view(server: NatsServer, path: Path, last: int) -> None:
    """Let a projector follow until its view holds everything."""
    projector = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.projector"),
        env={**os.environ, **server.environment, "HEADRACE_VIEW_PATH": str(path)},
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with connect(settings_of(server), service="bench") as broker:
        while await _checkpoint(broker) < last:  # noqa: ASYNC110 - only the answer tells
            await asyncio.sleep(0.5)
    projector.terminate()
    await projector.wait()


async def _checkpoint(broker: Broker) -> int:
    """How far the view has come, as its projector says; 0 while there is none."""
    try:
        answer = (await broker.request(VIEW_STATS)).data
    except BrokerError:
        return 0
    return msgspec.json.decode(answer, type=StatsAnswer).checkpoint


async def measure(events: int) -> None:
    """Print both sides and their ratio."""
    ours: list[float] = []
    bare: list[float] = []
    peak_mib = 0.0
    with tempfile.TemporaryDirectory(prefix="headrace-") as name:
        directory = Path(name)
        server = NatsServer(directory / "nats", user="bench", password="bench", sync="fast")
        await server.start()
        try:
            last = await fill_anew(server, events // EVENTS_OF_A_JOB)
            live, rebuilt = directory / "live.sqlite3", directory / "rebuilt.sqlite3"
            await live_view(server, live, last)
            place = {**server.environment, "HEADRACE_VIEW_PATH": str(rebuilt)}
            for number in range(ROUNDS):
                stored = directory / f"reference-{number}.sqlite3"
                seconds, _ = await asyncio.to_thread(
                    timed, ["bench.rebuild", REFERENCE, str(stored)], server.environment
                )
                bare.append(last / seconds)
                stored.unlink()
                seconds, peak_mib = await asyncio.to_thread(timed, ["services.projector", "rebuild"], place)
                ours.append(last / seconds)
            same = await asyncio.to_thread(digest, live) == await asyncio.to_thread(digest, rebuilt)
        finally:
            await server.stop()
    console.print(f"{last} events; the rebuilt view is {'the' if same else 'NOT the'} live one")
    console.print(summary(bare).row("fetched and stored as they are", "events/s"))
    console.print(summary(ours).row(f"view rebuilt, peak {peak_mib:.0f} MiB", "events/s"))
    ratio("rebuild", summary(ours).median, summary(bare).median, "higher")
    if not same:
        raise SystemExit("the views differ")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [flag, path] if flag == REFERENCE:
            asyncio.run(reference(Path(path)))
        case [number]:
            asyncio.run(measure(int(number)))
        case _:
            asyncio.run(measure(EVENTS))
