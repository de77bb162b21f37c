"""A notifier dies at each of its points; its client goes on at another one, and misses nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from headrace.client.client import open_client
from headrace.client.endpoint import Endpoint, local_endpoint
from headrace.client.errors import ProblemAnswerError
from headrace.local.supervisor import Stack
from tests.faults.points.notifier_points import NOTIFIER_POINTS
from tests.faults.points.patience import patiently
from tests.faults.points.point import Point
from tests.faults.points.programs import Nursery, Victim
from tests.faults.points.runs import Runs, begun_on_one_stack, cases
from tests.faults.points.story import Story
from tests.faults.points.talk import LINE, READS, assert_read_once
from tests.faults.points.viewer import Viewer
from tests.faults.resume_checker import Shown, check
from tests.faults.resume_socket import RawSocket
from tests.faults.resume_stack import User

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

AT_ONCE = 4
PATIENCE_S = 240
PRINTS = "for line in 1 2 3 4 5 6 7 8; do echo line $line; sleep 0.06; done"
LASTS = f"{PRINTS}; sleep 60"
"""It is cancelled when the notifier is dead, so that nothing is over before."""
FLOOD = "head -c 250000 /dev/zero | tr '\\0' x"
FLOODS = f"echo begun; sleep 1; {FLOOD}; {FLOOD} >&2; sleep 60"
"""First a line, for a subscription to be live; then twice what the buffers between the two ends take."""
QUEUE_BYTES = 2_000
"""Of a notifier whose clients are soon too slow."""
UNREAD_S = 2.0
"""Less than the kernel's patience with a peer that takes nothing."""


@dataclass
class Stage:
    """What a scenario plays on: a user of his own, who watches."""

    stack: Stack
    story: Story
    user: str
    viewer: Viewer
    dying: Victim

    async def submit(self, code: str = LASTS, *, is_interactive: bool = False) -> str:
        """An accepted job."""
        async with open_client(self._endpoint()) as client:
            limits = {"wall_ms": 60_000}
            more = {"interactive": True} if is_interactive else {}
            body = {"language": "bash", "code": code, "limits": limits, **more}
            return (await client.submit(body)).job_id

    async def submit_flood(self) -> str:
        """An accepted job that prints more than a slow client takes."""
        return await self.submit(FLOODS)

    async def cancel_when_dead(self) -> None:
        """Let the job end, if it has not ended."""
        await self.dying.ended()
        async with open_client(self._endpoint()) as client:
            for job in await self.story.until_any_of(self.user):
                with suppress(ProblemAnswerError):
                    await client.cancel(job)

    def _endpoint(self) -> Endpoint:
        return local_endpoint(self.stack.directory, self.stack.address, self.user)

    async def ask(self, **message: object) -> Shown:
        """One question, asked again where its answer was lost."""
        answers: list[Shown] = []

        async def step(socket: RawSocket) -> None:
            await socket.send(part=1.0, **message)
            answers.append(await socket.next())

        await self.viewer.repeated(step)
        return answers[0]


async def watch(stage: Stage) -> None:
    await stage.submit()
    await stage.viewer.watch()


async def watch_ended(stage: Stage) -> None:
    """All of it is history."""
    await stage.story.until_ended(await stage.submit(PRINTS))
    await stage.viewer.watch()


async def watch_one(stage: Stage) -> None:
    """One job, to the word that this was all."""
    await stage.viewer.watch(await stage.submit(PRINTS))


async def watch_live(stage: Stage) -> None:
    """None of it is history."""
    await stage.viewer.watch(subscribed=stage.submit)


async def slow(stage: Stage) -> None:
    """Nothing is read between the first line and the notifier's death.

    Whoever did not even read the first line might be caught up still: a history waits for who reads slowly.
    """
    stage.viewer.printed = stage.dying.ended
    await stage.viewer.watch(subscribed=stage.submit_flood, is_slow=True)


async def cancel(stage: Stage) -> None:
    """Asked until it is answered, and stopped once."""
    job = await stage.submit()
    await stage.story.until(job, "running")
    answer = await stage.ask(type="cancel", id="c", job_id=job)
    assert answer["type"] == "status" or answer["code"] == "already_finished", answer
    await stage.viewer.watch()
    await stage.story.until_ended(job)
    assert stage.story.kinds(job) == ["queued", "running", "cancel_requested", "cancelled"]


