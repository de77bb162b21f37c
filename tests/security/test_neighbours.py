"""Two programs at once or one after another, of two users or of one: neither learns a thing of the other."""

import contextlib
import json
import secrets
import select
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.security.checker import Checker, attacked
from tests.security.conftest import StackArena
from tests.security.footprint import resident_bytes
from tests.security.submission import ATTEMPTED, Submission, source_of

pytestmark = pytest.mark.asyncio(loop_scope="package")

WAYS = (
    *("shared_segment", "semaphore", "message_queue", "posix_queue", "posix_memory", "keyring", "terminal"),
    *(
        "abstract_socket",
        "vsock",
        "file_lock",
        "record_lock",
        "lease",
        "table_of_locks",
        "file_watch",
        "file_position",
    ),
)


@asynccontextmanager
async def begun(arena: StackArena, user: str, submission: Submission) -> AsyncIterator[str]:
    """A program that has said that it is under way, and waits; stopped with the context."""
    job_id = await arena.submit(user, submission)
    client = arena.users[user].client
    said = ""
    async for event in client.follow(job_id):
        said += event.data.get("content", "")
        if ATTEMPTED in said:
            break
    assert ATTEMPTED in said
    yield job_id
    await client.cancel(job_id)
    outcome = await arena.outcome(user, job_id)
    assert attacked(outcome) == []
    assert outcome.ending == "cancelled", "it ended before the other was done"


@pytest.mark.parametrize("way", WAYS)
async def test_what_one_run_sends_no_other_receives(arena: StackArena, checker: Checker, way: str) -> None:
    source, resident = source_of("22_side_channels.py"), resident_bytes(arena.executor)
    async with begun(arena, "malory", Submission("python", source, ("send", way))):
        outcome = await arena.run("mallory", Submission("python", source, ("receive", way)))
    assert attacked(outcome) == []
    assert outcome.ending == "completed"
    assert await checker.left_behind(outcome, resident) == []


async def test_a_loopback_is_one_runs_own(arena: StackArena, checker: Checker) -> None:
    source, resident = source_of("18_loopback.py"), resident_bytes(arena.executor)
    async with begun(arena, "malory", Submission("python", source, ("listen",))):
        outcome = await arena.run("mallory", Submission("python", source, ("look",)))
    assert attacked(outcome) == []
    assert outcome.stdout == b"nobody else\nattempted\n"
    assert await checker.left_behind(outcome, resident) == []


@pytest.mark.parametrize("other", ["mallory", "alice"])
async def test_nothing_lasts_from_one_run_to_the_next(
    arena: StackArena, checker: Checker, other: str
) -> None:
    token, source = f"token-{secrets.token_hex(8)}", source_of("21_persistence.py")
    left, faults = await checker.run_beside_others(Submission("python", source, ("leave", token)))
    assert faults + attacked(left) == []
    assert left.ending == "completed"
    assert "left 0" not in left.said, "nothing was left, so nothing could be found"
    looked = await arena.run(other, Submission("python", source, ("look", token)))
    assert attacked(looked) == []
    assert looked.ending == "completed"
    roots = (
        "tmp",
        "var/tmp",
        "dev/shm",
        "run",
        "run/lock",
        "work",
        "usr/local/lib",
        "",
        str(Path.home())[1:],
    )
    assert not [root for root in roots if (Path("/") / root / token).exists()]


def outward_address() -> str | None:
    """This host's own address on a network, if it is on one. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        try:
            end.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address: str = end.getsockname()[0]
        return address


class Listener:
    """Listens on one port of this host, however it may be reached, and on an abstract socket beside it."""

    def __init__(self) -> None:
        """Take any free port."""
        self._tcp = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port: int = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("", self.port))
        self._abstract = socket.socket(socket.AF_UNIX)
        self._abstract.bind(f"\0headrace-canary-{self.port}")
        self._abstract.listen()
        self._all = (self._tcp, self._udp, self._abstract)

    def heard(self) -> list[str]:
        """Who has something for us."""
        readable, _, _ = select.select(self._all, (), (), 0)
        return [str(each) for each in readable]

    def close(self) -> None:
        """Listen no more."""
        for each in self._all:
            each.close()


def connections_of(arena: StackArena) -> int:
    """How many have ever connected to the server of the log, by its own count in its greeting."""
    with socket.create_connection(("127.0.0.1", arena.stack.nats.port)) as end:
        greeting = end.makefile("rb").readline()
    client_id: int = json.loads(greeting.removeprefix(b"INFO "))["client_id"]
    return client_id


async def test_there_is_no_way_to_any_network(arena: StackArena, checker: Checker) -> None:
    with contextlib.closing(Listener()) as listener:
        reaching = (outward_address(), "0.0.0.0")
        addresses = tuple(address for address in reaching if address)
        source, before = source_of("17_network.py"), connections_of(arena)
        for port in (listener.port, arena.stack.nats.port):
            submission = Submission("python", source, (str(port), *addresses))
            outcome, faults = await checker.run_beside_others(submission)
            assert faults + attacked(outcome) == []
            assert outcome.ending == "completed"
            assert "tried" in outcome.said
        assert listener.heard() == []
        assert connections_of(arena) == before + 1
        # That it would have heard: the same from here.
        socket.create_connection(("127.0.0.1", listener.port)).close()
        assert len(listener.heard()) == 1
