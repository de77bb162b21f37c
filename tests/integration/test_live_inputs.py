"""Programs that read while they run, from the input's stream to the terminal event."""

import asyncio
import hashlib
import statistics
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from msgspec import UNSET, UnsetType

from headrace.local.nats_server import NatsServer
from services.executor.languages.catalogue import Offered, load_languages
from services.executor.sandbox.interface import Sandbox
from services.executor.sandbox.warm.sandbox import open_sandbox
from shared.contract.subjects import EXECUTOR_DURABLE, JOBS
from shared.domain.events import (
    JobCancelled,
    JobCompleted,
    JobInput,
    JobRunning,
    JobSignalled,
    JobTimeout,
)
from shared.domain.interaction import TerminalSize
from shared.domain.job_input import InputEnd
from shared.jetstream.cancel import Cancellations
from shared.jetstream.connection import Broker
from shared.jetstream.errors import UnreachableError
from shared.jetstream.input_log import purge_input
from shared.settings import BrokerSettings
from tests import builders
from tests.integration.live_executor import ECHO, SUMS, Talk, executing, received, shown, talking

SESSIONS = 20
BATCH = 15
CROWD = 200
SECRET_DIGEST = hashlib.sha256(b"tops3cret").hexdigest()[:8]


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with open_sandbox() as opened:
        yield opened


@pytest.fixture
def languages() -> dict[str, Offered]:
    return {"python": Offered(load_languages()["python"], "3")}


@pytest_asyncio.fixture
async def talk(broker: Broker) -> AsyncIterator[Talk]:
    async with talking(broker) as opened:
        yield opened


async def open_deliveries(broker: Broker) -> int:
    info = await broker.api(f"CONSUMER.INFO.{JOBS}.{EXECUTOR_DURABLE}")
    return int(info["num_ack_pending"]) + int(info["num_pending"])


@pytest.fixture
async def executor(
    broker_settings: BrokerSettings, broker: Broker, sandbox: Sandbox, languages: dict[str, Offered]
) -> AsyncIterator[None]:
    async with executing(broker_settings, sandbox, languages):
        yield


async def test_a_program_answers_what_it_is_told(talk: Talk, executor: None, broker: Broker) -> None:
    session = await talk.begin(SUMS.replace("total = 0", "print('hello', flush=True)\ntotal = 0"))
    await session.until_printed("hello\n")
    await session.say("4\n")
    await session.until_printed("4\n")
    await session.say("38")
    await session.say("\n")
    await session.until_printed("42\n")
    await session.say("stop\n", end=True)
    ended = await session.until_ended()
    assert ended.result is not None
    assert ended.result.stdout.content == "hello\n4\n42\n"
    assert "ValueError" in ended.result.stderr.content
    given = received(ended)
    assert (given.total_bytes, given.content, given.ended, given.truncated) == (
        10,
        "4\n38\nstop\n",
        True,
        False,
    )
    assert [(piece.offset, piece.length) for piece in given.pieces] == [(0, 2), (2, 2), (4, 1), (5, 5)]
    times = [piece.at_ms for piece in given.pieces]
    assert times == sorted(times)
    assert times[-1] <= ended.result.wall_ms + 100
    assert shown(session.notes)[:5] == ["out hello\n", "in 4\n", "out 4\n", "in 38", "in \n"]
    assert [note.attempt for note in session.notes if isinstance(note, JobInput)] == [1, 1, 1, 1]
    await session.until_purged()


async def test_the_feed_ends_before_the_terminal_event(talk: Talk, executor: None) -> None:
    session = await talk.begin("print(input(), end='', flush=True)")
    await session.say("abc\n")
    ended = await session.until_ended()
    assert ended.unsent_notes == ()
    assert session.printed() == "abc"
    assert ended.feed_sequence > 0


