"""The audit of a long log: events a second and memory of the api, against a plain read of the same log.

The reference is one ordered reader that discards what it receives. Further figures, for information: one
type, one user, the last events, and a time at which there are none.
"""

import argparse
import asyncio
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from bench.filling import EVENTS_OF_A_JOB, fill, finished_job
from bench.measure import console, ratio, summary
from headrace.local.stack import tokens_of
from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.contract.subjects import JOBS
from shared.jetstream.connection import Broker, connect
from shared.jetstream.follower import Follower
from shared.jetstream.stored_message import Entry
from shared.settings import BrokerSettings

USERS = 100
MIB = 1024


async def _main(events: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        options = StackOptions(executors=0, sync="fast")
        async with run_stack(Path(directory) / "data", options) as stack:
            settings = BrokerSettings(
                nats_url=stack.nats.url, nats_user=stack.nats.user, nats_password=stack.nats.password
            )
            async with connect(settings, service="bench") as broker:
                began = time.perf_counter()
                jobs = events // EVENTS_OF_A_JOB
                stored = await fill(broker, (finished_job(f"user-{n % USERS}") for n in range(jobs)))
                console.print(f"{stored} events stored in {time.perf_counter() - began:.1f} s")
                await _followed(stack, stored)
                await _measure(stack, broker, stored, rounds)


async def _measure(stack: Stack, broker: Broker, stored: int, rounds: int) -> None:
    ours, bare = [], []
    for _ in range(rounds):
        bare.append(stored / await _bare_reading(broker, stored))
        _reset_peak(stack)
        before = _memory_kib(stack, "VmRSS")
        seconds, lines = await _read(stack, "all=true")
        assert lines == stored, (lines, stored)
        ours.append(lines / seconds)
        after = _memory_kib(stack, "VmHWM")
        console.print(f"api: {before / MIB:.1f} MiB before, {after / MIB:.1f} MiB at most")
    console.print(summary(ours).row("GET /v1/events", "events/s"))
    console.print(summary(bare).row("one ordered reader, bare", "events/s"))
    now = datetime.now(UTC) - timedelta(milliseconds=1)
    for name, query in (
        ("one type (a third)", "all=true&type=completed"),
        ("one user of 100", "user=user-7"),
        ("the last ten events", f"all=true&after={stored - 10}"),
        ("from now on: none", f"all=true&from={now:%Y-%m-%dT%H:%M:%S.%fZ}"),
    ):
        seconds, lines = await _read(stack, query)
        console.print(f"{name:<24} {lines:>8} events {seconds * 1000:>8.0f} ms")
    ratio("audit_events_per_s", summary(ours).median, summary(bare).median, "higher")


async def _read(stack: Stack, query: str) -> tuple[float, int]:
    """Read the whole answer and discard it."""
    token = tokens_of(stack.directory).issue(
        "auditor",
        lifetime=timedelta(hours=1),
        now=datetime.now(UTC),
        scopes=frozenset({"jobs", "audit:all"}),
    )
    headers = {"Authorization": f"Bearer {token}"}
    lines = 0
    began = time.perf_counter()
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
        session.get(f"{stack.address.api_url}/v1/events?{query}", headers=headers) as answer,
    ):
        answer.raise_for_status()
        async for piece in answer.content.iter_any():
            lines += piece.count(b"\n")
        return time.perf_counter() - began, lines


async def _bare_reading(broker: Broker, stored: int) -> float:
    async def ignore(_: list[Entry]) -> None:
        pass

    began = time.perf_counter()
    follower = Follower(broker, JOBS, ignore, service="bench")
    following = asyncio.create_task(follower.run())
    await follower.wait_for(stored)
    seconds = time.perf_counter() - began
    following.cancel()
    await asyncio.wait({following})
    return seconds


async def _followed(stack: Stack, stored: int) -> None:
    """No other reader is left."""
    health = stack.services["projector"].health_url
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(health.replace("readyz", "metrics")) as answer:
                text = await answer.text()
            if any(
                line.startswith("headrace_follower_position") and float(line.split()[-1]) >= stored
                for line in text.splitlines()
            ):
                return
            await asyncio.sleep(0.5)


def _memory_kib(stack: Stack, name: str) -> int:
    status = Path(f"/proc/{stack.services['api'].process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name))


def _reset_peak(stack: Stack) -> None:
    Path(f"/proc/{stack.services['api'].process.pid}/clear_refs").write_text("5")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    asyncio.run(_main(given.events, given.rounds))
