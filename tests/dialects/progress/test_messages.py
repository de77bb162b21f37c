"""What a socket of `progress` is told, message by message, over a notifier in this process."""

import asyncio
import re
import socket as socket_module
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, get_args
from urllib.parse import urlsplit

import msgspec
import pytest
from structlog.testing import capture_logs

from headrace.local.nats_server import NatsServer
from services.notifier.settings import MIB
from services.notifier.transports.dialects import progress
from services.notifier.transports.dialects.progress.ids import new_id
from services.notifier.transports.dialects.progress.messages import Job, end_message
from shared.domain.enumerations import FailureReason
from shared.domain.events import Terminal
from shared.domain.result import Artifact, Output, Result, StageReport
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from shared.observability import metrics
from shared.settings import BrokerSettings
from tests import builders
from tests.builders import JOB, NOON
from tests.dialects.clients import Socket, at_notifier, refusal_of, socket_client
from tests.dialects.progress.notes import code_of, subscribe, until_end, write_note
from tests.dialects.test_rows import PAGES
from tests.integration.notifier.conftest import serving, token
from tests.integration.notifier.sse import listed
from tests.integration.notifier.writer import Writer, ended

CONNECTION = re.compile(r"conn_\d{8}T\d{6}Z_[0-9a-z]{10,}")
REQUEST = re.compile(r"req_\d{8}T\d{6}Z_[0-9a-z]{10,}")
NOON_TEXT = "2026-01-02T12:00:00.123Z"
ABOUT = {"job_id": JOB, "timestamp": NOON_TEXT, "correlation_id": "req-1"}
USED = {"cpu_ms": 4, "memory_peak_bytes": 1_000, "exit_code": 0, "cached": False}
COMPILED = StageReport(name="compile", wall_ms=5, cpu_ms=4, memory_peak_bytes=1_000, exit_code=0)
RUN = msgspec.structs.replace(COMPILED, name="run", wall_ms=7)


@pytest.fixture
async def url(broker: Broker, broker_settings: BrokerSettings) -> AsyncIterator[str]:
    async with asyncio.timeout(60), serving(broker_settings, (progress.transport,)) as native:
        yield native


@pytest.fixture
def address(url: str) -> str:
    return at_notifier(url, "progress")


@pytest.fixture
async def socket(address: str) -> AsyncIterator[Socket]:
    async with socket_client(address, token()) as opened:
        yield opened


def result(**changes: object) -> Result:
    """Of a program that was compiled and printed 42."""
    made = msgspec.structs.replace(builders.result(), stages=(COMPILED, RUN), cpu_ms=8)
    return msgspec.structs.replace(made, **changes)


