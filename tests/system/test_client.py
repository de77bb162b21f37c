"""The client against a running stack, over connections that are cut, with and without an event loop."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from headrace import (
    AsyncClient,
    Client,
    EventObject,
    JobRecord,
    NotFinishedError,
    ProblemAnswerError,
    UnreachableError,
    kept_bytes,
    output_bytes,
)
from headrace.local.stack import tokens_of
from headrace.local.supervisor import Stack
from tests.cutting import Cutting, cutting
from tests.system.conftest import User, user_of

HELLO = {"language": "bash", "code": "echo hello"}
ENDLESS = {"language": "bash", "code": "echo begun; sleep 600", "limits": {"wall_ms": 60_000}}
TALKATIVE = {
    "language": "python",
    "code": (
        "import sys, time\n"
        "for number in range(40):\n"
        "    print(number, 'ü' * 50, flush=True, file=(sys.stdout, sys.stderr)[number % 2])\n"
        "    time.sleep(0.02)\n"
    ),
}
CUTS = 40


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


@asynccontextmanager
async def cut_client(user: User, url: str) -> AsyncIterator[tuple[AsyncClient, Cutting]]:
    """A client that reaches one of the two addresses through a relay."""
    address = user.stack.address
    async with cutting(port_of(url)) as relay:

        def relayed(there: str) -> str:
            return there.replace(f":{port_of(url)}", f":{relay.port}")

        async with AsyncClient(
            relayed(address.api_url), user.token, websocket_url=relayed(address.websocket_url)
        ) as client:
            yield client, relay


def told(events: list[EventObject]) -> list[tuple[object, ...]]:
    """All of each event but its cursor, which differs between log and socket."""
    return [(event.seq, event.type, event.time, event.stored_at, event.data) for event in events]


def printed(events: list[EventObject], stream: str) -> bytes:
    pieces = [event for event in events if event.type == "job.output.v1" and event.data["stream"] == stream]
    return b"".join(output_bytes(piece) for piece in pieces)


def but_output(events: list[EventObject]) -> list[EventObject]:
    """Pieces of output that waited one behind the other may come as one: only their bytes can be compared."""
    return [event for event in events if event.type != "job.output.v1"]


class TestBrokenConnections:
    """What is shown over connections that break is what is shown over one that does not."""

    @pytest.mark.full
    async def test_a_stream_is_whole_wherever_it_is_cut(self, alice: User) -> None:
        job = await alice.client.run(TALKATIVE)
        async with cut_client(alice, alice.stack.address.websocket_url) as (client, relay):
            whole = [event async for event in client.stream(job.job_id)]
            history = await alice.client.history(job.job_id)
            assert told([event for event in whole if event.seq is not None]) == told(history)
            length, relay.relayed = relay.relayed, 0
            assert length > 10_000
            for number in range(CUTS):
                # Once on the way to its end, and once more in what is left.
                relay.cut([1 + number * length // CUTS, 1 + length // 3])
                again = [event async for event in client.stream(job.job_id)]
                assert told(but_output(again)) == told(but_output(whole))
                assert printed(again, "stdout") == printed(whole, "stdout")
                assert printed(again, "stderr") == printed(whole, "stderr")
            assert relay.connections > 2 * CUTS
            assert relay.relayed > CUTS * length

    async def test_a_stream_that_is_cut_again_and_again_while_the_program_runs(self, alice: User) -> None:
        async with cut_client(alice, alice.stack.address.websocket_url) as (client, relay):
            job = await alice.client.submit(TALKATIVE)
            relay.cut([2_000] * 8)
            live = [event async for event in client.stream(job.job_id)]
            assert relay.connections > 4
        afterwards = [event async for event in alice.client.stream(job.job_id)]
        assert told(but_output(live)) == told(but_output(afterwards))
        finished = await alice.client.get(job.job_id)
        assert finished.result is not None
        assert printed(live, "stdout") == kept_bytes(finished.result.stdout)
        assert printed(live, "stderr") == kept_bytes(finished.result.stderr)

    async def test_a_replay_is_whole_wherever_it_is_cut(self, shared_stack: Stack) -> None:
        async with user_of(shared_stack) as user:
            for _ in range(10):
                await user.client.run(HELLO)
            whole = [event async for event in user.client.replay()]
            assert len(whole) == 30
            async with cut_client(user, shared_stack.address.api_url) as (client, relay):
                assert [event async for event in client.replay()] == whole
                length = relay.relayed
                for number in range(10):
                    relay.cut([length // 2 + number * length // 20])
                    async with AsyncClient(
                        f"http://127.0.0.1:{relay.port}", user.token, websocket_url="ws://unused"
                    ) as again:
                        assert [event async for event in again.replay()] == whole
                    assert relay.cuts_left == 0

    async def test_a_submission_whose_answer_is_cut_off_makes_one_job(self, shared_stack: Stack) -> None:
        async with (
            user_of(shared_stack) as user,
            cut_client(user, shared_stack.address.api_url) as (client, relay),
        ):
            relay.cut([1, 20, 300])
            job = await client.submit(HELLO)
            assert relay.connections == 4
            assert [each.job_id for each in (await user.client.jobs()).jobs] in ([], [job.job_id])
            await user.client.result(job.job_id)
            queued = [event async for event in user.client.replay(kind="queued")]
            assert [event.job_id for event in queued] == [job.job_id]

    async def test_an_artifact_that_is_cut_off_is_said_to_be(self, alice: User) -> None:
        job = await alice.client.run(
            {"language": "bash", "code": "head -c 2000000 /dev/zero > large", "artifacts": ["large"]}
        )
        async with cut_client(alice, alice.stack.address.api_url) as (client, relay):
            relay.cut([500_000])
            with pytest.raises(UnreachableError):
                _ = [piece async for piece in client.artifact(job.job_id, "large")]
            assert sum([len(piece) async for piece in client.artifact(job.job_id, "large")]) == 2_000_000


class TestCalls:
    """What the client offers beyond one call of HTTP."""

    async def test_run_returns_the_finished_job(self, alice: User) -> None:
        job = await alice.client.run(HELLO)
        assert (job.status, job.language) == ("completed", "bash")
        assert job.result is not None
        assert kept_bytes(job.result.stdout) == b"hello\n"

    async def test_a_key_that_was_used_gives_the_job_that_it_made(self, alice: User) -> None:
        first = await alice.client.run(HELLO, key="once")
        again = await alice.client.run(HELLO, key="once")
        assert again == first
        assert await alice.client.result(first.job_id) == first

    async def test_many_at_once_are_answered_one_by_one(self, alice: User) -> None:
        submissions = [HELLO, {"language": "cobol", "code": "x"}, HELLO]
        first, refused, second = await alice.client.submit_all(submissions, key="many")
        assert first.job is not None
        assert second.job is not None
        assert (first.status, first.replayed, second.status) == (202, False, 202)
        assert refused.job is None
        assert refused.problem is not None
        assert refused.problem["type"] == "urn:headrace:problem:unknown-language"
        again = await alice.client.submit_all(submissions, key="many")
        assert [item.job and item.job.job_id for item in again] == [
            first.job.job_id,
            None,
            second.job.job_id,
        ]
        assert [item.replayed for item in again] == [True, False, True]

    async def test_a_job_as_it_stood(self, alice: User) -> None:
        job = await alice.client.run(HELLO)
        queued, running, ended = await alice.client.history(job.job_id)
        assert (await alice.client.get(job.job_id, as_of=queued.seq)).status == "queued"
        assert (await alice.client.get(job.job_id, as_of=running.stored_at)).status == "running"
        assert await alice.client.get(job.job_id, as_of=ended.seq) == job
        with pytest.raises(ProblemAnswerError) as refused:
            await alice.client.get(job.job_id, as_of=0)
        assert refused.value.status == 404

    async def test_what_does_not_end_in_time_goes_on(self, alice: User) -> None:
        with pytest.raises(NotFinishedError) as late:
            await alice.client.run(ENDLESS, timeout_s=0.5)
        job_id = late.value.job_id
        with pytest.raises(NotFinishedError):
            await alice.client.result(job_id, timeout_s=0.1)
        assert not (await alice.client.get(job_id)).is_finished
        await alice.client.cancel(job_id)
        assert (await alice.client.result(job_id)).status == "cancelled"
        assert (await alice.client.cancel(job_id)).status == "cancelled"

    async def test_what_has_ended_otherwise_cannot_be_cancelled(self, alice: User) -> None:
        job = await alice.client.run(HELLO)
        with pytest.raises(ProblemAnswerError) as refused:
            await alice.client.cancel(job.job_id)
        assert refused.value.status == 409

    async def test_every_job_of_every_page(self, shared_stack: Stack) -> None:
        async with user_of(shared_stack) as user:
            made = [(await user.client.run(HELLO)).job_id for _ in range(5)]
            listed: list[str] = []
            async with asyncio.timeout(20):
                while len(listed) < len(made):  # the view is a moment behind the log
                    listed = [job.job_id async for job in user.client.every_job(limit=2)]
            assert listed == list(reversed(made))
            assert [job async for job in user.client.every_job(status="failed")] == []

    async def test_a_stream_may_end_where_nothing_more_has_happened(self, alice: User) -> None:
        job = await alice.client.submit(ENDLESS)
        await alice.until(job.job_id, "output")
        so_far = [event async for event in alice.client.follow(job.job_id, until_now=True)]
        assert printed(so_far, "stdout") == b"begun\n"
        assert not (await alice.client.get(job.job_id)).is_finished
        later = [
            event async for event in alice.client.follow(job.job_id, after=so_far[-1].cursor, until_now=True)
        ]
        assert later == []
        await alice.client.cancel(job.job_id)

    async def test_a_token_that_expired_is_asked_for_again(self, shared_stack: Stack) -> None:
        tokens = tokens_of(shared_stack.directory)
        hour = timedelta(hours=1)
        issued = [datetime.now(UTC) - 2 * hour, datetime.now(UTC)]
        asked: list[datetime] = []

        def token() -> str:
            asked.append(issued[min(len(asked), 1)])
            return tokens.issue("renewed", lifetime=hour, now=asked[-1])

        address = shared_stack.address
        async with AsyncClient(address.api_url, token, websocket_url=address.websocket_url) as client:
            job = await client.run(HELLO)
            assert job.user_id == "renewed"
            assert asked == issued
        expired = tokens.issue("renewed", lifetime=hour, now=issued[0])
        async with AsyncClient(address.api_url, expired, websocket_url=address.websocket_url) as client:
            with pytest.raises(ProblemAnswerError) as refused:
                await client.get(job.job_id)
            assert refused.value.status == 401


class TestWithoutAnEventLoop:
    """`Client` does the same from any thread."""

    async def test_from_a_thread(self, alice: User) -> None:
        address = alice.stack.address

        def work() -> JobRecord:
            with Client(address.api_url, alice.token, websocket_url=address.websocket_url) as client:
                job = client.submit(TALKATIVE)
                events = list(client.stream(job.job_id))
                finished = client.result(job.job_id)
                assert finished.result is not None
                assert printed(events, "stdout") == kept_bytes(finished.result.stdout)
                shown = [event for event in events if event.seq is not None]
                assert told(shown) == told(client.history(job.job_id))
                assert client.get(job.job_id, as_of=shown[0].seq).status == "queued"
                assert [item.status for item in client.submit_all([HELLO])] == [202]
                assert job.job_id in [each.job_id for each in client.every_job(limit=100)]
                assert job.job_id in {event.job_id for event in client.replay(kind="completed")}
                assert "bash" in {language.name for language in client.languages()}
                return finished

        jobs = await asyncio.gather(*(asyncio.to_thread(work) for _ in range(2)))
        assert len({job.job_id for job in jobs}) == 2

    async def test_threads_may_share_one(self, alice: User) -> None:
        address = alice.stack.address
        with Client(address.api_url, alice.token, websocket_url=address.websocket_url) as client:
            jobs = await asyncio.gather(*(asyncio.to_thread(client.run, HELLO) for _ in range(4)))
        assert [job.status for job in jobs] == ["completed"] * 4

    async def test_a_follower_that_is_left_gives_its_connection_back(self, alice: User) -> None:
        def work() -> str:
            address = alice.stack.address
            with Client(address.api_url, alice.token, websocket_url=address.websocket_url) as client:
                job = client.submit(ENDLESS)
                for event in client.follow():
                    if event.job_id == job.job_id and event.type == "job.output.v1":
                        break
                return client.cancel(job.job_id).job_id

        job_id = await asyncio.to_thread(work)
        assert (await alice.client.result(job_id)).status == "cancelled"

    async def test_ctrl_c_ends_what_is_under_way_and_nothing_else(
        self, alice: User, shared_stack: Stack
    ) -> None:
        script = (
            "from headrace import Client\n"
            "with Client() as client:\n"
            "    limits = {'wall_ms': 60_000}\n"
            "    endless = {'language': 'bash', 'code': 'echo begun; sleep 600', 'limits': limits}\n"
            "    job = client.submit(endless)\n"
            "    try:\n"
            "        for event in client.stream(job.job_id):\n"
            "            print(event.type, flush=True)\n"
            "    except KeyboardInterrupt:\n"
            "        client.cancel(job.job_id)\n"
            "    print(client.result(job.job_id).status, flush=True)\n"
            "    client.follow(after='now').__next__()\n"
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            script,
            stdout=PIPE,
            stderr=PIPE,
            env={**os.environ, "HEADRACE_DATA": str(shared_stack.directory)},
        )
        assert process.stdout is not None
        assert process.stderr is not None
        while await process.stdout.readline() != b"job.output.v1\n":
            pass
        process.send_signal(signal.SIGINT)
        while (line := await process.stdout.readline()) != b"cancelled\n":
            assert line
        process.send_signal(signal.SIGINT)
        said = await process.stderr.read()
        assert said.endswith(b"\nKeyboardInterrupt\n")
        assert said.count(b"Traceback") == 1
        assert await process.wait() == -signal.SIGINT

    async def test_errors_are_the_same(self, alice: User) -> None:
        def work() -> None:
            address = alice.stack.address
            with Client(address.api_url, alice.token, websocket_url=address.websocket_url) as client:
                with pytest.raises(ProblemAnswerError):
                    client.get("no-such-job")
                with pytest.raises(ProblemAnswerError):
                    list(client.stream("no-such-job"))
                with pytest.raises(NotFinishedError) as late:
                    client.run(ENDLESS, timeout_s=0.3)
                client.cancel(late.value.job_id)

        await asyncio.to_thread(work)

    async def test_in_a_script_beside_a_local_stack(self, shared_stack: Stack, tmp_path: Path) -> None:
        script = (
            "from headrace import Client, kept_bytes\n"
            "with Client() as client:\n"
            "    job = client.run({'language': 'bash', 'code': 'echo from a script'})\n"
            "    print(job.user_id, job.status, kept_bytes(job.result.stdout))\n"
        )
        environment = {**os.environ, "HEADRACE_DATA": str(shared_stack.directory)}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stdout=PIPE, stderr=PIPE, env=environment, cwd=tmp_path
        )
        stdout, stderr = await process.communicate()
        assert (stdout, stderr) == (b"local completed b'from a script\\n'\n", b"")
