"""The program itself: killed anywhere it goes on, told to stop it stops, and one process holds a view."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from headrace.local.nats_server import NatsServer
from shared.contract.subjects import job_event
from shared.jetstream.connection import Broker
from tests import builders
from tests.integration.projector.asking import answering, publish, publish_raw, reached, rows_in
from tests.integration.projector.processes import projector_process, readiness, until_ready
from tests.unit.projector.histories import NEWER, random_history

PATIENCE_S = 100


@pytest.mark.full
async def test_killed_again_and_again_it_loses_and_repeats_nothing(
    broker: Broker, nats_server: NatsServer, path: Path, tmp_path: Path
) -> None:
    random = Random(5)  # noqa: S311 - reproducible, not secret
    history = random_history(random, 2_000)
    last = 0
    async with asyncio.timeout(PATIENCE_S):
        for begin in range(0, len(history), 500):
            async with projector_process(nats_server, path) as process:
                await reached(broker, last)
                appending = asyncio.create_task(publish(broker, *history[begin : begin + 500]))
                await reached(broker, last + 1)
                await process.kill()
            last = await appending
        async with projector_process(nats_server, path) as process:
            await reached(broker, last)
            code, _ = await process.terminate()
            assert code == 0
        other = tmp_path / "other.sqlite3"
        async with projector_process(nats_server, other, "rebuild") as process:
            assert (await process.ended())[0] == 0
    live = await rows_in(path)
    assert live == await rows_in(other)
    assert live["checkpoint"][0][1] == last == len(history)


async def test_it_is_ready_once_it_has_caught_up_and_stops_when_told(
    broker: Broker, nats_server: NatsServer, path: Path
) -> None:
    last = await publish(broker, *random_history(Random(2), 500))  # noqa: S311 - reproducible, not secret
    async with asyncio.timeout(PATIENCE_S), projector_process(nats_server, path) as process:
        port = (await process.event("listening"))["port"]
        await until_ready(port)
        answer = await readiness(port)
        assert answer.json()["checks"] == {
            "stopping": "ok",
            "broker": "ok",
            "quorum": "ok",
            "view": "ok",
        }
        assert (await answering(broker)).checkpoint == last
        code, said = await process.terminate()
        assert code == 0
        assert "service_stopped" in said
    # A clean end leaves one file: everything was folded in.
    names = {file.name for file in await asyncio.to_thread(lambda: list(path.parent.iterdir()))}
    assert names == {path.name, f"{path.name}.lock"}


async def test_it_is_not_ready_at_a_newer_event_and_says_which(
    broker: Broker, nats_server: NatsServer, path: Path
) -> None:
    newer = await publish_raw(broker, job_event(builders.USER, builders.JOB, "paused"), NEWER)
    async with asyncio.timeout(PATIENCE_S), projector_process(nats_server, path) as process:
        port = (await process.event("listening"))["port"]
        await process.event("newer_event")
        answer = await readiness(port)
        assert answer.status_code == 503
        assert f"entry {newer} is a job.paused.v9" in answer.json()["checks"]["view"]
        assert (await process.terminate())[0] == 0


async def test_a_second_projector_and_a_rebuild_are_refused(
    broker: Broker, nats_server: NatsServer, path: Path
) -> None:
    async with asyncio.timeout(PATIENCE_S), projector_process(nats_server, path):
        await answering(broker)
        for words in ((), ("rebuild",)):
            async with projector_process(nats_server, path, *words) as second:
                code, said = await second.ended()
                assert code == 1
                assert f'"error": "{path} is in use by another projector or rebuild; stop it first"' in said
                assert "Traceback" not in said


async def test_a_rebuild_that_cannot_be_whole_says_why(
    broker: Broker, nats_server: NatsServer, path: Path
) -> None:
    newer = await publish_raw(broker, job_event(builders.USER, builders.JOB, "paused"), NEWER)
    async with asyncio.timeout(PATIENCE_S), projector_process(nats_server, path, "rebuild") as process:
        code, said = await process.ended()
    assert code == 1
    assert f'"error": "the view was left as it was: entry {newer} is a job.paused.v9' in said
    assert "Traceback" not in said


@pytest.mark.full
async def test_a_file_that_stays_locked_ends_it_with_a_clear_error(
    broker: Broker, nats_server: NatsServer, path: Path
) -> None:
    await publish(broker, builders.queued())
    await asyncio.to_thread(path.parent.mkdir)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        async with asyncio.timeout(PATIENCE_S), projector_process(nats_server, path) as process:
            code, said = await process.ended()
    assert code == 1
    assert f'"error": "{path} is locked by another program' in said
    assert "Traceback" not in said


@pytest.mark.full
async def test_a_place_that_cannot_hold_a_view_is_named(nats_server: NatsServer, tmp_path: Path) -> None:
    occupied = tmp_path / "nats" / "nats.conf" / "view.sqlite3"
    async with asyncio.timeout(PATIENCE_S), projector_process(nats_server, occupied) as process:
        code, said = await process.ended()
    assert code == 2
    assert f"HEADRACE_VIEW_PATH: '{occupied}' is not allowed (a view cannot be kept there: " in said
    assert "Traceback" not in said


@pytest.mark.full
async def test_other_words_are_refused(nats_server: NatsServer, path: Path) -> None:
    async with asyncio.timeout(PATIENCE_S), projector_process(nats_server, path, "destroy") as process:
        code, said = await process.ended()
    assert code == 1
    assert "usage: python -m services.projector [rebuild]" in said
