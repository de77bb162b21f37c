"""No list, batch, page, replay or queue grows with what its items hold: measured on the processes themselves.

Each service reads, stores and shows the largest legal jobs of every kind of text. Its peak is compared with
what it held before in the same run, and may be larger by what docs/bounds/memory.md allows it, which is much
less than the jobs take together.
"""

import asyncio
import contextlib
import socket
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import pytest_asyncio

from headrace.local.supervisor import Stack, StackOptions, run_stack
from services.projector.rebuild import GATHERED_BYTES_MAX
from services.projector.view import PIECE_BYTES_MAX
from shared.contract.view_api import PAGE_MAX
from shared.jetstream.pull_window import BYTES_MAX
from tests.http_client import http_client
from tests.integration.projector.asking import publish, reached
from tests.system.conftest import broker_of, user_of
from tests.system.largest import JOBS, TEXTS, ended, forget_peak, resident_bytes, stories, submitted

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.full]

MIB = 1024 * 1024
PATIENCE_S = 240
EVENT_BYTES_MAX = 5 * MIB
"""The largest event there can be: two streams and the names of files, each byte written as six."""
DECODED = 4
"""A byte of stored text may take four when it is decoded, and its copies are made of that."""
ALLOCATOR_BYTES = 16 * MIB
"""What the allocator keeps for itself of what was freed."""

FOLLOWER_BYTES = 3 * BYTES_MAX + 2 * EVENT_BYTES_MAX
"""Two pulls under way and a batch in hand, with one event more in each."""
PAGES_BYTES = 32 * MIB
"""The page cache of one connection to the view."""
STORING_BYTES = DECODED * PIECE_BYTES_MAX + 2 * EVENT_BYTES_MAX + PAGES_BYTES
"""One piece decoded, the largest event decoded and written again, and the pages that are written."""
SHOWN_BYTES = 5 * EVENT_BYTES_MAX
"""A job or an event on its way through a process: read, decoded, encoded, and twice in buffers of sockets."""

ANSWERS_BYTES = 32 * MIB
"""What one user's answers may hold until they have left: `user_answers_bytes_max` of the api."""

STORED_BYTES = FOLLOWER_BYTES + STORING_BYTES + ALLOCATOR_BYTES
"""What a projector needs that is asked nothing."""
KILLED_BYTES = 512 * MIB
"""Of the largest jobs, a projector that had so much was killed by them."""

BOUNDS = {
    "projector": STORED_BYTES + PAGES_BYTES + SHOWN_BYTES,
    "api": FOLLOWER_BYTES + 2 * SHOWN_BYTES + ALLOCATOR_BYTES,
    "notifier": 2 * FOLLOWER_BYTES + 2 * SHOWN_BYTES + ALLOCATOR_BYTES,
    "executor": 2 * FOLLOWER_BYTES + SHOWN_BYTES + ALLOCATOR_BYTES,
}