@pytest.mark.row(
    "progress", "2.2", "2.3", "2.4", "3.1", "3.2", "3.3", "3.4", "3.6", "3.7", "3.9", "3.13", "6.1"
)
async def test_a_job_is_told_from_its_first_stage_to_its_end(
    socket: Socket, address: str, broker: Broker, writer: Writer
) -> None:
    await writer.append(builders.queued())
    confirmed = await subscribe(socket)
    assert CONNECTION.fullmatch(confirmed.pop("connection_id"))
    assert abs(datetime.now(UTC) - datetime.fromisoformat(confirmed.pop("timestamp"))).total_seconds() < 10
    assert confirmed == {
        "type": "subscribed",
        "job_id": JOB,
        "status": "connected",
        "correlation_id": "req-1",
    }
    await writer.append(builders.running())
    update = {"type": "progress_update", **ABOUT}
    left = "estimated_seconds_remaining"
    for percent, message in ((0, "compile started"), (50, "compile complete")):
        await write_note(broker, "compile", percent, message)
        shown = {"stage": "compile", "progress": percent, "message": message, left: None}
        assert await socket.next() == {**update, **shown}
    await write_note(broker, "run", 50, "run started", remaining_s=1.2)
    messages = [await socket.next() for _ in range(2)]
    assert messages == [
        {"type": "stage_complete", **ABOUT, "stage": "compile", "results": {}},
        {**update, "stage": "run", "progress": 50, "message": "run started", left: 2},
    ]
    async with (
        socket_client(f"{address}/api/v1/ws", token()) as late,
        socket_client(address, token()) as other,
    ):
        await subscribe(late)
        assert [await late.next() for _ in range(2)] == messages
        last = await write_note(broker, "run", 100, "run complete", remaining_s=0.0)
        complete = {**update, "stage": "run", "progress": 100, "message": "run complete", left: 0}
        assert [await one.next() for one in (socket, late)] == [complete, complete]
        artifact = Artifact(path="out.png", size=3, sha256="a" * 64)
        done = msgspec.structs.replace(
            builders.completed(),
            result=result(
                artifacts=(artifact,), stderr=Output(content="/w==", encoding="base64", truncated=True)
            ),
        )
        await writer.append(ended(done, last))
        end = {
            "type": "job_complete",
            **ABOUT,
            "results": {
                "stdout": "42\n",
                "stderr": "\ufffd",
                "stdout_truncated": False,
                "stderr_truncated": True,
                "exit_code": 0,
                "wall_ms": 12,
                "cpu_ms": 8,
                "memory_peak_bytes": None,
                "stages": [{"name": "compile", "wall_ms": 5, **USED}, {"name": "run", "wall_ms": 7, **USED}],
                "artifacts": [{"path": "out.png", "size": 3, "sha256": "a" * 64}],
            },
        }
        ran = {"type": "stage_complete", **ABOUT, "stage": "run", "results": {"wall_ms": 7, **USED}}
        assert await until_end(socket) == await until_end(late) == [ran, end]
        compiled = {**ran, "stage": "compile", "results": {"wall_ms": 5, **USED}}
        await subscribe(other)
        assert await until_end(other) == [compiled, ran, end]
        for one in (socket, other):
            await subscribe(one)
            assert await code_of(one, {}) == "INVALID_MESSAGE"


@pytest.mark.row("progress", "1.1", "1.3", "1.4", "1.5", "2.4", "2.5", "5.7")
async def test_a_connection_follows_a_bounded_number_of_jobs(
    broker: Broker, broker_settings: BrokerSettings, writer: Writer
) -> None:
    jobs = [builders.job_id() for _ in range(3)]
    for job in jobs:
        await writer.append(builders.queued(job))
    async with (
        asyncio.timeout(60),
        serving(broker_settings, (progress.transport,), notifier_subscriptions_max=2) as native,
        socket_client(at_notifier(native, "progress") + "/api/v1/ws/", token()) as one,
    ):
        for path in ("", "/", "/api/v1/ws", "/api/v1/ws/"):
            status, body = await refusal_of(at_notifier(native, "progress") + path, "no-token")
            assert (status, [*body]) == (401, ["detail"])
        for _ in range(3):
            assert await code_of(one, {"type": "subscribe", "job_id": builders.job_id()}) == "JOB_NOT_FOUND"
        ids = {(await subscribe(one, job))["connection_id"] for job in (jobs[0], jobs[1], jobs[0])}
        too_many = {"type": "subscribe", "job_id": jobs[2]}
        assert await code_of(one, too_many) == "RATE_LIMIT_EXCEEDED"
        (record,) = (await listed(native))["connections"]
        assert ids == {record["connection_id"]}
        assert CONNECTION.fullmatch(record["connection_id"])
        assert {each["job_id"] for each in record["subscriptions"]} == {*jobs[:2]}
        assert (record["transport"], record["status"]) == ("progress", "connected")
        assert record["connected_at"] <= record["last_activity"]
        # A job that has ended leaves room for another.
        await writer.append(builders.cancelled(jobs[0]))
        assert [message["job_id"] for message in await until_end(one)] == [jobs[0]]
        await subscribe(one, jobs[2])


