"""A rebuild replaces the view by what the log says, or leaves it exactly as it was."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from services.projector.database import RebuildError, open_database
from services.projector.rebuild import GATHERED_MAX, rebuild_view, run_rebuild
from services.projector.settings import ProjectorSettings
from services.projector.view import apply_entries
from services.projector.view_file import beside
from shared.contract.subjects import job_event
from shared.jetstream.connection import Broker
from shared.jetstream.follower import BATCH_MAX
from shared.jetstream.lag import ConsumerLag
from shared.service.runtime import Service
from shared.settings import BrokerSettings
from tests import builders
from tests.integration.projector.asking import publish, publish_raw, rows_in
from tests.unit.projector.histories import NEWER, POISON, stored


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the view is."""
    return tmp_path / "view.sqlite3"


async def make_wrong_view(path: Path) -> None:
    """A view that knows a job that the log does not."""
    async with open_database(path) as database:
        await database.writer.call(apply_entries, stored([builders.queued(builders.job_id(), "nobody")]))


def names_beside(path: Path) -> set[str]:
    return {file.name for file in path.parent.iterdir() if file.is_file()}


def leave_half_a_rebuild(path: Path) -> None:
    for suffix in (".rebuild", ".rebuild-wal", ".rebuild-journal"):
        beside(path, suffix).write_bytes(b"half of something" * 1_000)


async def test_a_wrong_view_is_made_right(broker: Broker, path: Path) -> None:
    await make_wrong_view(path)
    await publish(broker, builders.queued(), builders.running())
    await rebuild_view(broker, path, whole=True)
    rows = await rows_in(path)
    assert [(row[0], row[2]) for row in rows["jobs"]] == [(builders.USER, "running")]
    assert rows["checkpoint"][0][1] == 2
    assert await asyncio.to_thread(names_beside, path) == {path.name}


async def test_how_far_it_is_can_be_asked(broker: Broker, path: Path) -> None:
    """Who waits for a service that makes its view anew must see it come on."""
    await publish(broker, builders.queued(), builders.running())
    told: list[ConsumerLag] = []
    await rebuild_view(broker, path, whole=True, watch=told.append)
    (progress,) = told
    assert progress.diagnostics()["behind"] == 0


async def test_an_empty_log_makes_an_empty_view(broker: Broker, path: Path) -> None:
    await make_wrong_view(path)
    await rebuild_view(broker, path, whole=True)
    assert (await rows_in(path))["jobs"] == []


async def test_what_a_killed_rebuild_left_is_cleaned_up(broker: Broker, path: Path) -> None:
    await asyncio.to_thread(leave_half_a_rebuild, path)
    await publish(broker, builders.queued())
    await rebuild_view(broker, path, whole=True)
    assert len((await rows_in(path))["jobs"]) == 1
    assert await asyncio.to_thread(names_beside, path) == {path.name}


async def test_more_than_one_transaction_of_entries(broker: Broker, path: Path) -> None:
    count = GATHERED_MAX + BATCH_MAX + 1
    for begin in range(0, count, 500):
        await asyncio.gather(
            *(
                publish(broker, builders.queued(builders.job_id()))
                for _ in range(begin, min(begin + 500, count))
            )
        )
    await rebuild_view(broker, path, whole=True)
    rows = await rows_in(path)
    assert (len(rows["jobs"]), rows["checkpoint"][0][1]) == (count, count)


async def test_poison_at_the_end_of_the_log_is_passed(broker: Broker, path: Path) -> None:
    await publish(broker, builders.queued())
    last = await publish_raw(broker, job_event(builders.USER, builders.JOB, "running"), POISON)
    await rebuild_view(broker, path, whole=True)
    assert (await rows_in(path))["checkpoint"][0][1] == last


async def test_a_newer_event_leaves_the_old_view(broker: Broker, path: Path) -> None:
    await make_wrong_view(path)
    before = await rows_in(path)
    await publish(broker, builders.queued())
    newer = await publish_raw(broker, job_event(builders.USER, builders.JOB, "paused"), NEWER)
    with pytest.raises(RebuildError, match=f"entry {newer} is a job.paused.v9"):
        await rebuild_view(broker, path, whole=True)
    assert await rows_in(path) == before
    assert await asyncio.to_thread(names_beside, path) == {path.name}


async def test_in_place_of_an_unusable_view_a_part_is_better_than_nothing(broker: Broker, path: Path) -> None:
    await publish(broker, builders.queued())
    newer = await publish_raw(broker, job_event(builders.USER, builders.JOB, "paused"), NEWER)
    await rebuild_view(broker, path, whole=False)
    assert (await rows_in(path))["checkpoint"][0][1] == newer - 1


async def test_a_rebuild_that_was_told_to_stop_has_failed(
    broker: Broker, broker_settings: BrokerSettings, path: Path
) -> None:
    await publish(broker, builders.queued())
    settings = ProjectorSettings(**msgspec.structs.asdict(broker_settings), view_path=str(path))
    service = Service("projector")
    service.stopping.set()
    with pytest.raises(RebuildError, match="stopped before the end of the log"):
        await run_rebuild(service, settings)
    assert not await asyncio.to_thread(path.exists)


async def test_a_cancelled_rebuild_leaves_the_old_view(broker: Broker, path: Path) -> None:
    await make_wrong_view(path)
    before = await rows_in(path)
    await publish(broker, builders.queued())
    rebuilding = asyncio.create_task(rebuild_view(broker, path, whole=True))
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(beside(path, ".rebuild").exists):
            pass
    rebuilding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rebuilding
    assert await rows_in(path) == before
    assert await asyncio.to_thread(names_beside, path) == {path.name}