async def status(stage: Stage) -> None:
    job = await stage.submit(PRINTS)
    await stage.story.until_ended(job)
    answer = await stage.ask(type="status", id="q", job_id=job)
    assert (answer["job"]["job_id"], answer["job"]["status"]) == (job, "completed")
    await stage.viewer.watch()


async def talk(stage: Stage) -> None:
    """A piece of input and the end are sent until they are answered; the program then ends by itself."""
    job = await stage.submit(READS, is_interactive=True)
    await stage.story.until(job, "running")
    answer = await stage.ask(type="input", id="1", job_id=job, offset=0, content=LINE)
    assert answer == {"type": "input_stored", "id": "1", "job_id": job, "offset": len(LINE), "ended": False}
    answer = await stage.ask(type="end_input", id="2", job_id=job, offset=len(LINE))
    # The program may have ended when the end is sent again.
    assert answer.get("ended") or answer["code"] == "already_finished", answer
    await stage.viewer.watch()
    assert_read_once(await stage.story.until_ended(job))
    assert stage.story.kinds(job) == ["queued", "running", "completed"]


async def refresh(stage: Stage) -> None:
    """A newer token."""
    assert (await stage.ask(type="refresh", token=stage.viewer.token))["type"] == "refreshed"
    await watch(stage)


async def sse(stage: Stage) -> None:
    await stage.submit()
    await stage.viewer.watch_stream()


async def sse_resume(stage: Stage) -> None:
    """The beginning was shown by another one."""
    await stage.submit()
    await stage.viewer.begin_stream(3)
    await stage.viewer.watch_stream()


async def stop(stage: Stage) -> None:
    """It is told to stop while it shows a job."""

    async def submit_and_stop() -> None:
        await stage.story.until(await stage.submit(), "running")
        stage.dying.terminate()

    await stage.viewer.watch(subscribed=submit_and_stop)


SCENARIOS: dict[str, Callable[[Stage], Awaitable[None]]] = {
    each.__name__: each
    for each in (
        watch,
        watch_ended,
        watch_one,
        watch_live,
        slow,
        cancel,
        status,
        talk,
        refresh,
        sse,
        sse_resume,
        stop,
    )
}


async def run(
    point: Point, nursery: Nursery, turn: asyncio.Semaphore, directory: Path, stack: Stack, story: Story
) -> None:
    """Let a notifier die while its client watches; judge what that was shown."""
    environment = stack.environment_of("notifier")
    if point.scenario == "slow":
        environment["HEADRACE_NOTIFIER_QUEUE_BYTES_MAX"] = str(QUEUE_BYTES)
        environment["HEADRACE_NOTIFIER_QUEUE_AGE_S"] = str(UNREAD_S)
    async with (
        turn,
        asyncio.timeout(PATIENCE_S),
        nursery.victim(point, environment, directory) as dying,
    ):
        if not point.from_start:
            await dying.ready()
            dying.arm()
        user = User(stack, point.name)
        viewer = Viewer(f"ws://127.0.0.1:{dying.port}/v1/ws", stack.address.websocket_url, user.token)
        stage = Stage(stack, story, point.name, viewer, dying)
        async with asyncio.TaskGroup() as group:
            if point.scenario not in ENDS_BY_ITSELF:
                group.create_task(stage.cancel_when_dead())
            await SCENARIOS[point.scenario](stage)
        await dying.dead()
        (job,) = story.jobs_of(point.name)
        await story.until_ended(job)
        truth = await patiently(lambda: user.truth(stack, feed_is_whole=True))
        assert check(viewer.shown, truth) == []
        assert viewer.breaks > 0 or point.name in MAY_HAVE_SENT_ALL


ENDS_BY_ITSELF = frozenset({"talk"})
MAY_HAVE_SENT_ALL = frozenset({"notifier.complete.queued"})
"""A socket that is ready has been written to before the notifier dies: the client may miss nothing."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Runs]:
    directory = tmp_path_factory.mktemp("notifiers")
    environment = {"HEADRACE_SLOTS": "8"}
    async with begun_on_one_stack(
        request, directory, "notifier", run, at_once=AT_ONCE, environment=environment
    ) as runs:
        yield runs


@pytest.mark.parametrize("point", cases(NOTIFIER_POINTS))
async def test_whoever_watched_a_notifier_that_died_there_was_shown_everything_once(
    point: Point, runs: Runs
) -> None:
    await runs[point.name]
