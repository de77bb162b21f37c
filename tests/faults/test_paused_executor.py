"""An executor is paused beyond its lease while it runs a job: the other one's attempt counts, and when the
first one wakes with a result of its own, that is refused, once, for everybody to see.
"""

import asyncio
import signal
from pathlib import Path

import pytest

from headrace.client.client import AsyncClient, open_client
from headrace.client.endpoint import Endpoint, issue
from shared.contract.codec import EventObject
from tests.faults.ending import note_ending
from tests.faults.fleet import Fleet, Size, fleet_of
from tests.faults.history import Began, now
from tests.faults.history_file import Recorder, read
from tests.faults.members import Replica
from tests.faults.rules.jobs import check_jobs
from tests.faults.rules.lanes import check_lanes
from tests.faults.rules.story import story_of
from tests.http_client import http_client

pytestmark = pytest.mark.timeout(180)

PROGRAM = {"language": "bash", "code": "echo begun; sleep 7; echo done"}
"""It ends while its executor sleeps, so that there is a result when that wakes: attempt 2 begins after 10 s.
On a busy machine too, it does not end before its executor sleeps.
"""

BEGUN, ENDED = "job.running.v1", "job.completed.v1"
SIZE = Size(apis=1, executors=2, projectors=1, notifiers=1)


@pytest.mark.full
async def test_the_result_of_a_paused_executor_is_refused(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    with Recorder(history) as recorder:
        recorder.note(Began(at=now(), seed=0))
        async with fleet_of(tmp_path / "data", SIZE, recorder) as fleet, client_of(fleet) as client:
            late = [await run_paused(fleet, client, wakes_at) for wakes_at in (BEGUN, ENDED)]
            await note_ending(fleet, recorder)
    told = read(history)
    assert {(one.job_id, one.attempt) for one in told.refused} == {(job_id, 1) for job_id in late}
    story = story_of(told.log)
    assert [*check_jobs(story), *check_lanes(story)] == []
    for job_id in late:
        assert [running.attempt for _, running in story.attempts(job_id)] == [1, 2]
        assert story.newest[job_id].status == "completed"


async def run_paused(fleet: Fleet, client: AsyncClient, wakes_at: str) -> str:
    """Run a job, pause its executor, let that go on when attempt 2 has come so far; until all is over."""
    before = {one.life: await refusals_counted(one) for one in fleet.of("executor")}
    job = await client.submit(PROGRAM)
    begun = await until(client, job.job_id, BEGUN, 1)
    await until(client, job.job_id, "job.output.v1", 1)
    (paused,) = [one for one in fleet.of("executor") if one.life == begun.data["executor_id"]]
    paused.send(signal.SIGSTOP)
    await until(client, job.job_id, wakes_at, 2)
    paused.send(signal.SIGCONT)
    async with asyncio.timeout(90):
        while await refusals_counted(paused) == before[paused.life]:  # noqa: ASYNC110 - a metric is asked for
            await asyncio.sleep(0.05)
    await until(client, job.job_id, ENDED, 2)
    return job.job_id


async def until(client: AsyncClient, job_id: str, kind: str, attempt: int) -> EventObject:
    """The first event of this kind of this attempt."""
    async with asyncio.timeout(90):
        async for event in client.follow("*"):
            if (event.job_id, event.type, event.data.get("attempt")) == (job_id, kind, attempt):
                return event
    raise AssertionError(f"{job_id} has no {kind} of attempt {attempt}")


async def refusals_counted(executor: Replica) -> float:
    """What operators see."""
    async with http_client(timeout=30) as http:
        text = (await http.get(executor.health_url.replace("/readyz", "/metrics"))).text
    (line,) = [line for line in text.splitlines() if line.startswith("headrace_fenced_total ")]
    return float(line.split()[1])


def client_of(fleet: Fleet) -> AsyncClient:
    url = fleet.api_urls[0]
    socket_url = f"ws{fleet.notifier_urls[0].removeprefix('http')}/v1/ws"
    return open_client(Endpoint(url, socket_url, issue(fleet.stack.directory, "alice")))
