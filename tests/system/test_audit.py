"""The audit of a long log: all of it, in order, in little memory, never a shorter one that looks whole."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from bench.filling import fill, finished_job
from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.contract.codec import EventObject, event_object
from shared.contract.subjects import JOBS_SUBJECTS
from shared.domain.cursor import of_log
from shared.jetstream.connection import Broker
from shared.jetstream.errors import UnreachableError
from shared.jetstream.event_log import Log
from shared.jetstream.message import Message
from shared.retry import poll
from tests.http_client import http_client
from tests.system.conftest import User, broker_of, user_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180), pytest.mark.full]

JOBS = 16_667
EVENTS = 3 * JOBS
USERS = ("ann", "bob", "a.b *")
FORGOTTEN_S = 60.0
MEMORY_MAX_KIB = 24 * 1024
"""The body is larger."""


class Filled:
    """A stack whose log is long, and what is in it."""

    def __init__(self, stack: Stack, auditor: User, lines: list[bytes]) -> None:
        self.stack = stack
        self.auditor = auditor
        self.lines = lines
        self.events = [msgspec.json.decode(line, type=EventObject) for line in lines]

    @asynccontextmanager
    async def asked(self, **query: Any) -> AsyncIterator[httpx.Response]:  # noqa: ANN401 - a query
        """An answer that has begun."""
        headers = {"Authorization": f"Bearer {self.auditor.token}"}
        params = {name.removesuffix("_"): value for name, value in query.items()}
        async with (
            http_client(base_url=self.stack.address.api_url, headers=headers, timeout=60) as client,
            client.stream("GET", "/v1/events", params=params) as answer,
        ):
            yield answer

    async def read(self, **query: Any) -> list[bytes]:  # noqa: ANN401 - a query
        """Whole lines."""
        async with self.asked(**query) as answer:
            assert answer.status_code == 200, await answer.aread()
            return (await answer.aread()).splitlines()

    def memory_kib(self, name: str) -> int:
        status = Path(f"/proc/{self.stack.services['api'].process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name))

    def forget_peak(self) -> None:
        Path(f"/proc/{self.stack.services['api'].process.pid}/clear_refs").write_text("5")


async def stored_lines(broker: Broker) -> AsyncIterator[bytes]:
    """Every event of the log as the audit tells it, read again from where a busy server gave no answer."""
    after = 0
    while after < EVENTS:
        with suppress(UnreachableError):
            async for entry in Log(broker).replay(JOBS_SUBJECTS, after=after):
                cursor = of_log(entry.sequence, entry.stored_at)
                shown = event_object(
                    entry.payload, cursor=cursor, stored_at=entry.stored_at, seq=entry.sequence
                )
                yield msgspec.json.encode(shown)
                after = entry.sequence


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Filled]:
    options = StackOptions(executors=0, sync="fast")
    async with run_stack(tmp_path_factory.mktemp("audit") / "data", options) as stack:
        async with broker_of(stack) as broker:
            assert await fill(broker, (finished_job(USERS[n % len(USERS)]) for n in range(JOBS))) == EVENTS
            lines = [line async for line in stored_lines(broker)]
        async with user_of(stack, "auditor", scopes=frozenset({"jobs", "audit:all"})) as auditor:
            yield Filled(stack, auditor, lines)


@pytest_asyncio.fixture(loop_scope="module")
async def ended(filled: Filled) -> AsyncIterator[asyncio.Queue[str]]:
    """The readers of the log that the server has let go of, as it says so."""
    found: asyncio.Queue[str] = asyncio.Queue()

    async def on_advisory(message: Message) -> None:
        name = message.subject.rpartition(".")[2]
        if name.startswith("api-audit-"):
            found.put_nowait(name)

    async with broker_of(filled.stack) as broker:
        await broker.subscribe("$JS.EVENT.ADVISORY.CONSUMER.DELETED.JOBS.>", on_advisory)
        yield found
        # One whose removal was lost with a connection is forgotten by the server itself.
        await poll(lambda: _readers(broker), until=lambda left: not left, within_s=FORGOTTEN_S, pause_s=0.1)


async def test_it_is_the_log_line_by_line_in_little_memory(filled: Filled) -> None:
    await filled.read(all_=True, after=EVENTS - 2_000)
    filled.forget_peak()
    before = filled.memory_kib("VmRSS")
    lines = await filled.read(all_=True)
    assert len(lines) == EVENTS
    assert lines == filled.lines
    assert sum(map(len, lines)) > MEMORY_MAX_KIB * 1024
    assert filled.memory_kib("VmHWM") - before < MEMORY_MAX_KIB


async def test_what_is_asked_for_is_what_comes(filled: Filled) -> None:
    middle, late = filled.events[EVENTS // 3], filled.events[2 * EVENTS // 3]
    assert middle.seq is not None
    times = {"from_": middle.stored_at.isoformat(), "to": late.stored_at.isoformat()}
    kinds = ["queued", "job.completed.v1"]

    def some(**query: Any) -> list[bytes]:  # noqa: ANN401 - a query
        return [
            line
            for line, event in zip(filled.lines, filled.events, strict=True)
            if all(_holds(event, name, value) for name, value in query.items())
        ]

    for query, expected in (
        ({"all_": True, "type": kinds}, some(type=kinds)),
        ({"all_": True, "type": "running"}, some(type=["running"])),
        ({"all_": True, "type": "job.running.v2"}, []),
        ({"all_": True, "type": "hopping"}, []),
        ({"all_": True, "job_id": middle.job_id}, some(job_id=middle.job_id)),
        ({"user": "bob", "job_id": middle.job_id}, some(user="bob", job_id=middle.job_id)),
        ({"user": "a.b *", "type": "queued"}, some(user="a.b *", type=["queued"])),
        ({"all_": True, **times}, some(start=middle, end=late)),
        ({"user": "ann", "type": kinds, **times}, some(user="ann", type=kinds, start=middle, end=late)),
        ({"all_": True, "after": middle.seq, **times}, some(start=middle, end=late)[1:]),
        ({"all_": True, "after": 1, **times}, some(start=middle, end=late)),
        ({"all_": True, "after": EVENTS}, []),
        ({"all_": True, "after": 2**63 - 1}, []),
        ({"all_": True, "to": filled.events[0].stored_at.isoformat()}, []),
        ({"all_": True, "from_": (late.stored_at + timedelta(days=1)).isoformat()}, []),
        ({}, []),
    ):
        found = await filled.read(**query)
        assert len(found) == len(expected), query
        assert found == expected, query


async def test_the_scope_is_needed_for_others_and_what_can_be_no_type_or_job_is_refused(
    filled: Filled,
) -> None:
    async with user_of(filled.stack, "ann") as ann:
        anns = Filled(filled.stack, ann, [])
        assert len(await anns.read()) == len(await anns.read(user="ann")) > 0
        for query in ({"user": "bob"}, {"all_": True}):
            async with anns.asked(**query) as answer:
                assert answer.status_code == 403
    for query in ({"type": "a.b"}, {"type": "*"}, {"job_id": "*"}, {"user": "x" * 129}, {"user": ""}):
        async with filled.asked(**query) as answer:
            assert answer.status_code == 422, query


async def test_who_goes_away_ends_the_reader_at_once(filled: Filled, ended: asyncio.Queue[str]) -> None:
    async with filled.asked(all_=True) as answer:
        assert await anext(answer.aiter_bytes())
        assert ended.empty()
    async with asyncio.timeout(30):
        await ended.get()


async def test_who_reads_nothing_costs_nothing_and_is_dropped(
    filled: Filled, ended: asyncio.Queue[str]
) -> None:
    filled.forget_peak()
    before = filled.memory_kib("VmRSS")
    with socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        stalled.connect(("127.0.0.1", int(filled.stack.address.api_url.rpartition(":")[2])))
        stalled.sendall(
            f"GET /v1/events?all=true HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {filled.auditor.token}\r\n\r\n".encode()
        )
        async with asyncio.timeout(60):
            await ended.get()
        assert filled.memory_kib("VmHWM") - before < MEMORY_MAX_KIB
        body = await asyncio.to_thread(_rest, stalled)
    assert body.startswith(b"HTTP/1.1 200")
    assert not body.endswith(b"0\r\n\r\n")
    assert len(body) < 2_000_000


async def test_a_user_reads_a_few_at_once(filled: Filled, ended: asyncio.Queue[str]) -> None:
    async with (
        filled.asked(all_=True) as one,
        filled.asked(all_=True) as two,
        filled.asked(all_=True) as three,
        filled.asked(all_=True) as four,
    ):
        assert {each.status_code for each in (one, two, three, four)} == {200}
        async with filled.asked(all_=True) as refused:
            assert refused.status_code == 429
            assert refused.headers["retry-after"] == "2"
            assert b"too-many-readers" in await refused.aread()
        async with user_of(filled.stack, "ann") as ann:
            assert len(await Filled(filled.stack, ann, []).read()) > 0
    async with asyncio.timeout(30):
        for _ in range(5):
            await ended.get()
    assert len(await filled.read(all_=True, after=EVENTS - 3)) == 3
    async with asyncio.timeout(30):
        await ended.get()


async def test_a_server_that_is_killed_in_the_middle_is_not_noticed(filled: Filled) -> None:
    async with filled.asked(all_=True) as answer:
        pieces = answer.aiter_bytes()
        body = bytearray(await anext(pieces))
        filled.stack.nats.process.kill()
        await filled.stack.nats.process.wait()
        async for piece in pieces:
            body += piece
    assert bytes(body).splitlines() == filled.lines


async def test_what_leaves_the_log_meanwhile_does_not_keep_the_end_away(filled: Filled) -> None:
    async with filled.asked(all_=True) as answer:
        pieces = answer.aiter_bytes()
        body = bytearray(await anext(pieces))
        async with broker_of(filled.stack) as broker:
            await broker.api("STREAM.PURGE.JOBS")
        await _take(pieces, body)
    whole = bytes(body).splitlines()
    assert 0 < len(whole) < EVENTS
    assert whole == filled.lines[: len(whole)]


async def test_a_log_that_stays_silent_breaks_the_answer_off(filled: Filled) -> None:
    """Last, because services that were without an answer for so long begin anew."""
    async with broker_of(filled.stack) as broker:
        await fill(broker, (finished_job("ann") for _ in range(JOBS)))
    body = bytearray()
    async with filled.asked(all_=True) as answer:
        pieces = answer.aiter_bytes()
        body += await anext(pieces)
        filled.stack.nats.process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
                await _take(pieces, body)
        finally:
            filled.stack.nats.process.send_signal(signal.SIGCONT)
    *whole, _ = bytes(body).split(b"\n")
    assert 0 < len(whole) < EVENTS
    sequences = [msgspec.json.decode(line, type=EventObject).seq for line in whole]
    assert sequences == [EVENTS + number for number in range(1, len(whole) + 1)]


def _holds(event: EventObject, name: str, value: Any) -> bool:  # noqa: ANN401 - a value of a query
    match name:
        case "type":
            return bool(event.type in value or event.type.split(".")[1] in value)
        case "job_id":
            return bool(event.job_id == value)
        case "user":
            return bool(event.data["user_id"] == value)
        case "start":
            return bool(event.stored_at >= value.stored_at)
        case _:
            return bool(event.stored_at < value.stored_at)


async def _take(pieces: AsyncIterator[bytes], body: bytearray) -> None:
    async for piece in pieces:
        body += piece


async def _readers(broker: Broker) -> list[str]:
    names = (await broker.api("CONSUMER.NAMES.JOBS"))["consumers"] or ()
    return [name for name in names if name.startswith("api-audit-")]


def _rest(connection: socket.socket) -> bytes:
    """What has come, until the connection ends; it may be reset."""
    connection.settimeout(30)
    received = bytearray()
    with suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            received += piece
    return bytes(received)