async def test_a_terminal_echoes_and_has_a_size(talk: Talk, executor: None) -> None:
    code = (
        "import os, signal, sys\n"
        "def show(*_):\n    print('size', *os.get_terminal_size(), flush=True)\n"
        "signal.signal(signal.SIGWINCH, show)\n"
        "show()\n"
        "print('is', sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty(), flush=True)\n"
        "while True:\n"
        "    try:\n        print('got', input('? '), flush=True)\n"
        "    except KeyboardInterrupt:\n        print('interrupted', flush=True)\n"
        "    except EOFError:\n        print('end', flush=True)\n        break\n"
    )
    session = await talk.begin(code, terminal=(90, 20))
    await session.until_printed("is True True True\r\n? ")
    assert "size 90 20\r\n" in session.printed()
    size = TerminalSize(columns=100, rows=30)
    user = session.queued.user_id
    assert isinstance(await talk.inputs.resize(user, session.job, size, talk.context()), InputEnd)
    await session.until_printed("size 100 30\r\n")
    await session.say("word\n")
    await session.until_printed("word\r\ngot word\r\n")
    assert isinstance(await talk.inputs.signal(user, session.job, "SIGINT", talk.context()), InputEnd)
    await session.until_printed("interrupted")
    await session.say("\x03")
    await session.until_printed("interrupted\r\n? ^C")
    await session.say(end=True)
    ended = await session.until_ended()
    assert isinstance(ended, JobCompleted)
    assert ended.result is not None
    assert ended.result.stdout.content.endswith("end\r\n")
    assert ended.result.stderr.content == ""
    assert received(ended).ended


async def test_input_may_come_before_the_program(
    talk: Talk, broker_settings: BrokerSettings, sandbox: Sandbox, languages: dict[str, Offered]
) -> None:
    session = await talk.begin(SUMS)
    await session.say("1\n")
    await session.say("2\n")
    async with executing(broker_settings, sandbox, languages):
        await session.until_printed("1\n3\n")
        await session.say("3\n", end=True)
        ended = await session.until_ended()
    assert received(ended).content == "1\n2\n3\n"
    assert shown(session.notes)[:2] == ["in 1\n", "in 2\n"]


async def test_much_input_at_once_reaches_it_whole(talk: Talk, executor: None) -> None:
    session = await talk.begin(
        "import hashlib, sys\n"
        "print('ready', flush=True)\n"
        "data = sys.stdin.buffer.read()\nprint(len(data), hashlib.sha256(data).hexdigest())"
    )
    await session.until_printed("ready\n")
    for number in range(16):
        await session.say(b"%d" % (number % 10) * 60_000)
    await session.say(end=True)
    ended = await session.until_ended()
    assert ended.result is not None
    given = received(ended)
    assert ended.result.stdout.content == f"ready\n960000 {given.sha256}\n"
    assert (given.total_bytes, len(given.content), given.truncated) == (960_000, 65_536, True)


@pytest.mark.parametrize("terminal", [None, (80, 24)])
async def test_secrets_are_kept_nowhere(talk: Talk, executor: None, terminal: tuple[int, int] | None) -> None:
    session = await talk.begin(
        "import hashlib\n"
        "print('password?', flush=True)\nsecret = input()\n"
        "print(hashlib.sha256(secret.encode()).hexdigest()[:8], input())",
        terminal=terminal,
    )
    await session.until_printed("password?")
    await session.say("tops3cret\n", secret=True)
    assert any("tops3cret" in note.content for note in await session.stored() if isinstance(note, JobInput))
    await session.say("open\n", end=True)
    ended = await session.until_ended()
    assert ended.result is not None
    assert "open" in ended.result.stdout.content
    assert SECRET_DIGEST in ended.result.stdout.content
    given = received(ended)
    assert (given.total_bytes, given.content) == (15, "open\n")
    assert given.sha256 == hashlib.sha256(b"open\n").hexdigest()
    assert [piece.secret for piece in given.pieces] == [True, False]
    told = next(note for note in session.notes if isinstance(note, JobInput) and note.secret)
    assert (told.content, told.length) == ("", 10)
    assert "tops3cret" not in repr((session.notes, session.events))
    await session.until_purged()


@pytest.mark.parametrize("terminal", [None, (80, 24)])
async def test_a_session_that_waits_for_long_ends(
    talk: Talk, executor: None, terminal: tuple[int, int] | None
) -> None:
    session = await talk.begin(SUMS, idle_s=1, terminal=terminal)
    await session.say("1\n")
    ended = await session.until_ended()
    assert isinstance(ended, JobTimeout)
    assert (ended.reason, ended.stage) == ("idle", "run")
    assert received(ended).content == "1\n"
    await session.until_purged()


