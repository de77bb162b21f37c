"""What each NATS user may do and may not, on a real server that runs the deployed configuration.

The tables here are written by hand, apart from `shared.jetstream.permissions`: each operation, and who may do
it. Whoever is not named must be refused by the server itself.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from headrace.local.nats_users import BEGINNING, render_users
from shared.contract.codec import encode
from shared.contract.subjects import job_event
from shared.domain.job import Finished
from shared.jetstream.connection import connect
from shared.jetstream.errors import JetStreamError, UnreachableError
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.permissions import RIGHTS
from shared.jetstream.stream_config import ProvisionSettings
from shared.observability import metrics
from shared.provision import provision
from tests import builders
from tests.integration.deployed import CONFIGURATION, Server, deployed_server
from tests.integration.nats_wire import wire
from tests.metric_values import value_of

FOLLOWERS = {"api", "executor", "projector", "notifier"}
SERVICES = {"provisioner", *FOLLOWERS}
USERS = (*sorted(SERVICES), "observer")
PROVISIONER = frozenset({"provisioner"})
NOBODY: frozenset[str] = frozenset()

STREAMS = (
    *("JOBS", "DEAD", "FEED", "INPUT", "KV_EXECUTORS", "KV_LANGUAGES", "KV_SESSIONS"),
    *("OBJ_ARTIFACTS", "OBJ_FILES"),
)
JOB = f"alice.{builders.JOB}"
ACK = "1.1.1.1700000000000000000.0"

PUBLISH: dict[str, AbstractSet[str]] = {
    f"jobs.{JOB}.queued": {"api"},
    f"jobs.{JOB}.running": {"executor"},
    f"jobs.{JOB}.completed": {"executor"},
    f"jobs.{JOB}.failed": {"executor"},
    f"jobs.{JOB}.timeout": {"executor"},
    f"jobs.{JOB}.cancel_requested": {"api", "notifier"},
    f"jobs.{JOB}.cancelled": {"api", "executor", "notifier"},
    f"jobs.{JOB}.expired": {"api", "projector"},
    f"jobs.{JOB}.paused": NOBODY,
    f"jobs.{JOB}": NOBODY,
    f"feed.{JOB}.output": {"executor"},
    f"feed.{JOB}.progress": {"executor"},
    f"feed.{JOB}.input": {"executor"},
    f"feed.{JOB}.resized": {"executor"},
    f"feed.{JOB}.signalled": {"executor"},
    f"feed.{JOB}.other": NOBODY,
    f"input.{JOB}": {"api", "notifier"},
    f"input.{JOB}.more": NOBODY,
    "input.alice": NOBODY,
    "$KV.EXECUTORS.x1": {"executor"},
    "$KV.LANGUAGES.python": {"executor"},
    f"$KV.SESSIONS.{JOB}": {"api"},
    f"$KV.SESSIONS.{JOB}.run": {"api"},
    "$KV.OTHER.x": NOBODY,
    "$O.ARTIFACTS.C.token": {"executor"},
    "$O.ARTIFACTS.M.name": {"executor"},
    "$O.FILES.C.token": {"api"},
    "$O.FILES.M.alice.digest": {"api"},
    "$O.OTHER.C.token": NOBODY,
    "view.job": {"api"},
    "view.jobs": {"api"},
    "view.dead": {"api"},
    "view.stats": NOBODY,
    "view.usage": {"api", "executor"},
    # A forged advisory would be kept in DEAD and shown to operators.
    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.JOBS.executor": NOBODY,
    "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.JOBS.executor": NOBODY,
    f"$JS.ACK.JOBS.executor.{ACK}": {"executor"},
    f"$JS.ACK._.hash.JOBS.executor.{ACK}.token": {"executor"},
    f"$JS.ACK.JOBS.another.{ACK}": NOBODY,
    f"$JS.ACK._.hash.JOBS.another.{ACK}.token": NOBODY,
    f"$JS.ACK.FEED.executor.{ACK}": NOBODY,
    "$JS.FC.JOBS.executor.x": NOBODY,
    "$JS.API.INFO": NOBODY,
    "$JS.API.STREAM.NAMES": NOBODY,
    "$JS.API.STREAM.LIST": NOBODY,
    "$JS.API.ACCOUNT.PURGE.$G": NOBODY,
    "$JS.API.SERVER.REMOVE": NOBODY,
    "$JS.API.META.LEADER.STEPDOWN": NOBODY,
    "$SYS.REQ.SERVER.PING": NOBODY,
    "$SYS.REQ.USER.INFO": NOBODY,
    "$SYS.REQ.ACCOUNT.$G.CONNZ": NOBODY,
    "$SYS.ACCOUNT.$G.CONNECT": NOBODY,
    "_INBOX.x": NOBODY,
    "_R_.x": NOBODY,
    # An answer to a question of the api; its readers listen on inboxes of one token.
    "_INBOX_api.inbox.token": {"projector"},
    "_INBOX_executor.inbox.token": {"projector"},
    **{f"_INBOX_{user}.inbox": NOBODY for user in USERS},
    **{f"_INBOX_{user}.inbox.token": NOBODY for user in USERS if user not in {"api", "executor"}},
}

_ON_STREAMS: dict[str, dict[str, AbstractSet[str]]] = {
    "STREAM.INFO": {
        "JOBS": SERVICES,
        "FEED": {"provisioner", "notifier", "executor"},
        "INPUT": {"provisioner", "executor"},
        "KV_SESSIONS": {"provisioner", "api"},
        "DEAD": {"provisioner"},
        "KV_EXECUTORS": {"provisioner"},
        "KV_LANGUAGES": {"provisioner"},
        "OBJ_ARTIFACTS": {"provisioner", "api", "executor"},
        "OBJ_FILES": {"provisioner", "api"},
    },
    "STREAM.CREATE": dict.fromkeys(STREAMS, PROVISIONER),
    "STREAM.UPDATE": dict.fromkeys(STREAMS, PROVISIONER),
    "STREAM.DELETE": dict.fromkeys(("FEED", "KV_EXECUTORS"), PROVISIONER),
    "STREAM.PURGE": {
        "JOBS": {"projector"},
        "FEED": {"api"},
        "INPUT": {"api", "notifier", "executor"},
        "KV_SESSIONS": {"api"},
        "OBJ_ARTIFACTS": {"projector", "executor"},
        "OBJ_FILES": {"api"},
    },
    "STREAM.MSG.GET": {
        "JOBS": FOLLOWERS,
        "FEED": {"notifier"},
        "INPUT": {"api", "notifier", "executor"},
        "DEAD": {"api"},
        "KV_SESSIONS": {"api"},
        "OBJ_ARTIFACTS": {"api", "executor", "projector"},
        "OBJ_FILES": {"api", "executor"},
    },
    "DIRECT.GET": {
        "JOBS": FOLLOWERS,
        "FEED": {"notifier"},
        "INPUT": {"api", "notifier", "executor"},
        "DEAD": {"api"},
        "KV_EXECUTORS": {"api"},
        "KV_LANGUAGES": {"api"},
        "KV_SESSIONS": {"api"},
        "OBJ_ARTIFACTS": {"api", "executor"},
        "OBJ_FILES": {"api", "executor"},
    },
    "STREAM.MSG.DELETE": {},
    "STREAM.SNAPSHOT": {},
    "STREAM.RESTORE": {},
    "STREAM.LEADER.STEPDOWN": {},
    "STREAM.PEER.REMOVE": {},
    "CONSUMER.NAMES": {},
    "CONSUMER.LIST": {},
    # Without a name in the subject, the name in the body could be anybody's.
    "CONSUMER.CREATE": {},
}

_ON_CONSUMERS: dict[str, AbstractSet[str]] = {
    "CONSUMER.CREATE.JOBS.mine-1": FOLLOWERS,
    "CONSUMER.CREATE.JOBS.mine-1.jobs.>": NOBODY,
    "CONSUMER.MSG.NEXT.JOBS.mine-1": FOLLOWERS,
    "CONSUMER.DELETE.JOBS.mine-1": FOLLOWERS,
    "CONSUMER.CREATE.FEED.mine-1": {"notifier"},
    "CONSUMER.CREATE.FEED.mine-1.feed.>": NOBODY,
    "CONSUMER.MSG.NEXT.FEED.mine-1": {"notifier"},
    "CONSUMER.DELETE.FEED.mine-1": {"notifier"},
    "CONSUMER.CREATE.INPUT.mine-1": {"executor"},
    "CONSUMER.CREATE.INPUT.mine-1.input.>": NOBODY,
    "CONSUMER.MSG.NEXT.INPUT.mine-1": {"executor"},
    "CONSUMER.DELETE.INPUT.mine-1": {"executor"},
    "CONSUMER.CREATE.KV_SESSIONS.mine-1": NOBODY,
    f"CONSUMER.CREATE.KV_SESSIONS.mine-1.$KV.SESSIONS.{JOB}": {"api"},
    "CONSUMER.CREATE.KV_SESSIONS.mine-1.jobs.>": NOBODY,
    "CONSUMER.MSG.NEXT.KV_SESSIONS.mine-1": {"api"},
    "CONSUMER.DELETE.KV_SESSIONS.mine-1": {"api"},
    **{
        f"CONSUMER.CREATE.{stream}.mine-1": NOBODY
        for stream in ("DEAD", "KV_EXECUTORS", "KV_LANGUAGES", "OBJ_ARTIFACTS", "OBJ_FILES")
    },
    "CONSUMER.INFO.JOBS.mine-1": NOBODY,
    # The durable, under every name that JetStream has for taking it.
    "CONSUMER.CREATE.JOBS.executor": NOBODY,
    "CONSUMER.CREATE.JOBS.executor.jobs.*.*.queued": {"provisioner"},
    "CONSUMER.CREATE.JOBS.executor.jobs.>": NOBODY,
    "CONSUMER.DURABLE.CREATE.JOBS.executor": NOBODY,
    "CONSUMER.DURABLE.CREATE.JOBS.mine-1": NOBODY,
    "CONSUMER.DELETE.JOBS.executor": NOBODY,
    "CONSUMER.MSG.NEXT.JOBS.executor": {"executor"},
    "CONSUMER.INFO.JOBS.executor": {"provisioner", "api", "executor"},
    "CONSUMER.PAUSE.JOBS.executor": NOBODY,
    "CONSUMER.RESET.JOBS.executor": NOBODY,
    "CONSUMER.UNPIN.JOBS.executor": NOBODY,
    "CONSUMER.LEADER.STEPDOWN.JOBS.executor": NOBODY,
}

SUBSCRIBE: dict[tuple[str, str], AbstractSet[str]] = {
    **{(f"_INBOX_{user}.>", ""): {user} for user in USERS if user != "observer"},
    ("_INBOX_observer.>", ""): NOBODY,
    ("_INBOX.>", ""): NOBODY,
    ("_INBOX_api.*.token", ""): {"api"},
    (">", ""): NOBODY,
    ("*.>", ""): NOBODY,
    ("jobs.>", ""): NOBODY,
    ("jobs.*.*.*", ""): {"observer"},
    (f"jobs.{JOB}.queued", ""): {"observer"},
    ("feed.*.*.*", ""): {"observer"},
    # What users type is for no person to watch.
    ("input.*.*", ""): NOBODY,
    ("$JS.EVENT.ADVISORY.CONSUMER.>", ""): {"observer"},
    ("$JS.EVENT.ADVISORY.>", ""): NOBODY,
    ("$JS.>", ""): NOBODY,
    ("$JS.API.>", ""): NOBODY,
    ("$JS.ACK.>", ""): NOBODY,
    ("$SYS.>", ""): NOBODY,
    ("$KV.>", ""): NOBODY,
    (f"$KV.SESSIONS.{JOB}", ""): NOBODY,
    ("$O.>", ""): NOBODY,
    ("view.>", "view"): NOBODY,
    **{(f"view.{question}", "view"): {"projector"} for question in ("job", "jobs", "stats", "dead", "usage")},
    # Outside the queue group it would hear every question; in another one it would take some away.
    **{(f"view.{question}", ""): NOBODY for question in ("job", "jobs", "stats", "dead", "usage")},
    **{(f"view.{question}", "other"): NOBODY for question in ("job", "jobs", "stats", "dead", "usage")},
}


def publishes() -> Iterator[tuple[str, AbstractSet[str]]]:
    """Every operation that is a publish, and who may do it."""
    yield from PUBLISH.items()
    for operation, allowed in _ON_STREAMS.items():
        for stream in (*STREAMS, "OTHER"):
            yield f"$JS.API.{operation}.{stream}", allowed.get(stream, NOBODY)
    yield f"$JS.API.DIRECT.GET.JOBS.jobs.{JOB}.queued", NOBODY
    for operation, users in _ON_CONSUMERS.items():
        yield f"$JS.API.{operation}", users


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """The deployed configuration, provisioned by its provisioner."""
    async with deployed_server(tmp_path_factory.mktemp("deployed")) as running:
        async with running.connected("provisioner") as broker:
            await provision(broker, ProvisionSettings())
        yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("user", USERS)
async def test_who_may_publish_what(server: Server, user: str) -> None:
    wrong = []
    async with server.wire(user) as connection:
        for subject, allowed in publishes():
            refused = await connection.publish(subject)
            expected = None if user in allowed else f'Permissions Violation for Publish to "{subject}"'
            if refused != expected:
                wrong.append((subject, refused))
    assert wrong == []


@pytest.mark.parametrize("user", USERS)
async def test_who_may_subscribe_to_what(server: Server, user: str) -> None:
    wrong = []
    async with server.wire(user) as connection:
        for (subject, queue), allowed in SUBSCRIBE.items():
            refused = await connection.subscribe(subject, queue)
            whole = f'"{subject}"' + (f' using queue "{queue}"' if queue else "")
            expected = None if user in allowed else f"Permissions Violation for Subscription to {whole}"
            if refused != expected:
                wrong.append((subject, queue, refused))
    assert wrong == []


async def test_the_deployed_users_are_those_of_the_table() -> None:
    text = CONFIGURATION.read_text()
    assert text[text.index(BEGINNING) :] == render_users()
    assert set(RIGHTS) == set(USERS)


@pytest.mark.parametrize("user", USERS)
async def test_nobody_comes_in_with_anothers_password(server: Server, user: str) -> None:
    for other in {*USERS, "headrace", "operator"} - {user}:
        with pytest.raises(ConnectionError):
            async with wire(server.port, other, server.passwords[user]):
                pass


def _takeovers() -> Iterator[dict[str, object]]:
    """Bodies that mean the durable, for a creation that is allowed by its subject."""
    stolen = {"filter_subject": "jobs.nobody.*.*", "ack_policy": "explicit", "ack_wait": int(1e9)}
    names: tuple[dict[str, object], ...] = (
        {"name": "executor"},
        {"durable_name": "executor"},
        {"name": "executor", "durable_name": "executor"},
        {"name": "mine-2", "durable_name": "executor"},
        {"name": "executor", "durable_name": "mine-2"},
    )
    for name in names:
        for action in ({}, {"action": "create"}, {"action": "update"}):
            yield {"stream_name": "JOBS", "config": {**stolen, **name}, **action}


@pytest.mark.parametrize("user", sorted(FOLLOWERS))
async def test_whoever_may_make_a_reader_cannot_take_over_the_durable(server: Server, user: str) -> None:
    """The name in the subject is what counts: another one in the body is refused or passed over."""
    refusals = 0
    async with server.connected("executor") as executor, server.connected(user) as broker:
        before = await executor.api("CONSUMER.INFO.JOBS.executor")
        for body in _takeovers():
            try:
                made = await broker.api("CONSUMER.CREATE.JOBS.mine-2", body)
            except JetStreamError:
                refusals += 1
            else:
                assert made["name"] == "mine-2"
                await broker.api("CONSUMER.DELETE.JOBS.mine-2")
        after = await executor.api("CONSUMER.INFO.JOBS.executor")
    assert refusals >= 9
    assert (after["config"], after["created"]) == (before["config"], before["created"])


async def test_a_reader_of_another_stream_cannot_take_over_the_durable(server: Server) -> None:
    config = {"name": "executor", "durable_name": "executor", "filter_subject": "$KV.SESSIONS.>"}
    async with server.connected("api") as broker:
        with pytest.raises(JetStreamError, match="stream name"):
            await broker.api(
                "CONSUMER.CREATE.KV_SESSIONS.executor.$KV.SESSIONS.>",
                {"stream_name": "JOBS", "config": config},
            )


async def test_a_password_is_changed_while_the_server_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the old one is sent away, and ends; the others notice nothing."""
    async with deployed_server(tmp_path, by_file=True) as server:
        old = server.settings("api")
        async with server.connected("api") as broker, server.connected("executor") as other:
            with other.on_reconnect(lambda: None) as reconnected:
                await server.change_password("api", "8 and ' some $other words")
                async with asyncio.timeout(20):
                    await broker.lost.wait()
                with pytest.raises(JetStreamError, match="stream not found"):
                    await other.api("STREAM.INFO.JOBS")
                assert not reconnected.is_set()
        monkeypatch.setattr("shared.jetstream.connection.FIRST_CONNECTION_S", 3.0)
        with pytest.raises(UnreachableError, match="Authorization"):
            async with connect(old, service="api"):
                pass
        async with server.connected("api") as broker:
            with pytest.raises(JetStreamError, match="stream not found"):
                await broker.api("STREAM.INFO.JOBS")


