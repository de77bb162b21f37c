"""Input over HTTP: stored before it is answered, repeatable, and refused with what helps."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.api.settings import ApiSettings
from shared.contract.codec import decode_input, encode
from shared.contract.subjects import INPUT, job_event, job_input
from shared.domain.events import Event, JobQueued, kind_of
from shared.domain.interaction import Interaction, TerminalSize
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from tests import builders
from tests.integration.api_in_process import asked_api

PROGRAM = {"language": "python", "code": "print(input())"}
INTERACTIVE = {**PROGRAM, "interactive": True}
DEFAULTS = ApiSettings(token_secret="x" * 32)


@pytest.fixture
async def api(broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    async with asked_api(broker, job_input_bytes_max=100) as client:
        yield client


async def submitted(api: httpx.AsyncClient, **fields: object) -> str:
    answer = await api.post("/v1/jobs", json={**INTERACTIVE, **fields})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


async def happens(broker: Broker, *events: Event) -> None:
    for event in events:
        await broker.request(job_event(event.user_id, event.job_id, kind_of(event)), encode(event))


async def send(api: httpx.AsyncClient, job: str, what: str = "input", **body: object) -> httpx.Response:
    return await api.post(f"/v1/jobs/{job}/{what}", json=body)


def refused(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["type"]) == (status, f"urn:headrace:problem:{slug}"), document
    return document


async def test_the_event_says_how_the_job_is_given_input(api: httpx.AsyncClient, log: Log) -> None:
    job = await submitted(api, terminal={"columns": 80, "rows": 24}, idle_s=9)
    (entry,) = (await log.read_job(builders.USER, job)).entries
    event = entry.event()
    assert isinstance(event, JobQueued)
    assert event.interactive == Interaction(
        idle_s=9,
        input_bytes=100,
        output_bytes=DEFAULTS.interactive_output_bytes,
        terminal=TerminalSize(columns=80, rows=24),
    )
    assert event.stdin is not None
    assert (event.stdin.encoding, event.stdin.content) == ("live", "")
    assert event.concurrency == DEFAULTS.interactive_jobs
    assert event.limits.wall_ms == DEFAULTS.interactive_wall_ms


async def test_pieces_are_stored_in_order_and_repeated_without_harm(api: httpx.AsyncClient, log: Log) -> None:
    job = await submitted(api)
    assert (await api.get(f"/v1/jobs/{job}/input")).json() == {"offset": 0, "ended": False}
    raw = base64.b64encode(b"\0\xff").decode()
    for _ in range(2):
        assert (await send(api, job, offset=0, content="ab\n")).json() == {"offset": 3, "ended": False}
    answer = await send(api, job, offset=3, content=raw, encoding="base64", secret=True, end=True)
    assert answer.json() == {"offset": 5, "ended": True}
    assert (await send(api, job, offset=0, content="ab\n")).json() == {"offset": 5, "ended": True}
    assert (await api.get(f"/v1/jobs/{job}/input")).json() == {"offset": 5, "ended": True}
    subject = job_input(builders.USER, job)
    last = await log.last(subject, stream=INPUT)
    assert last is not None
    stored = [
        decode_input(one.subject, one.payload)
        async for one in log.replay(subject, up_to=last.sequence, stream=INPUT)
    ]
    assert [one.offset for one in stored] == [0, 3]


async def test_a_piece_at_another_place_is_refused_with_the_right_one(api: httpx.AsyncClient) -> None:
    job = await submitted(api)
    await send(api, job, offset=0, content="abc")
    for offset, content in ((5, "x"), (1, "xx"), (2, "cd")):
        document = refused(await send(api, job, offset=offset, content=content), 409, "input-mismatch")
        assert document["expected_offset"] == 3
    document = refused(await send(api, job, offset=3, content="x" * 98), 413, "input-limit")
    assert document["expected_offset"] == 3
    await send(api, job, offset=3, end=True)
    document = refused(await send(api, job, offset=3, content="x"), 409, "input-ended")
    assert document["expected_offset"] == 3


async def test_signals_and_sizes_are_for_programs_that_run(broker: Broker, api: httpx.AsyncClient) -> None:
    piped, job = await submitted(api), await submitted(api, terminal={"columns": 80, "rows": 24})
    size = {"columns": 120, "rows": 40}
    refused(await send(api, piped, "terminal", **size), 409, "no-terminal")
    for what, body in (("terminal", size), ("signal", {"signal": "SIGINT"})):
        early = await send(api, job, what, **body)
        refused(early, 409, "not-running")
        assert early.headers["Retry-After"] == "1"
    await happens(broker, builders.running(job))
    for what, body in (("terminal", size), ("signal", {"signal": "SIGINT"})):
        assert (await send(api, job, what, **body)).json() == {"offset": 0, "ended": False}


async def test_jobs_without_input_are_told_apart(broker: Broker, api: httpx.AsyncClient) -> None:
    refused(await send(api, builders.job_id(), offset=0), 404, "unknown-job")
    refused(await send(api, "no-id", offset=0), 404, "unknown-job")
    plain, ended, expired, foreign = (builders.job_id() for _ in range(4))
    await happens(broker, builders.queued(plain), builders.interactive(foreign, "bob"))
    await happens(broker, builders.interactive(ended), builders.cancelled(ended))
    await happens(
        broker, builders.interactive(expired), builders.cancelled(expired), builders.expired(expired)
    )
    for job, status, slug in (
        (plain, 409, "not-interactive"),
        (ended, 409, "already-finished"),
        (expired, 410, "expired"),
        (foreign, 404, "unknown-job"),
    ):
        refused(await send(api, job, offset=0, content="x"), status, slug)
        refused(await api.get(f"/v1/jobs/{job}/input"), status, slug)


async def test_before_it_runs_a_job_is_given_little(broker: Broker) -> None:
    async with asked_api(broker) as api:
        job = await submitted(api)
        early = await send(api, job, offset=0, content="x" * 20_000)
        refused(early, 409, "input-not-read")
        assert early.headers["Retry-After"] == "1"
        await happens(broker, builders.running(job))
        assert (await send(api, job, offset=0, content="x" * 20_000)).json()["offset"] == 20_000
