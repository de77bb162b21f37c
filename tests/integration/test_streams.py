"""Provisioning on a real server: once, again, after a change; refused where it would make another stream."""

import asyncio
import signal
import sys

import pytest

from headrace.local.nats_server import NatsServer, free_port
from shared.contract import subjects
from shared.jetstream.connection import Broker
from shared.jetstream.errors import UnreachableError
from shared.jetstream.event_log import Log
from shared.jetstream.stream_config import ProvisionSettings
from shared.provision import ProvisionError, executor_floor, provision
from tests import builders
from tests.freezing import freeze


async def test_everything_of_the_design_exists(broker: Broker) -> None:
    jobs = (await broker.api(f"STREAM.INFO.{subjects.JOBS}"))["config"]
    assert (jobs["storage"], jobs["discard"], jobs["retention"]) == ("file", "new", "limits")
    assert jobs["max_msgs_per_subject"] == -1
    assert jobs["allow_direct"]
    assert jobs["allow_msg_ttl"]
    assert jobs["compression"] == "s2"
    files = (await broker.api(f"STREAM.INFO.{subjects.objects_stream(subjects.ARTIFACTS)}"))["config"]
    assert (files["storage"], files["discard"], files["max_bytes"]) == ("file", "new", 1024 * 1024 * 1024)
    assert files["max_age"] == 30 * 24 * 3600 * 1_000_000_000
    uploaded = (await broker.api(f"STREAM.INFO.{subjects.objects_stream(subjects.FILES)}"))["config"]
    assert (uploaded["storage"], uploaded["discard"], uploaded["max_bytes"]) == ("file", "new", 2**30)
    assert uploaded["max_age"] == 7 * 24 * 3600 * 1_000_000_000
    given = (await broker.api(f"STREAM.INFO.{subjects.INPUT}"))["config"]
    assert (given["storage"], given["discard"], given["max_bytes"]) == ("file", "new", 2**30)
    assert (given["subjects"], given["max_age"]) == (["input.*.*"], 7 * 24 * 3600 * 1_000_000_000)
    assert given["max_msgs_per_subject"] == -1
    feed = (await broker.api(f"STREAM.INFO.{subjects.FEED}"))["config"]
    assert (feed["discard"], feed["max_bytes"]) == ("new", 256 * 1024 * 1024)
    assert feed["max_age"] == 600 * 1_000_000_000
    sessions = (await broker.api(f"STREAM.INFO.{subjects.SESSIONS}"))["config"]
    assert (sessions["storage"], sessions["discard"], sessions["max_msgs_per_subject"]) == ("file", "new", 20)
    durable = (await broker.api(f"CONSUMER.INFO.{subjects.JOBS}.{subjects.EXECUTOR_DURABLE}"))["config"]
    assert durable["filter_subject"] == subjects.QUEUED_SUBJECTS
    assert (durable["ack_wait"], durable["max_deliver"]) == (10_000_000_000, -1)
    names = (await broker.api("STREAM.NAMES"))["streams"]
    assert set(names) == {
        subjects.JOBS,
        subjects.SESSIONS,
        subjects.FEED,
        subjects.INPUT,
        subjects.DEAD,
        subjects.EXECUTORS,
        subjects.LANGUAGES,
        subjects.objects_stream(subjects.ARTIFACTS),
        subjects.objects_stream(subjects.FILES),
    }


async def test_provisioning_again_changes_nothing(broker: Broker, log: Log) -> None:
    await log.append(builders.queued(), expected=0, patience_s=5)
    before = await broker.api(f"STREAM.INFO.{subjects.JOBS}")
    await provision(broker, ProvisionSettings())
    after = await broker.api(f"STREAM.INFO.{subjects.JOBS}")
    assert (after["config"], after["created"], after["state"]) == (
        before["config"],
        before["created"],
        before["state"],
    )


async def test_what_may_change_is_brought_up_to_date(broker: Broker) -> None:
    await provision(broker, ProvisionSettings(feed_bytes_max=1_000_000))
    feed = (await broker.api(f"STREAM.INFO.{subjects.FEED}"))["config"]
    assert feed["max_bytes"] == 1_000_000


async def test_a_stream_of_another_kind_is_refused_and_kept(broker: Broker) -> None:
    await broker.api(f"STREAM.DELETE.{subjects.JOBS}")
    await broker.api(
        f"STREAM.CREATE.{subjects.JOBS}",
        {
            "name": subjects.JOBS,
            "subjects": [subjects.JOBS_SUBJECTS],
            "storage": "memory",
            "retention": "limits",
            "num_replicas": 1,
        },
    )
    with pytest.raises(ProvisionError, match="storage"):
        await provision(broker, ProvisionSettings())
    assert (await broker.api(f"STREAM.INFO.{subjects.JOBS}"))["config"]["storage"] == "memory"


async def test_a_durable_that_differs_is_refused(broker: Broker) -> None:
    name = f"{subjects.JOBS}.{subjects.EXECUTOR_DURABLE}"
    config = (await broker.api(f"CONSUMER.INFO.{name}"))["config"]
    changed = {"stream_name": subjects.JOBS, "config": {**config, "ack_wait": 1_000_000_000}}
    await broker.api(f"CONSUMER.CREATE.{name}.{subjects.QUEUED_SUBJECTS}", changed)
    with pytest.raises(ProvisionError, match="ack_wait"):
        await provision(broker, ProvisionSettings())


async def test_history_cannot_be_lost_to_a_full_log(broker: Broker, log: Log) -> None:
    """A full log refuses what is new; nothing old is dropped for it."""
    await provision(broker, ProvisionSettings(jobs_bytes_max=20_000))
    first = await log.append(builders.queued(), expected=0, patience_s=5)
    refused: UnreachableError | None = None
    while refused is None:
        try:
            await log.append(builders.queued(builders.job_id()), expected=0, patience_s=0.1)
        except UnreachableError as error:
            refused = error
    assert "maximum bytes exceeded" in str(refused)
    assert (await log.read_job(builders.USER, builders.JOB)).last_sequence == getattr(first, "sequence", None)


async def test_the_provisioner_is_a_command(nats_server: NatsServer) -> None:
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "shared.provision", env=nats_server.environment
        )
        assert await process.wait() == 0


@pytest.mark.full
async def test_without_a_server_the_provisioner_says_so() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "shared.provision",
        env={"HEADRACE_NATS_URL": f"nats://127.0.0.1:{free_port()}"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await process.communicate()
    assert process.returncode == 1
    assert b'"event": "cannot_provision"' in stderr
    assert b"Traceback" not in stderr


async def test_a_service_that_starts_while_the_server_is_slow_asks_again(
    broker: Broker, nats_server: NatsServer
) -> None:
    await freeze(nats_server.process.pid)
    try:
        floor = asyncio.create_task(executor_floor(broker))
        # Its first question is given up after 2 s.
        assert not (await asyncio.wait({floor}, timeout=3))[0]
    finally:
        nats_server.process.send_signal(signal.SIGCONT)
    assert await floor == 0