async def test_what_permissions_cannot_stop(server: Server) -> None:
    """JetStream answers where the asker says, and nobody's rights are asked for that.

    So a service that may store bytes and read them by Direct Get can put them under any subject. When this
    fails, the server has closed it: then docs/security-of-the-log.md promises too little.
    """
    job = builders.job_id()
    other = builders.job_id()
    forged = job_event(builders.USER, job, "completed")
    async with server.connected("api") as api:
        queued = await Log(api).append(builders.queued(job), expected=0, patience_s=5)
    assert isinstance(queued, Appended)
    async with server.connected("executor") as executor:
        await Log(executor).append(builders.running(job), expected=queued.sequence, patience_s=5)
    async with server.connected("notifier") as broker:
        await broker.request(
            job_event(builders.USER, other, "cancelled"), encode(builders.completed(job, builders.USER))
        )
        await broker.publish(
            "$JS.API.DIRECT.GET.JOBS", b'{"last_by_subj":"jobs.*.*.cancelled"}', reply=forged
        )
        log = Log(broker)
        async with asyncio.timeout(30):
            while (await log.last(forged)) is None:
                pass
        assert isinstance((await log.read_job(builders.USER, job)).state, Finished)


def _refused() -> float:
    return value_of(metrics.BROKER_REFUSED)


async def test_a_refusal_is_counted_and_logged_as_an_error(server: Server) -> None:
    before = _refused()
    with structlog.testing.capture_logs() as lines:
        async with server.connected("api") as broker:
            await broker.publish(f"jobs.{JOB}.completed", b"{}")
            # The server answers in order, so its refusal has come by then.
            await broker.api("STREAM.INFO.JOBS")
    assert _refused() == before + 1
    refusals = [line for line in lines if line["event"] == "broker_refused"]
    assert [line["log_level"] for line in refusals] == ["error"]
    assert f"jobs.{JOB}.completed" in refusals[0]["error"]