async def test_a_session_that_waits_is_cancelled(talk: Talk, executor: None, broker: Broker) -> None:
    session = await talk.begin(SUMS)
    await session.say("1\n")
    await session.until_printed("1\n")
    cancel = Cancellations(talk.log, patience_s=20).cancel
    await cancel(session.queued.user_id, session.job, talk.context())
    ended = await session.until_ended()
    assert isinstance(ended, JobCancelled)
    assert received(ended).content == "1\n"
    await session.until_purged()


async def test_a_cancelled_job_that_never_ran_leaves_no_input(talk: Talk, executor: None) -> None:
    """It waits for its lane; the executor removes its input when it acknowledges it."""
    first = await talk.begin(SUMS, concurrency=1)
    await first.until_running()
    waiting = await talk.begin(SUMS, concurrency=1)
    await waiting.say("1\n")
    cancel = Cancellations(talk.log, patience_s=20).cancel
    await cancel(waiting.queued.user_id, waiting.job, talk.context())
    await waiting.until_purged()
    await first.say(end=True)
    await first.until_ended()


async def test_of_much_output_beginning_and_end_are_kept(talk: Talk, executor: None) -> None:
    session = await talk.begin(
        "for number in range(100_000):\n    print(f'{number:07}')\nprint('é' * 30)", output_bytes=2**20
    )
    ended = await session.until_ended()
    assert isinstance(ended, JobCompleted)
    assert ended.result is not None
    out = ended.result.stdout
    assert (out.total_bytes, out.truncated) == (800_061, True)
    assert out.content.startswith("0000000\n0000001\n")
    assert not isinstance(out.tail, UnsetType)
    assert out.tail.content.endswith("0099999\n" + "é" * 30 + "\n")
    assert out.tail.offset + len(out.tail.content.encode()) == out.total_bytes
    assert out.kept_bytes + len(out.tail.content.encode()) <= 256 * 1024
    line = int(out.tail.content.splitlines()[1])
    assert line * 8 == out.tail.offset + len(out.tail.content.splitlines()[0]) + 1


async def test_more_output_than_is_allowed_ends_it(talk: Talk, executor: None) -> None:
    session = await talk.begin("while True:\n    print('x' * 999)", output_bytes=300_000)
    ended = await session.until_ended()
    assert getattr(ended, "reason", None) == "output_limit"


@pytest.mark.parametrize("how", [pytest.param("killed", marks=pytest.mark.full), "drained"])
async def test_a_second_attempt_is_given_the_same_input(
    talk: Talk,
    broker_settings: BrokerSettings,
    sandbox: Sandbox,
    languages: dict[str, Offered],
    how: str,
) -> None:
    """The first executor dies or leaves; signals were for its program alone."""
    code = "import signal\nsignal.signal(signal.SIGUSR1, lambda *_: print('signal', flush=True))\n" + SUMS
    async with executing(broker_settings, sandbox, languages) as first:
        session = await talk.begin(code)
        await session.say("1\n")
        await session.until_printed("1\n")
        user = session.queued.user_id
        assert isinstance(await talk.inputs.signal(user, session.job, "SIGUSR1", talk.context()), InputEnd)
        await session.until_printed("signal\n")
        await session.say("2\n")
        await session.until_printed("3\n")
        await (first.die() if how == "killed" else first.scheduler.drain(grace_s=0))
    async with executing(broker_settings, sandbox, languages, executor_id="x2"):
        await session.until_running(attempt=2)
        await session.until_printed("1\n3\n", attempt=2)
        await session.say("3\n")
        await session.until_printed("6\n", attempt=2)
        await session.say(end=True)
        ended = await session.until_ended()
    assert ended.attempt == 2
    assert received(ended).content == "1\n2\n3\n"
    assert "signal" not in session.printed(attempt=2)
    assert not [note for note in session.notes if isinstance(note, JobSignalled) and note.attempt == 2]


async def test_a_session_outlives_a_restart_of_the_server(
    talk: Talk, executor: None, nats_server: NatsServer
) -> None:
    session = await talk.begin(SUMS)
    await session.say("1\n")
    await session.until_printed("1\n")
    await nats_server.kill()
    await nats_server.start()
    await session.say("2\n")
    await session.until_printed("3\n")
    await session.say(end=True)
    ended = await session.until_ended()
    assert ended.attempt == 1
    assert received(ended).content == "1\n2\n"