@pytest.mark.row("progress", "2.1", "5.1", "5.2", "5.3", "5.4", "5.8")
async def test_bad_requests_are_answered_and_the_connection_stays(
    socket: Socket, address: str, log: Log, writer: Writer
) -> None:
    others = builders.job_id()
    await writer.append(builders.queued(others, "bob"))
    await writer.append(builders.queued())
    kinds: list[object] = ["unsubscribe", "", None, 7, ["subscribe"], {}]
    job_ids: list[object] = [None, 7, "", [JOB], {"id": JOB}, True]
    bad: list[object] = [
        *("", "[]", "7", "{", "null", b"{}", b"\xff", '"\\ud800"', {}, {"type": "subscribe"}),
        *({"type": kind, "job_id": JOB} for kind in kinds),
        *({"type": "subscribe", "job_id": job_id} for job_id in job_ids),
        *(
            {"job_id": JOB},
            {"action": "ping", "job_id": JOB},
            {"type": "x", "action": "subscribe", "job_id": JOB},
        ),
    ]
    assert {await code_of(socket, one) for one in bad} == {"INVALID_MESSAGE"}
    unknown = (
        others,
        builders.job_id(),
        "job_20240115_abc123",
        JOB.upper(),
        "*",
        ">",
        "a.b",
        "\x00",
        "x" * 5_000,
    )
    for kind in ("subscribe", "cancel_job", "request_status"):
        for job_id in unknown:
            await socket.send({"type": kind, "job_id": job_id})
            answer = await socket.next()
            request_id = answer.pop("request_id")
            assert REQUEST.fullmatch(request_id)
            assert datetime.fromisoformat(answer.pop("timestamp")).tzinfo is not None
            assert answer == {
                "type": "error",
                **({"job_id": job_id} if len(job_id) < 100 else {}),
                "code": "JOB_NOT_FOUND",
                "message": "you have no job of this id",
                "error": {"code": "JOB_NOT_FOUND", "message": "you have no job of this id"},
                "correlation_id": request_id,
            }
    await socket.send({"action": "subscribe", "job_id": JOB, "more": [1]})
    assert (await socket.next())["type"] == "subscribed"
    assert [entry.event().job_id async for entry in log.replay("jobs.*.*.*")] == [others, JOB]
    async with socket_client(address, token()) as large:
        await large.send({"type": "subscribe", "job_id": "x" * 140_000})
        assert await large.until_closed() == ([], 1009)


@pytest.mark.row("progress", "3.10", "3.11", "3.12", "4.3")
async def test_each_way_to_end_has_its_message(socket: Socket, writer: Writer) -> None:
    async def end_of(event: Terminal, *, starts: bool = True, **changes: object) -> dict[str, Any]:
        job = builders.job_id()
        await writer.append(builders.queued(job))
        if starts:
            await writer.append(builders.running(job))
        await writer.append(msgspec.structs.replace(event, job_id=job, **changes))
        await subscribe(socket, job)
        end = (await until_end(socket))[-1]
        assert (end.pop("job_id"), end.pop("timestamp"), end.pop("correlation_id")) == (
            job,
            NOON_TEXT,
            "req-1",
        )
        await socket.send({"type": "request_status", "job_id": job})
        status = await socket.next()
        assert (status["stage"], status["progress"], status["estimated_seconds_remaining"]) == (None, 100, 0)
        ended = {"job_complete": "completed", "job_cancelled": "cancelled"}
        assert status["message"] == ended.get(end["type"], end.get("error", {}).get("message"))
        return end

    for reason in ("exit_code", "memory", "executor_lost"):
        failed = await end_of(builders.failed(), reason=reason)
        assert (failed["type"], failed["error"]["code"]) == ("job_failed", reason.upper())
        assert failed["error"]["details"] == {"reason": reason, "exit_code": 3}
        assert failed["error"]["message"].endswith(".")
    lost = await end_of(builders.failed(), result=None, detail="x1 was lost", reason="executor_lost")
    assert lost["error"]["details"] == {"reason": "executor_lost", "detail": "x1 was lost"}
    assert (lost["results"]["stdout"], lost["results"]["wall_ms"], lost["results"]["stages"]) == ("", 0, [])
    for reason in ("wall_time", "cpu_time"):
        timeout = await end_of(builders.timeout(), reason=reason)
        assert (timeout["type"], timeout["error"]["code"]) == ("job_failed", "TIMEOUT")
        assert timeout["error"]["details"] == {"reason": reason, "signal": 9}
        assert set(timeout) == {"type", "error", "results"}
    for starts in (True, False):
        cancelled = builders.cancelled(attempt=1 if starts else None)
        assert await end_of(cancelled, starts=starts) == {"type": "job_cancelled"}
    assert (await end_of(builders.completed()))["type"] == "job_complete"


