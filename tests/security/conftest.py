"""One stack for all attacks: the real services on a real server, with secrets planted around the executor."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import pytest
import pytest_asyncio

from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.contract.codec import EventObject
from tests.http_client import http_client
from tests.security.arena import CELLS
from tests.security.checker import Checker, checker_of
from tests.security.footprint import Footprint, steady
from tests.security.neighbour import NAME
from tests.security.planted import Planted, plant, secret
from tests.security.submission import Outcome, Submission
from tests.system.conftest import TERMINAL, User, user_of

# Whoever is an ordinary user already has run all of it as one in the stack.
collect_ignore = [] if os.geteuid() == 0 else ["test_ordinary_user.py"]

HERE = Path(__file__).parent

SLOTS = CELLS - 2
"""Room for two programs that work together and for their neighbour, however few processors there are."""

USERS = ("mallory", "malory", "alice", NAME)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What an attack takes of the host is measured, and how fast its neighbour is meanwhile."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.alone)


class StackArena:
    """A whole stack, reached as its users reach it."""

    has_cgroups: bool

    def __init__(self, stack: Stack, users: dict[str, User], planted: Planted, before: Footprint) -> None:
        """`stack` runs, and stays so for as long as this is used."""
        self.stack = stack
        self.users = users
        self.planted = planted
        self.before = before

    @property
    def executor(self) -> int:
        """The executor that is running now; another one would have another footprint."""
        return self.stack.services["executor"].process.pid

    def logs(self) -> str:
        """Of every service and of the server of the log."""
        paths = [*self.stack.directory.glob("*.log"), *self.stack.directory.glob("nats/*.log")]
        return "\n".join(path.read_text(errors="replace") for path in paths)

    async def submit(self, user: str, submission: Submission) -> str:
        """Hand a program in; the job's id."""
        limits = msgspec.structs.asdict(submission.limits)
        body = {
            "language": submission.language,
            "code": submission.code,
            "args": submission.args,
            "env": submission.env,
            "limits": limits,
        }
        job = await self.users[user].client.submit(body)
        return job.job_id

    async def run(self, user: str, submission: Submission) -> Outcome:
        """See `Arena`."""
        return await self.outcome(user, await self.submit(user, submission))

    async def outcome(self, user: str, job_id: str) -> Outcome:
        """Watch a job to its end, then read all that there is of it."""
        watched = await self.users[user].until_terminal(job_id)
        history = await self.users[user].client.history(job_id)
        last = history[-1]
        return Outcome(
            kinds=tuple(event.type.split(".")[1] for event in history),
            reason=last.data.get("reason"),
            detail=last.data.get("detail"),
            result=last.data.get("result") or {},
            lasted_s=_seconds(history[0], last),
            notes=tuple(event for event in watched if event.seq is None),
            told=msgspec.json.encode([watched, history]).decode(),
        )


def environment_of(process: int) -> str:
    """What a process was started with."""
    return Path(f"/proc/{process}/environ").read_text()


def _seconds(first: EventObject, last: EventObject) -> float:
    """From the one's being stored to the other's."""
    assert last.type in TERMINAL
    return (last.stored_at - first.stored_at).total_seconds()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def arena(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StackArena]:
    """The stack, with secrets that its executor knows and its programs must not."""
    planted = plant(tmp_path_factory.mktemp("planted") / "here", secret())
    environment = {**planted.environment, "HEADRACE_SLOTS": str(SLOTS)}
    async with AsyncExitStack() as opened:
        stack = await opened.enter_async_context(
            run_stack(tmp_path_factory.mktemp("stack") / "data", StackOptions(environment=environment))
        )
        users = {name: await opened.enter_async_context(user_of(stack, name)) for name in USERS}
        executor = stack.services["executor"].process.pid
        assert planted.hidden[0] in environment_of(executor)
        passwords = (stack.nats.password, *stack.nats.passwords.values())
        hidden = (*planted.hidden, *passwords, stack.environment["HEADRACE_TOKEN_SECRET"])
        planted = replace(planted, hidden=hidden)
        before = await steady(executor, CELLS)
        arena = StackArena(stack, users, planted, before)
        isolation = await _isolation(arena)
        # The first is the zygote's.
        assert isolation["uid"] == (60_932 if os.geteuid() == 0 else os.geteuid())
        arena.has_cgroups = isolation["cgroup"] != "none"
        arena.before = await steady(executor, CELLS)
        yield arena
        assert stack.services["executor"].restarts == 0


async def _isolation(arena: StackArena) -> dict[str, object]:
    """What the executor says of its walls."""
    job_id = await arena.submit("alice", Submission("python", "print(42)"))
    await arena.users["alice"].until_terminal(job_id)
    found: dict[str, object] = (await arena.users["alice"].client.history(job_id))[1].data["isolation"]
    return found


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def checker(arena: StackArena) -> AsyncIterator[Checker]:
    """Judges attacks in the stack."""
    async with checker_of(arena) as judging:
        yield judging


@pytest_asyncio.fixture(autouse=True, loop_scope="package")
async def beside(request: pytest.FixtureRequest, checker: Checker) -> AsyncIterator[None]:
    """Every test of the stack has a neighbour that comes to no harm and is as fast as ever."""
    marker = request.node.get_closest_marker("asyncio")
    if marker is None or marker.kwargs.get("loop_scope") != "package":
        yield
        return
    async with checker.neighbour.watched() as faults:
        yield
    assert faults == []


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def http(arena: StackArena) -> AsyncIterator[httpx.AsyncClient]:
    """The attacker's own client, for what the client library would not send."""
    headers = {"Authorization": f"Bearer {arena.users['mallory'].token}"}
    async with http_client(base_url=arena.stack.address.api_url, headers=headers) as client:
        yield client
