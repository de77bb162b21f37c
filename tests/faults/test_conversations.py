"""Programs that talk, while sockets are cut at random and every service is killed in turn: no piece of input
is lost or doubled, and each session has the end that it should.
"""

import asyncio
import hashlib
import itertools
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from msgspec import UNSET

from headrace.local.managed import Managed
from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.contract.subjects import INPUT, TERMINAL_KINDS, user_events
from shared.jetstream.event_log import Log
from shared.retry import poll, retry
from tests.faults.talkers import Script, Tally, script, talk_over_a_socket, talk_over_the_sdk
from tests.http_client import http_client
from tests.system.conftest import User, assert_nothing_was_refused, broker_of, user_of
from tests.undebugged import undebugged

NATS = "nats-server"
VICTIMS = ("api", "notifier", "executor", "executor-2", NATS)
LOOK_S = 0.1
EXECUTING = 2
"""Programs that talk with an executor, at least, when it is killed."""
READY_WITHIN_S = 60.0
PURGED_WITHIN_S = 15.0
PATIENCE_S = 240.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How many sessions there are at least, how many at once, of how many users; and what is killed."""

    sessions: int
    at_once: int
    users: int
    lines: int
    victims: tuple[str, ...]
    """In this order; sessions go on until all are killed and ready again."""
    between_kills_s: float
    seed: int


SMALL = Plan(
    sessions=12,
    at_once=6,
    users=3,
    lines=4,
    victims=("executor", "api", "notifier", NATS),
    between_kills_s=0.5,
    seed=1,
)
LARGE = Plan(sessions=200, at_once=40, users=8, lines=5, victims=2 * VICTIMS, between_kills_s=2.0, seed=2)


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation that was had."""

    user: User
    job_id: str
    script: Script


@asynccontextmanager
async def talking_stack(directory: Path, plan: Plan) -> AsyncIterator[Stack]:
    """Two executors, with room for all sessions."""
    undebugged()
    at_once = str(plan.at_once)
    environment = {
        "HEADRACE_SLOTS": "2",
        "HEADRACE_INTERACTIVE_SLOTS": at_once,
        "HEADRACE_INTERACTIVE_JOBS": at_once,
        "HEADRACE_REQUESTS_PER_S": "10000",
        # An executor may be killed during each of them.
        "HEADRACE_ATTEMPTS_MAX": "10",
    }
    async with run_stack(directory, StackOptions(executors=2, environment=environment)) as stack:
        yield stack
        assert_nothing_was_refused(stack)


async def kill_in_turn(stack: Stack, plan: Plan, tally: Tally) -> None:
    """Kill each while something is said, when the one before it is ready again."""
    async with http_client() as http:
        for name in plan.victims:
            await asyncio.sleep(plan.between_kills_s)
            if name.startswith("executor"):
                await until_executing(http, stack.services[name])
            await tally.next_piece()
            if name == NATS:
                await stack.nats.kill()
                await until_listening(stack.nats.url)
            else:
                process = stack.services[name].process
                process.kill()
                assert await process.wait() == -9
            for service in stack.services.values() if name == NATS else (stack.services[name],):
                await until_ready(http, service)


async def until_executing(http: httpx.AsyncClient, executor: Managed) -> None:
    """Return when programs talk with this one."""
    url = executor.health_url.replace("/readyz", "/metrics")

    async def count() -> float:
        lines = (await http.get(url)).text.splitlines()
        return sum(float(line.split()[1]) for line in lines if line.startswith("headrace_jobs_executing "))

    await poll(count, until=lambda found: found >= EXECUTING, within_s=READY_WITHIN_S, pause_s=LOOK_S)


async def until_ready(http: httpx.AsyncClient, service: Managed) -> None:
    async def ask() -> None:
        (await http.get(service.health_url)).raise_for_status()

    await retry(ask, on=httpx.HTTPError, within_s=READY_WITHIN_S, pause_s=LOOK_S)


async def until_listening(url: str) -> None:
    """Return when a nats-server is there again: the services may not know yet that it was gone."""
    address = urlsplit(url)

    async def connect() -> None:
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.transport.abort()

    await retry(connect, on=OSError, within_s=READY_WITHIN_S, pause_s=LOOK_S)


async def talk_on(
    users: list[User], plan: Plan, killing: asyncio.Task[None], tally: Tally, numbers: "itertools.count[int]"
) -> list[Session]:
    """One session after the other, until there were enough and all is killed."""
    had: list[Session] = []
    while (number := next(numbers)) < plan.sessions or not killing.done():
        chance = random.Random(f"{plan.seed} {number}")  # noqa: S311 - a test's dice
        user, said = users[number % len(users)], script(chance, plan.lines)
        talk = talk_over_the_sdk if number // len(users) % 2 else talk_over_a_socket
        had.append(Session(user, await talk(user, said, tally), said))
    return had


async def judge(session: Session) -> None:
    """The program was given every piece once, and its sums are right."""
    job = await session.user.client.get(session.job_id)
    given = "".join(session.script.lines).encode()
    assert job.status == "completed", job
    assert job.result is not None
    assert job.result.stdout.content == session.script.printed
    received = job.result.input
    assert received is not UNSET
    assert (received.total_bytes, received.sha256) == (len(given), hashlib.sha256(given).hexdigest())
    assert (received.content.encode(), received.ended) == (given, True)


async def judge_streams(stack: Stack, sessions: list[Session]) -> int:
    """The log has each job once, with one end; and no input is left. Returns how many ran more than once."""
    queued, running, ended = Counter[str](), Counter[str](), Counter[str]()
    async with broker_of(stack) as broker:
        for name in {session.user.name for session in sessions}:
            async for entry in Log(broker).replay(user_events(name)):
                *_, job_id, kind = entry.subject.split(".")
                queued[job_id] += kind == "queued"
                running[job_id] += kind == "running"
                ended[job_id] += kind in TERMINAL_KINDS
        jobs = [session.job_id for session in sessions]
        assert queued == ended == Counter(jobs)
        assert len(set(jobs)) == len(jobs)

        async def count_left() -> int:
            return int((await broker.api(f"STREAM.INFO.{INPUT}"))["state"]["messages"])

        await poll(count_left, until=lambda left: not left, within_s=PURGED_WITHIN_S, pause_s=LOOK_S)
    return sum(count > 1 for count in running.values())


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(SMALL, id="few"),
        pytest.param(LARGE, id="many", marks=[pytest.mark.full, pytest.mark.alone]),
    ],
)
@pytest.mark.timeout(300)
async def test_what_is_said_is_read_once_whatever_dies(plan: Plan, tmp_path: Path) -> None:
    tally = Tally()
    async with talking_stack(tmp_path / "data", plan) as stack, AsyncExitStack() as opened:
        users = [await opened.enter_async_context(user_of(stack)) for _ in range(plan.users)]
        numbers = itertools.count()
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            killing = group.create_task(kill_in_turn(stack, plan, tally))
            talking = [
                group.create_task(talk_on(users, plan, killing, tally, numbers)) for _ in range(plan.at_once)
            ]
        sessions = [session for task in talking for session in task.result()]
        assert len(sessions) >= plan.sessions
        for session in sessions:
            await judge(session)
        reruns = await judge_streams(stack, sessions)
    sys.stdout.write(f"{len(sessions)} sessions, {reruns} of them more than once; {tally}\n")
    assert reruns > 0, "an executor must have died while a program talked"
    assert tally.cuts > len(sessions)
    assert tally.shown > tally.unshown