@pytest.mark.row("progress", "2.6", "2.7", "3.14", "4.1", "4.2", "4.4", "5.2", "5.5")
async def test_requests_of_cancellation_and_status(
    socket: Socket, broker: Broker, log: Log, writer: Writer
) -> None:
    waits = builders.job_id()
    await writer.append(builders.queued())
    await writer.append(builders.queued(waits))

    async def ask(kind: str, job_id: str) -> dict[str, Any]:
        await socket.send({"type": kind, "job_id": job_id})
        return await socket.next()

    status = await ask("request_status", JOB)
    del status["timestamp"]
    assert status == {
        "type": "job_status",
        "job_id": JOB,
        "status": "queued",
        "stage": None,
        "progress": 0,
        "message": "waiting to start",
        "estimated_seconds_remaining": None,
        "correlation_id": "req-1",
    }
    await writer.append(builders.running())
    assert (await ask("request_status", JOB))["message"] == "attempt 1 started"
    while (await ask("request_status", waits))["message"] != "next to start":
        pass  # the notifier has not read that the job before it began
    await write_note(broker, "run", 40, "run started", remaining_s=9.5)
    status = await ask("request_status", JOB)
    shown = [
        status[name] for name in ("status", "stage", "progress", "message", "estimated_seconds_remaining")
    ]
    # The note is of an earlier year, so its time is over.
    assert shown == ["running", "run", 40, "run started", 0]

    assert (await ask("cancel_job", JOB))["status"] == "running"
    assert (await ask("cancel_job", JOB))["status"] == "running"
    await subscribe(socket)
    assert (await socket.next())["type"] == "progress_update"
    await subscribe(socket, waits)
    assert (await ask("cancel_job", waits))["type"] == "job_cancelled"
    assert (await ask("cancel_job", waits))["code"] == "JOB_ALREADY_COMPLETED"
    stored = [(entry.sequence, entry.event()) async for entry in log.replay("jobs.*.*.*")]
    requested = {event.job_id: sequence for sequence, event in stored if REQUEST.fullmatch(event.request_id)}
    assert [*requested] == [JOB, waits]
    await log.append(builders.expired(), expected=requested[JOB], patience_s=5)
    gone = await socket.next()
    assert (gone["code"], gone["job_id"]) == ("JOB_NOT_FOUND", JOB)


@pytest.mark.row("progress", "3.5")
async def test_a_second_attempt_is_told_from_0(socket: Socket, broker: Broker, writer: Writer) -> None:
    await writer.append(builders.queued())
    await writer.append(builders.running())
    await subscribe(socket)
    await write_note(broker, "run", 0, "run started")
    assert (await socket.next())["progress"] == 0
    await write_note(broker, "run", 100, "run complete")
    assert (await socket.next())["progress"] == 100
    await writer.append(builders.running(attempt=2))
    again = await socket.next()
    assert (again["stage"], again["progress"], again["message"]) == ("run", 0, "attempt 2 started")
    await write_note(broker, "run", 100, "of a stale executor", attempt=1)
    await write_note(broker, "run", 0, "run started", attempt=2)
    assert (await socket.next())["message"] == "run started"