@dataclass
class Measured:
    """A running stack and what its services held when it was idle."""

    stack: Stack
    idle_bytes: Mapping[str, int]
    grown_bytes: dict[str, int] = field(default_factory=dict)

    def pid(self, service: str) -> int:
        return self.stack.services[service].process.pid

    @contextmanager
    def bounded(self, **others: int) -> Iterator[None]:
        """No service passes its bound meanwhile; `others` are of services that do something special."""
        pids = {service: self.pid(service) for service in BOUNDS}
        for pid in pids.values():
            forget_peak(pid)
        yield
        assert pids == {service: self.pid(service) for service in BOUNDS}, "a service was killed"
        self.grown_bytes = {
            service: resident_bytes(pid, "VmHWM") - self.idle_bytes[service] for service, pid in pids.items()
        }
        bounds = {**BOUNDS, **others}
        too_much = {name: grown for name, grown in self.grown_bytes.items() if grown > bounds[name]}
        assert not too_much, {name: grown // MIB for name, grown in self.grown_bytes.items()}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def measured(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Measured]:
    """A stack that has just followed all of it, and was measured meanwhile."""
    directory = tmp_path_factory.mktemp("memory") / "data"
    async with run_stack(directory, StackOptions(sync="fast")) as stack:
        pids = {service: stack.services[service].process.pid for service in BOUNDS}
        measured = Measured(stack, {service: resident_bytes(pid) for service, pid in pids.items()})
        async with asyncio.timeout(PATIENCE_S), broker_of(stack) as broker:
            with measured.bounded(projector=STORED_BYTES):
                last = await publish(broker, *stories())
                await reached(broker, last)
        yield measured


@pytest_asyncio.fixture(loop_scope="module", params=TEXTS)
async def user(measured: Measured, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """Bare HTTP in the name of the user whose jobs are all of one kind of text."""
    kind = request.param
    async with user_of(measured.stack, kind) as user:
        headers = {"Authorization": f"Bearer {user.token}"}
        async with http_client(
            base_url=measured.stack.address.api_url, headers=headers, timeout=60, params={}
        ) as client:
            client.headers["X-Kind"] = kind
            yield client


async def test_a_list_of_jobs(measured: Measured, user: httpx.AsyncClient) -> None:
    with measured.bounded():
        for limit in (9, 20, PAGE_MAX):
            page = (await user.get("/v1/jobs", params={"limit": limit})).raise_for_status()
            jobs = page.json()["jobs"]
            assert len(jobs) == min(limit, JOBS)
            assert not {"args", "files", "result"} & jobs[0].keys()
            assert len(page.content) < MIB


async def test_the_largest_job_whole(measured: Measured, user: httpx.AsyncClient) -> None:
    kind = user.headers["X-Kind"]
    wanted = submitted(kind, 1 + list(TEXTS).index(kind) * JOBS)
    with measured.bounded():
        for _ in range(3):
            job = (await user.get(f"/v1/jobs/{wanted.job_id}")).raise_for_status().json()
            assert job["args"] == list(wanted.args)
            result = ended(wanted).result
            assert job["result"]["stdout"]["content"] == result.stdout.content
            assert len(job["result"]["artifacts"]) == len(result.artifacts)
            told = (await user.get(f"/v1/jobs/{wanted.job_id}/events")).raise_for_status().json()
            assert [event["type"].split(".")[1] for event in told["events"]] == [
                "queued",
                "running",
                "completed",
            ]


async def test_answers_that_are_not_read_are_bounded(measured: Measured) -> None:
    """Each client asks for the largest job, and reads no more than how it is answered."""
    kind, other = list(TEXTS)[:2]
    address = httpx.URL(measured.stack.address.api_url)
    wanted = submitted(kind, 1)
    request = f"GET /v1/jobs/{wanted.job_id} HTTP/1.1\r\nHost: {address.host}\r\nAuthorization: Bearer "
    async with user_of(measured.stack, kind) as user, user_of(measured.stack, other) as neighbour:
        sent = f"{request}{user.token}\r\n\r\n".encode()
        headers = {"Authorization": f"Bearer {user.token}"}
        async with http_client(base_url=address, headers=headers, timeout=60) as http:
            size = len((await http.get(f"/v1/jobs/{wanted.job_id}")).raise_for_status().content)
        with measured.bounded(api=BOUNDS["api"] + ANSWERS_BYTES), contextlib.ExitStack() as opened:
            ends = [
                opened.enter_context(socket.create_connection((address.host, address.port)))
                for _ in range(60)
            ]
            for end in ends:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                end.sendall(sent)
                end.setblocking(False)
            loop = asyncio.get_running_loop()
            heads = await asyncio.gather(*(loop.sock_recv(end, 12) for end in ends))
            job = await neighbour.client.get(submitted(other, 1 + JOBS).job_id)
            assert job.status == "completed"
        assert {head.split()[1] for head in heads} == {b"200", b"429"}
        assert sum(head.split()[1] == b"200" for head in heads) <= ANSWERS_BYTES // size + 4
        # What was not read has been given up with its connection.
        assert (await user.client.get(wanted.job_id)).status == "completed"


async def test_the_audit(measured: Measured, user: httpx.AsyncClient) -> None:
    with measured.bounded():
        async with user.stream("GET", "/v1/events") as answer:
            lines = [len(line) async for line in answer.aiter_lines()]
    assert len(lines) == 3 * JOBS


async def test_a_subscription_from_the_start(measured: Measured, user: httpx.AsyncClient) -> None:
    async with user_of(measured.stack, user.headers["X-Kind"]) as watcher:
        with measured.bounded():
            async with asyncio.timeout(PATIENCE_S):
                shown = [event.type async for event in watcher.client.follow(until_now=True)]
    assert len(shown) == 3 * JOBS


async def test_a_batch_that_was_submitted_before_is_answered_without_what_it_printed(
    measured: Measured,
) -> None:
    """Each of these jobs prints 3 MB as JSON writes it."""
    code = "import sys; [one.write(chr(1) * 262144) for one in (sys.stdout, sys.stderr)]"
    batch = [{"language": "python", "code": code} for _ in range(30)]
    async with user_of(measured.stack, "batch") as user:
        first = await user.client.submit_all(batch, key="again")
        for item in first:
            assert item.job is not None
            await user.client.result(item.job.job_id)
        with measured.bounded():
            again = await user.client.submit_all(batch, key="again")
        assert [(item.replayed, item.job and item.job.status) for item in again] == [(True, "completed")] * 30


async def test_revisions_of_a_session_come_in_pages(measured: Measured) -> None:
    async with user_of(measured.stack, "writer") as user:
        headers = {"Authorization": f"Bearer {user.token}"}
        async with http_client(base_url=measured.stack.address.api_url, headers=headers, timeout=60) as http:
            document = {"language": "python", "code": "#" * 1_000_000}
            session = (await http.post("/v1/sessions", json=document)).raise_for_status().json()
            path = f"/v1/sessions/{session['session_id']}"
            for _ in range(9):
                (await http.put(path, json=document)).raise_for_status()
            pages, url = [], f"{path}/history"
            with measured.bounded():
                while url:
                    answer = (await http.get(url)).raise_for_status()
                    pages.append([one["revision"] for one in answer.json()["revisions"]])
                    url = answer.links.get("next", {}).get("url", "")
    assert [len(page) for page in pages] == [2] * 5
    assert len({revision for page in pages for revision in page}) == 10


async def test_a_view_made_anew(measured: Measured) -> None:
    """By a process of its own, which ends when it is done: its peak is looked at all the while."""
    environment = measured.stack.environment_of("projector")
    environment["HEADRACE_VIEW_PATH"] = str(measured.stack.directory / "other.sqlite")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.projector", "rebuild"),
        stdin=DEVNULL,
        stderr=DEVNULL,
        env=environment,
    )
    peaks = [0]
    ending = asyncio.create_task(process.wait())
    async with asyncio.timeout(PATIENCE_S):
        while not ending.done():
            # A process that has just ended has no memory to tell of.
            with contextlib.suppress(StopIteration, FileNotFoundError):
                peaks.append(resident_bytes(process.pid, "VmHWM"))
            await asyncio.wait({ending}, timeout=0.01)
    assert process.returncode == 0
    bound = measured.idle_bytes["projector"] + STORED_BYTES + GATHERED_BYTES_MAX
    assert max(peaks) < bound, f"{max(peaks) // MIB} of {bound // MIB} MiB"


async def test_what_is_allowed_is_far_below_what_was_too_much() -> None:
    """Each bound above is made of the program's own, which must not grow unnoticed."""
    assert max(BOUNDS.values()) + GATHERED_BYTES_MAX < KILLED_BYTES // 3
