"""Every service is killed in the middle of its work, and nats-server too: nothing accepted is lost."""

import asyncio
import contextlib
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from headrace.client.errors import HeadraceError
from headrace.local.supervisor import Stack, run_stack
from shared.contract.codec import EventObject
from shared.contract.subjects import JOBS, job_event
from shared.jetstream.connection import Broker
from tests import builders
from tests.cases import cases
from tests.faults.test_cut_off import assert_told_to_come_back
from tests.http_client import http_client
from tests.system.conftest import TERMINAL, User, assert_nothing_was_refused, broker_of, user_of

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

REDELIVERED_WITHIN_S = 15.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """One for all of these tests: what was killed in one of them is there again in the next."""
    async with run_stack(tmp_path_factory.mktemp("kills") / "data") as running:
        yield running
        assert_nothing_was_refused(running)


@pytest_asyncio.fixture(loop_scope="module")
async def alice(stack: Stack) -> AsyncIterator[User]:
    """A new user of a stack that is ready."""
    await stack.ready()
    async with user_of(stack) as user:
        yield user


def kinds(events: list[EventObject]) -> list[str]:
    return [event.type.split(".")[1] for event in events]


async def test_a_killed_executors_job_runs_again_and_ends_once(stack: Stack, alice: User) -> None:
    job = await alice.client.submit({"language": "bash", "code": "echo begun; sleep 2; echo done"})
    await alice.until(job.job_id, "output")
    stack.services["executor"].process.kill()
    killed_at = time.monotonic()
    while True:
        events = await alice.client.history(job.job_id)
        if kinds(events).count("running") == 2:
            break
        async for event in alice.client.follow(job.job_id, after=events[-1].cursor):
            if event.type == "job.running.v1":
                break
    assert time.monotonic() - killed_at < REDELIVERED_WITHIN_S
    await alice.until_terminal(job.job_id)
    history = await alice.client.history(job.job_id)
    assert kinds(history) == ["queued", "running", "running", "completed"]
    assert [event.data["attempt"] for event in history[1:]] == [1, 2, 2]
    assert history[-1].data["result"]["stdout"]["content"] == "begun\ndone\n"


@pytest.mark.full
async def test_a_stopped_executor_lets_its_program_end(stack: Stack, alice: User) -> None:
    job = await alice.client.submit({"language": "bash", "code": "echo begun; sleep 1; echo done"})
    await alice.until(job.job_id, "output")
    stack.services["executor"].process.terminate()
    await alice.until_terminal(job.job_id)
    assert kinds(await alice.client.history(job.job_id)) == ["queued", "running", "completed"]
    assert await stack.services["executor"].process.wait() == 0


@pytest.mark.full
async def test_a_stopped_executor_gives_waiting_jobs_back_at_once(stack: Stack, alice: User) -> None:
    """Both wait in the lane of the stopped executor; its successor has them before the wait would run out."""
    first = await alice.client.submit({"language": "bash", "code": "echo begun; sleep 1"})
    waiting = [await alice.client.submit({"language": "bash", "code": "true"}) for _ in range(2)]
    await alice.until(first.job_id, "output")
    began = time.monotonic()
    stack.services["executor"].process.terminate()
    for job in waiting:
        await alice.until_terminal(job.job_id)
        assert kinds(await alice.client.history(job.job_id)) == ["queued", "running", "completed"]
    assert time.monotonic() - began < REDELIVERED_WITHIN_S


@pytest.mark.full
async def test_an_api_that_is_killed_makes_one_job_of_each_submission(stack: Stack, alice: User) -> None:
    restarts = stack.services["api"].restarts
    submitting = [
        asyncio.create_task(alice.client.submit({"language": "bash", "code": "true"})) for _ in range(30)
    ]
    await asyncio.wait(submitting, return_when=asyncio.FIRST_COMPLETED)
    assert not all(task.done() for task in submitting)
    stack.services["api"].process.kill()
    made = {(await task).job_id for task in submitting}
    assert stack.services["api"].restarts == restarts + 1
    assert len(made) == 30
    queued = [event.job_id async for event in alice.client.replay(kind="queued")]
    assert sorted(queued) == sorted(made)
    for job_id in made:
        assert (await alice.client.result(job_id)).status == "completed"


async def test_a_request_that_a_stopped_api_cuts_off_is_told_to_come_back(stack: Stack, alice: User) -> None:
    await assert_told_to_come_back(stack, alice.token)