@pytest.mark.full
async def test_input_is_removed_before_the_delivery_is_acknowledged(
    talk: Talk, executor: None, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where that fails, the job is delivered again, and acknowledged then."""
    failed = asyncio.Event()

    async def fails_once(broker: Broker, user_id: str, job_id: str) -> None:
        if not failed.is_set():
            failed.set()
            raise UnreachableError("no answer")
        assert await open_deliveries(broker) == 1
        await purge_input(broker, user_id, job_id)

    monkeypatch.setattr("services.executor.scheduling.scheduler.purge_input", fails_once)
    session = await talk.begin(ECHO)
    await session.say("secret\n", end=True, secret=True)
    await session.until_ended()
    await failed.wait()
    assert await open_deliveries(broker) == 1
    assert await session.stored()
    await session.until_purged()
    async with asyncio.timeout(30):
        while await open_deliveries(broker):
            pass


async def batch_waits(talk: Talk) -> list[int]:
    """How long jobs that are not interactive wait for their slots, one at a time."""
    waits = []
    for _ in range(BATCH):
        job = builders.queued(builders.job_id(), "bob", time=talk.context().time)
        await talk.append(job)
        await talk.until_ended(job.job_id)
        waits += [one.queue_wait_ms for one in talk.events[job.job_id] if isinstance(one, JobRunning)]
    return waits


async def test_sessions_do_not_delay_other_jobs(talk: Talk, executor: None) -> None:
    """One slot, twenty programs that wait for their users: other jobs wait no longer than without them."""

    await batch_waits(talk)
    without = await batch_waits(talk)
    sessions = [await talk.begin(ECHO, user=f"user-{number}") for number in range(SESSIONS)]
    for session in sessions:
        await session.until_running()
    beside = await batch_waits(talk)
    for number, session in enumerate(sessions):
        await session.say(f"{number}\n")
    for number, session in enumerate(sessions):
        await session.until_printed(f">{number}\n")
    after = await batch_waits(talk)
    for session in sessions:
        await session.say(end=True)
    for session in sessions:
        assert isinstance(await session.until_ended(), JobCompleted)
    typical = statistics.median(without)
    assert statistics.median(beside) <= typical + 50
    assert statistics.median(after) <= typical + 50


async def test_more_sessions_than_slots_wait_and_let_others_pass(
    talk: Talk, broker_settings: BrokerSettings, sandbox: Sandbox, languages: dict[str, Offered]
) -> None:
    async with executing(broker_settings, sandbox, languages, interactive_slots=2):
        sessions = [await talk.begin(ECHO) for _ in range(6)]
        await talk.until(
            lambda: (
                sum(isinstance(session.events[-1], JobRunning) for session in sessions if session.events) == 2
            )
        )
        job = builders.queued(builders.job_id(), "bob")
        await talk.append(job)
        await talk.until_ended(job.job_id)
        assert sum(isinstance(session.events[-1], JobRunning) for session in sessions) == 2
        for session in sessions:
            await session.say(end=True)
        for session in sessions:
            assert isinstance(await session.until_ended(), JobCompleted)


@pytest.mark.full
async def test_a_crowd_of_waiting_sessions_does_not_delay_other_jobs(
    talk: Talk, broker_settings: BrokerSettings, sandbox: Sandbox, languages: dict[str, Offered]
) -> None:
    """They have no slot and must be passed over, again and again; and each has its turn at last."""
    async with executing(broker_settings, sandbox, languages, interactive_slots=2):
        first = [await talk.begin("input()") for _ in range(2)]
        for session in first:
            await session.until_running()
        crowd = [await talk.begin("input()", concurrency=1000) for _ in range(CROWD)]
        waits = await batch_waits(talk)
        assert statistics.median(waits) <= 200, waits
        assert not any(isinstance(event, JobRunning) for session in crowd for event in session.events)
        for session in (*first, *crowd):
            await session.say(end=True)
        for session in crowd:
            await session.until_ended()


async def test_a_job_that_is_not_interactive_has_no_input_in_its_result(talk: Talk, executor: None) -> None:
    job = builders.queued(builders.job_id(), "bob")
    await talk.append(job)
    ended = await talk.until_ended(job.job_id)
    assert isinstance(ended, JobCompleted)
    assert ended.result is not None
    assert ended.result.input is UNSET