@pytest.mark.full
@pytest.mark.alone
@pytest.mark.row("progress", "2.4", "6.3")
async def test_a_hundred_connections_are_told_of_one_job_at_once(
    address: str, broker: Broker, writer: Writer
) -> None:
    await writer.append(builders.queued())
    sockets = [socket_client(address, token()) for _ in range(100)]
    opened = [await one.__aenter__() for one in sockets]
    ids = {(await subscribe(one))["connection_id"] for one in opened}
    assert len(ids) == 100
    await writer.append(builders.running())
    clock = asyncio.get_running_loop().time
    began = clock()
    await write_note(broker, "run", 0, "run started")
    assert {(await one.next())["progress"] for one in opened} == {0}
    assert clock() - began < 0.5
    began = clock()
    await writer.append(msgspec.structs.replace(builders.completed(), result=result()))
    ends = [await until_end(one) for one in opened]
    assert clock() - began < 0.5
    assert all(one == ends[0] for one in ends)
    for one in sockets:
        await one.__aexit__(None, None, None)


@pytest.mark.full
@pytest.mark.row("progress", "5.6")
async def test_without_the_log_a_request_is_answered_unavailable(
    socket: Socket, nats_server: NatsServer, writer: Writer
) -> None:
    await writer.append(builders.queued())
    await nats_server.kill()
    for kind in ("subscribe", "request_status", "cancel_job"):
        await socket.send({"type": kind, "job_id": JOB})
        answer = await socket.next()
        assert (answer["code"], answer["job_id"]) == ("SERVICE_UNAVAILABLE", JOB)
        assert answer["details"] == {"retry_after_s": 1}


@pytest.mark.row("progress", "1.4", "5.2")
def test_ids_have_their_moment_and_no_two_are_the_same() -> None:
    ids = {new_id("conn", NOON) for _ in range(1_000)}
    assert len(ids) == 1_000
    assert {one[:21] for one in ids} == {"conn_20260102T120000Z"}
    assert REQUEST.fullmatch(new_id("req", NOON))


@pytest.mark.row("progress", "3.10")
def test_every_reason_of_failure_has_its_code_on_the_page() -> None:
    page = PAGES["progress"].read_text()
    reasons = [str(reason) for reason in get_args(FailureReason)]
    assert len(reasons) > 5
    assert [reason for reason in reasons if f"`{reason.upper()}`" not in page] == []
    later = msgspec.structs.replace(builders.record(builders.failed()), reason="later_reason")
    assert end_message(Job(JOB, "req-1"), later)["error"]["code"] == "LATER_REASON"


@pytest.mark.full
@pytest.mark.row("progress", "1.5", "6.2")
async def test_a_client_that_does_not_read_is_closed_and_another_goes_on(
    broker: Broker, broker_settings: BrokerSettings, writer: Writer
) -> None:
    jobs = [builders.job_id() for _ in range(8)]
    bounds = {"notifier_queue_bytes_max": MIB, "notifier_queue_age_s": 2.0}
    closed = metrics.HTTP_REQUESTS.labels(method="WEBSOCKET", route="/dialects/progress", status="4420")
    counted = closed._value.get()  # noqa: SLF001
    with capture_logs() as lines:
        async with asyncio.timeout(60), serving(broker_settings, (progress.transport,), **bounds) as native:
            plug = socket_module.socket()
            plug.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_RCVBUF, 4_096)
            plug.setblocking(False)
            address = at_notifier(native, "progress")
            place = urlsplit(address)
            await asyncio.get_running_loop().sock_connect(plug, (place.hostname, place.port))
            async with (
                socket_client(address, token(), sock=plug, max_queue=1) as slow,
                socket_client(address, token()) as healthy,
            ):
                for job in jobs:
                    await writer.append(builders.queued(job))
                    await subscribe(slow, job)
                    await subscribe(healthy, job)
                large = msgspec.structs.replace(builders.result(), stdout=Output(content="x" * 1_000_000))
                for job in jobs:
                    await writer.append(builders.running(job))
                    await writer.append(msgspec.structs.replace(builders.completed(job), result=large))
                    assert (await until_end(healthy))[-1]["job_id"] == job
                while all(one["status"] == "connected" for one in (await listed(native))["connections"]):
                    pass
                messages, code = await slow.until_closed()
                assert code == 4420
                assert len(messages) < len(jobs)
    assert next(line["cause"] for line in lines if line["event"] == "connection_ends") == "slow"
    assert closed._value.get() == counted + 1  # noqa: SLF001
