"""Fifty clients stop reading amid a flood: the notifier drops them and stays small, others see everything.

How long the others wait meanwhile is measured by `bench.fanout`, not here.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from services.notifier.settings import MIB
from shared.contract.codec import encode, event_object
from shared.contract.subjects import FEED, feed_note, user_events, user_notes
from shared.domain.events import JobCompleted, JobOutput
from shared.domain.result import Output, Result
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from shared.jetstream.stored_message import Entry
from tests import builders
from tests.faults.resume_checker import Shown, Truth, check, lay_together
from tests.faults.resume_socket import RawSocket
from tests.integration.notifier.client import Client, connected
from tests.integration.notifier.conftest import NotifierProcess, Start, start_process, token, writer
from tests.integration.notifier.writer import Writer, ended

STALLED = 50
HEALTHY = 4
NOTES = 400
PIECE = "0123456789abcdef" * 1024
LINE = "and it goes on\n"
QUEUE_BYTES_MAX = MIB
GONE_WITHIN_S = 15
UNREAD_S = 3.0
"""Less than the kernel's patience with a peer that takes nothing, so that the notifier is first."""

__all__ = ["start_process", "writer"]


class Reader:
    """A healthy client, and how far it has read."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.shown: list[Shown] = []
        self.output_bytes = 0

    async def read(self, output_bytes: int) -> None:
        """Read until so much output was shown."""
        while self.output_bytes < output_bytes:
            await self.one()

    async def one(self) -> Shown:
        event = await self.client.event()
        self.shown.append(event)
        if event["type"] == "job.output.v1":
            self.output_bytes += len(event["data"]["content"])
        return event


class Printer:
    """Prints as an executor would."""

    def __init__(self, broker: Broker, job: str) -> None:
        self.offset = 0
        self.sequence = 0
        self._broker = broker
        self._job = job

    async def print(self, piece: str) -> None:
        note = JobOutput(
            job_id=self._job,
            user_id=builders.USER,
            time=builders.NOON,
            request_id="r",
            attempt=1,
            stage="run",
            stream="stdout",
            offset=self.offset,
            content=piece,
        )
        answer = await self._broker.request(feed_note(builders.USER, self._job, "output"), encode(note))
        self.sequence = int(json.loads(answer.data)["seq"])
        self.offset += len(piece)


@pytest.mark.full
@pytest.mark.alone
async def test_fifty_stalled_readers(start_process: Start, broker: Broker, log: Log, writer: Writer) -> None:
    notifier = await start_process(notifier_queue_bytes_max=QUEUE_BYTES_MAX, notifier_queue_age_s=UNREAD_S)
    job = builders.job_id()
    await writer.append(builders.queued(job))
    await writer.append(builders.running(job))
    async with AsyncExitStack() as open_ones:
        readers = [
            Reader(await open_ones.enter_async_context(connected(notifier.url, token=token())))
            for _ in range(HEALTHY)
        ]
        for reader in readers:
            await reader.client.subscribe("*", after="start", id="s")
            await reader.one()
        sockets_before = _sockets(notifier)
        stalled = [await _stalled(notifier.url, f"own id {number}", open_ones) for number in range(STALLED)]
        peak_before = _peak_bytes(notifier)

        printer = Printer(broker, job)
        for _ in range(NOTES):
            await _print_and_read(printer, PIECE, readers)
        async with asyncio.timeout(GONE_WITHIN_S):
            while set(_server_states(notifier.url, stalled)) or _sockets(notifier) > sockets_before:
                await _print_and_read(printer, LINE, readers)
        await writer.append(ended(_completed(job), printer.sequence))
        for reader in readers:
            while (await reader.one())["type"] != "job.completed.v1":
                pass

        grown = _peak_bytes(notifier) - peak_before
        assert grown < STALLED * 2 * QUEUE_BYTES_MAX, f"{grown / MIB:.0f} MiB"
        truth = await _truth(log)
        assert len(lay_together(truth.feed)) == 1
        for reader in readers:
            assert check(reader.shown, truth) == []
    assert sum('"cause": "slow"' in line for line in notifier.lines) == STALLED


async def _stalled(url: str, subscription: str, open_ones: AsyncExitStack) -> RawSocket:
    """A client with a small window that reads up to `subscribed` and then no more."""
    raw = await open_ones.enter_async_context(RawSocket(url, receive_buffer_bytes=4_096))
    await raw.open()
    await raw.send(type="connection_init", token=token())
    await raw.send(type="subscribe", id=subscription, job_id="*", after="now")
    while (await raw.next())["type"] != "subscribed":
        pass
    return raw


async def _print_and_read(printer: Printer, piece: str, readers: list[Reader]) -> None:
    """One piece, and nothing more before every healthy client has it."""
    await printer.print(piece)
    async with asyncio.TaskGroup() as group:
        for reader in readers:
            group.create_task(reader.read(printer.offset))


def _completed(job: str) -> JobCompleted:
    """The end of a program that printed more than a result holds."""
    return msgspec.structs.replace(
        builders.completed(job), result=Result(exit_code=0, stdout=Output(truncated=True))
    )


def _server_states(url: str, clients: list[RawSocket]) -> Iterator[str]:
    """The states of what the kernel still has of these connections at the server's side."""
    port = int(url.rpartition(":")[2].partition("/")[0])
    peers = {raw.local_port for raw in clients}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, *_ = line.split()
        if int(local.rpartition(":")[2], 16) == port and int(remote.rpartition(":")[2], 16) in peers:
            yield state


def _sockets(notifier: NotifierProcess) -> int:
    """How many sockets the process has open."""
    links = Path(f"/proc/{notifier.process.pid}/fd").iterdir()
    return sum(str(link.readlink()).startswith("socket:") for link in links)


def _peak_bytes(notifier: NotifierProcess) -> int:
    """The most memory that the process ever had."""
    status = Path(f"/proc/{notifier.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


async def _truth(log: Log) -> Truth:
    events = [_shown(entry, entry.sequence) async for entry in log.replay(user_events(builders.USER))]
    notes = [_shown(entry) async for entry in log.replay(user_notes(builders.USER), stream=FEED)]
    return Truth(events, notes)


def _shown(entry: Entry, seq: int | None = None) -> Shown:
    found: Shown = msgspec.to_builtins(
        event_object(entry.payload, cursor="", stored_at=entry.stored_at, seq=seq)
    )
    return found