@pytest.mark.parametrize("name", cases(["api", "projector", "notifier", "nats"], {"projector", "nats"}))
async def test_killing_anything_else_loses_nothing(stack: Stack, alice: User, name: str) -> None:
    accepted: list[str] = []
    watched: list[EventObject] = []

    async def watch() -> None:
        async for event in alice.client.follow("*"):
            watched.append(event)
            if sum(event.type in TERMINAL for event in watched) == 40:
                return

    async def submit(count: int) -> None:
        for _ in range(count):
            key = builders.job_id()
            while True:
                try:
                    job = await alice.client.submit({"language": "bash", "code": "echo x"}, key=key)
                except HeadraceError:
                    continue
                accepted.append(job.job_id)
                break

    watching = asyncio.create_task(watch())
    await submit(10)
    submitting = asyncio.create_task(submit(30))
    if name == "nats":
        stack.nats.process.kill()
    else:
        stack.services[name].process.kill()
    async with asyncio.timeout(120):
        await submitting
        await watching

    from_log = [event async for event in alice.client.replay()]
    seen = [event for event in watched if event.seq is not None]
    assert [event.seq for event in seen] == [event.seq for event in from_log]
    ended = Counter(event.job_id for event in from_log if event.type in TERMINAL)
    assert ended == Counter(accepted)
    assert len(set(accepted)) == 40
    for job_id in accepted:
        assert (await alice.client.get(job_id)).status == "completed"
    await stack.ready()
    await _all_listed(alice, accepted)


async def test_poison_is_terminated_and_counted_and_the_executor_goes_on(stack: Stack, alice: User) -> None:
    restarts = stack.services["executor"].restarts
    poison = [b"", b"\xff\x00", b"{}", b'{"type":"job.queued.v1"}', b"null"]
    async with broker_of(stack) as broker:
        for payload in poison:
            await broker.request(job_event("mallory", builders.job_id(), "queued"), payload)
        job = await alice.run("bash", "echo still here")
        assert job["result"]["stdout"]["content"] == "still here\n"
        async with asyncio.timeout(20):
            while not await _all_answered(broker):
                continue
        dead = await broker.api("STREAM.INFO.DEAD")
        assert dead["state"]["messages"] == len(poison)
    metrics = await _metrics(stack.services["executor"].health_url)
    assert f'headrace_poison_total{{reader="consumer"}} {len(poison)}.0' in metrics
    assert stack.services["executor"].restarts == restarts


async def _all_listed(user: User, accepted: list[str]) -> None:
    """Wait until the user's completed jobs are these: the view may come a moment after the log."""
    async with asyncio.timeout(60):
        while True:
            page = await user.client.jobs(limit=100, status="completed")
            if {job.job_id for job in page.jobs} == set(accepted):
                return


async def _all_answered(broker: Broker) -> bool:
    info = await broker.api(f"CONSUMER.INFO.{JOBS}.executor")
    return (info["num_pending"], info["num_ack_pending"]) == (0, 0)


async def _metrics(health_url: str) -> str:
    async with http_client() as http:
        return (await http.get(health_url.replace("/readyz", "/metrics"))).text


@pytest.mark.full
async def test_the_rebuilt_view_is_the_live_one(tmp_path: Path) -> None:
    """In a stack of its own, whose projector does not come back."""
    async with run_stack(tmp_path / "data") as stack:
        async with user_of(stack) as user:
            for code in ("echo 1", "exit 3", "echo 2"):
                await user.run("bash", code)
        path = stack.directory / "view.sqlite"
        async with asyncio.timeout(30):
            while len(_ended(path)) < 3:  # noqa: ASYNC110 - the view is a little behind, and a file
                await asyncio.sleep(0.01)
        await stack.services["projector"].stop()
        live = _rows(path)
        rebuild = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.projector", "rebuild", env=stack.environment_of("projector")
        )
        assert await rebuild.wait() == 0
        assert _rows(path) == live
        assert len(live["jobs"]) == 3


def _ended(path: Path) -> list[tuple[object, ...]]:
    return [row for row in _rows(path)["jobs"] if {"completed", "failed"} & {*map(str, row)}]


def _rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, in order."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: sorted(database.execute(f"SELECT * FROM {name}").fetchall(), key=repr)  # noqa: S608 - its own tables
            for name in names
        }
