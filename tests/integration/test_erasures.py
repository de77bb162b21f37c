"""Erasing a user leaves nothing of them but tombstones, and nothing of anybody else is touched."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from services.api.files.service import UserFiles, bytes_of_user
from services.api.operators.erasures import Erasure, Erasures
from services.api.quotas.stored_bytes import Store
from services.api.sessions.kv_bucket import Bucket
from services.api.settings import ApiSettings
from services.projector.projector import Projector
from shared.contract.codec import encode
from shared.contract.subjects import (
    ARTIFACTS,
    FEED,
    FILES,
    INPUT,
    JOBS,
    SESSIONS,
    artifact_name,
    feed_note,
    file_description,
    file_name,
    job_event,
    job_input,
    objects_stream,
    session_key,
    session_run_key,
)
from shared.domain.decisions import CommandContext
from shared.domain.events import Event, kind_of
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from shared.jetstream.object_store import Objects
from tests import builders

PATIENCE_S = 40
MOMENT = CommandContext(builders.NOON, "req-erase")
SETTINGS = ApiSettings(token_secret="not a secret, but of thirty-two bytes")
USERS = ["alice", "*", ">", "a.b", "al", "ünï 🦉", "a/../b", "*.*"]


def uploaded(broker: Broker, log: Log) -> Objects:
    """The store of uploaded files."""
    return Objects(broker, log, FILES, describing=file_description)


@pytest.fixture
def erasures(broker: Broker, log: Log) -> Erasures:
    store = Store(broker, objects_stream(FILES), partial(bytes_of_user, log), name="files")
    files = UserFiles(uploaded(broker, log), log, store, SETTINGS)
    return Erasures(broker, log, Bucket(broker, log, SESSIONS), files.delete_all, SETTINGS)


@pytest.fixture
async def projector(broker: Broker, tmp_path: Path) -> AsyncIterator[None]:
    """Removes what tombstones stand for."""
    path = tmp_path / "view.sqlite3"
    task = asyncio.create_task(Projector(broker, path, sweep_s=0.01).run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def publish(broker: Broker, *events: Event) -> None:
    for event in events:
        await broker.request(job_event(event.user_id, event.job_id, kind_of(event)), encode(event))


async def furnish(broker: Broker, log: Log, user: str) -> None:
    """Two finished jobs, one of them with a file, a saved session that was run, a note, and input."""
    first, second, session = (builders.job_id() for _ in range(3))
    await publish(broker, builders.queued(first, user), builders.cancelled(first, user))
    await Objects(broker, log, ARTIFACTS).put(artifact_name(second, 1, 0), b"kept", patience_s=5)
    await publish(
        broker,
        builders.queued(second, user),
        builders.running(second, user),
        builders.completed(second, user),
    )
    name = file_name(user, hashlib.sha256(b"uploaded").hexdigest())
    await uploaded(broker, log).put(name, b"uploaded", patience_s=5)
    bucket = Bucket(broker, log, SESSIONS)
    for _ in range(2):
        newest = await bucket.newest(session_key(user, session))
        expected = 0 if newest is None else newest.sequence
        await bucket.put(session_key(user, session), b"{}", expected=expected, patience_s=5)
    await bucket.put(session_run_key(user, session), b"{}", expected=0, patience_s=5)
    await broker.request(feed_note(user, second, "output"), b"{}")
    await broker.request(job_input(user, second), encode(builders.piece("typed", second, user)))


async def held(broker: Broker, stream: str) -> dict[str, int]:
    """Every subject of a stream, and how many messages it has."""
    answer = await broker.api(f"STREAM.INFO.{stream}", {"subjects_filter": ">"})
    found: dict[str, Any] = answer["state"].get("subjects") or {}
    return {subject: int(count) for subject, count in found.items()}


async def erased(erasures: Erasures, user: str) -> Erasure:
    """Ask until it is done. The caller bounds the time."""
    while not (answer := await erasures.erase(user, "operator", MOMENT)).is_done:
        pass
    return answer


@pytest.mark.parametrize("user", USERS)
async def test_nothing_is_left_of_one_user_and_everything_of_the_others(
    broker: Broker, log: Log, erasures: Erasures, projector: None, user: str
) -> None:
    others = [other for other in (*USERS, "alice2", "alic") if other != user]
    for other in others:
        await furnish(broker, log, other)
    streams = (JOBS, SESSIONS, FEED, INPUT, objects_stream(ARTIFACTS), objects_stream(FILES))
    before = {stream: await held(broker, stream) for stream in streams}
    await furnish(broker, log, user)
    async with asyncio.timeout(PATIENCE_S):
        answer = await erased(erasures, user)
        again = await erasures.erase(user, "operator", MOMENT)
    assert (again.is_done, again.expired, again.sessions, again.files) == (True, 0, 0, 0)
    assert any("tombstones" in one for one in answer.remains)
    after = {stream: await held(broker, stream) for stream in streams}
    tombstones = {subject for subject in after[JOBS] if subject.endswith(".expired")}
    assert len(tombstones) == 2
    for subject in tombstones:
        del after[JOBS][subject]
    assert after == before


async def test_queued_jobs_leave_at_once_and_running_ones_when_they_have_stopped(
    broker: Broker, log: Log, erasures: Erasures, projector: None
) -> None:
    queued, running = builders.job_id(), builders.job_id()
    await publish(broker, builders.queued(queued), builders.queued(running), builders.running(running))
    async with asyncio.timeout(PATIENCE_S):
        first = await erasures.erase(builders.USER, "operator", MOMENT)
        assert (first.is_done, first.expired, first.unfinished) == (False, 1, 1)
        second = await erasures.erase(builders.USER, "operator", MOMENT)
        assert (second.is_done, second.expired, second.unfinished) == (False, 0, 1)
        assert [kind_of(one.event()) for one in (await log.read_job(builders.USER, running)).entries] == [
            "queued",
            "running",
            "cancel_requested",
        ]
        await publish(broker, builders.cancelled(running, attempt=1))
        await erased(erasures, builders.USER)
    assert {subject.rpartition(".")[2] for subject in await held(broker, JOBS)} == {"expired"}


async def test_it_is_not_done_before_the_tombstones_are_followed_up(
    broker: Broker, log: Log, erasures: Erasures
) -> None:
    """No projector runs: the programs are still in the log."""
    await furnish(broker, log, builders.USER)
    first = await erasures.erase(builders.USER, "operator", MOMENT)
    second = await erasures.erase(builders.USER, "operator", MOMENT)
    assert (first.is_done, first.expired) == (False, 2)
    assert (second.is_done, second.expired) == (False, 0)


async def test_what_nobody_can_read_is_erased_too(
    broker: Broker, erasures: Erasures, projector: None
) -> None:
    """Poison, and a history that no honest writer leaves."""
    poisoned, impossible = builders.job_id(), builders.job_id()
    await broker.request(job_event(builders.USER, poisoned, "queued"), b"\xff not json")
    await publish(broker, builders.queued(impossible), builders.completed(impossible))
    async with asyncio.timeout(PATIENCE_S):
        await erased(erasures, builders.USER)
    assert {subject.rpartition(".")[2] for subject in await held(broker, JOBS)} == {"expired"}


async def test_the_audit_is_told_how_long_jobs_are_kept(erasures: Erasures) -> None:
    assert erasures.retention == "usual=2592000, most=2592000, tombstone=86400"
