"""Replaying, exporting and verifying as a user types it, over a real log."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from headrace.local.supervisor import Stack
from shared.contract.codec import EventObject
from shared.contract.subjects import job_events
from tests.system.conftest import User, broker_of, user_of
from tests.system.test_cli import HEADRACE, Ended
from tests.system.test_cli_asking import ask

pytestmark = pytest.mark.full


@pytest_asyncio.fixture(loop_scope="session")
async def told(shared_stack: Stack) -> AsyncIterator[tuple[User, list[EventObject]]]:
    """A user of the test's own with three jobs, of which one failed, and all of its events."""
    async with user_of(shared_stack) as user:
        for code in ("true", "exit 3", "sleep 0.3"):
            await user.client.run({"language": "bash", "code": code})
        yield user, [event async for event in user.client.replay()]


async def call(told: tuple[User, list[EventObject]], *words: object) -> Ended:
    user, _ = told
    return await ask(user, *words, "--user", user.name)


async def as_auditor(stack: Stack, *words: object) -> Ended:
    """With a token of its own, as for a Headrace elsewhere."""
    return await elsewhere(stack, frozenset({"jobs", "audit:all"}), *words)


async def elsewhere(stack: Stack, scopes: frozenset[str], *words: object) -> Ended:
    """What becomes of a command with a token of these scopes."""
    async with user_of(stack, scopes=scopes) as auditor:
        process = await asyncio.create_subprocess_exec(
            HEADRACE,
            *map(str, words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"HEADRACE_API_URL": stack.address.api_url, "HEADRACE_TOKEN": auditor.token},
        )
        stdout, stderr = await process.communicate()
    return Ended(process.returncode, stdout, stderr)


def sequences(ended: Ended) -> list[int]:
    assert ended.code == 0, ended.stderr
    return [event["seq"] for event in ended.lines()]


Told = tuple[User, list[EventObject]]


async def test_what_is_replayed_is_what_was_asked_for(told: Told) -> None:
    _, events = told
    middle = events[4]
    everything = [event.seq for event in events]
    assert sequences(await call(told, "replay", "--json")) == everything
    for words, expected in (
        (["--type", "failed", "--type", "queued"], _of(events, "failed", "queued")),
        (["--job", middle.job_id], [event.seq for event in events if event.job_id == middle.job_id]),
        (["--from", middle.stored_at.isoformat()], everything[4:]),
        (["--to", middle.stored_at.isoformat()], everything[:4]),
        (["--after", middle.seq], everything[5:]),
        (["--speed", "1000"], everything),
        (["--speed", "live"], everything),
    ):
        assert sequences(await call(told, "replay", "--json", *words)) == expected, words


async def test_another_users_history_needs_the_scope(shared_stack: Stack, told: Told) -> None:
    user, events = told
    found = await as_auditor(shared_stack, "replay", "--of", user.name, "--json")
    assert sequences(found) == [event.seq for event in events]
    everybody = await as_auditor(shared_stack, "replay", "--all", "--json")
    assert set(sequences(found)) <= set(sequences(everybody))
    for words in (["--of", "bob"], ["--all"]):
        refused = await elsewhere(shared_stack, frozenset({"jobs"}), "replay", *words)
        assert refused.code == 2
        assert b"audit:all" in refused.stderr


async def test_jobs_as_they_stood(told: Told) -> None:
    _, events = told
    running = next(event for event in events if event.type == "job.running.v1")
    for moment in (running.seq, running.stored_at.isoformat()):
        jobs = (await call(told, "replay", "--at", moment, "--json")).json()["jobs"]
        assert [(job["status"], job["attempt"]) for job in jobs if job["job_id"] == running.job_id] == [
            ("running", 1)
        ]
    jobs = (await call(told, "replay", "--at", events[-1].seq, "--json")).json()["jobs"]
    assert [job["status"] for job in jobs] == ["completed", "failed", "completed"]
    shown = await call(told, "replay", "--at", events[-1].seq, "--job", running.job_id)
    assert shown.stdout.count(b"\n") == 2
    assert running.job_id.encode() in shown.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["--from", "yesterday"],
        *(
            pytest.param(words, marks=pytest.mark.full)
            for words in (
                ["--speed", "fast"],
                ["--to", "2026-01-02T03:04:05"],
                ["--at", "now"],
                ["--at", "5", "--type", "failed"],
                ["--job", "x"],
                ["--type", "a.b"],
            )
        ),
    ],
)
async def test_what_cannot_be_meant_is_refused(local: User, words: list[str]) -> None:
    refused = await ask(local, "replay", *words)
    assert (refused.code, refused.stdout) == (2, b"")


async def test_what_is_exported_is_verified(told: Told, tmp_path: Path) -> None:
    user, events = told
    file = tmp_path / "kept.ndjson"
    exported = await call(told, "export", file)
    assert exported.code == 0
    assert exported.stdout.startswith(f"{len(events)} events, sha256 ".encode())
    kept = file.read_text().splitlines()
    stored = (await call(told, "replay", "--json")).stdout.decode().splitlines()
    assert kept[1:-1] == stored
    alone = await ask(user, "verify", file)
    assert alone.stdout == f"whole: {len(events)} events of 3 jobs, 3 of them finished\n".encode()
    compared = await call(told, "verify", file, "--against-log", "--json")
    assert compared.code == 0
    assert compared.json()["log"]["same"] == len(events)
    again = await call(told, "export", file)
    assert again.code == 2
    assert b"--force" in again.stderr
    assert (await call(told, "export", file, "--force")).code == 0


async def test_a_part_and_everybodys_history_are_verified_too(
    shared_stack: Stack, told: Told, tmp_path: Path
) -> None:
    _, events = told
    part, everything = tmp_path / "part.ndjson", tmp_path / "all.ndjson"
    times = ("--from", events[1].stored_at.isoformat(), "--to", events[-1].stored_at.isoformat())
    assert (await call(told, "export", part, *times)).stdout.startswith(b"7 events")
    found = await call(told, "verify", part, "--against-log")
    assert found.code == 0
    assert b"1 began before the file" in found.stdout
    assert (await as_auditor(shared_stack, "export", everything, "--all")).code == 0
    assert (await as_auditor(shared_stack, "verify", everything, "--against-log")).code == 0
    refused = await elsewhere(shared_stack, frozenset({"jobs"}), "verify", everything, "--against-log")
    assert refused.code == 2
    assert b"audit:all" in refused.stderr


async def test_an_edited_file_is_found_out(told: Told, tmp_path: Path) -> None:
    user, _ = told
    file = tmp_path / "kept.ndjson"
    await call(told, "export", file)
    whole = file.read_text()
    file.write_text(whole.replace('"exit_code":3', '"exit_code":0'))
    found = await ask(user, "verify", file)
    assert found.code == 1
    assert f"line {whole.count(chr(10))}: the digest differs".encode() in found.stderr
    file.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    found = await ask(user, "verify", file)
    assert (found.code, found.stdout) == (1, b"")
    assert b"there is no trailer: the file is cut off" in found.stderr
    assert (await ask(user, "verify", tmp_path / "none")).code == 2


async def test_the_log_tells_what_has_left_it(told: Told, tmp_path: Path) -> None:
    """A whole job is gone as jobs go; of another one event was taken out."""
    user, events = told
    file = tmp_path / "kept.ndjson"
    await call(told, "export", file)
    gone = [event for event in events if event.job_id == events[0].job_id]
    taken = events[-2]
    async with broker_of(user.stack) as broker:
        await broker.api("STREAM.PURGE.JOBS", {"filter": job_events(user.name, gone[0].job_id)})
        expired = await call(told, "verify", file, "--against-log")
        assert expired.code == 0, expired.stdout
        assert b"3 events are missing from the log because their 1 jobs have expired" in expired.stdout
        await broker.api("STREAM.MSG.DELETE.JOBS", {"seq": taken.seq})
        found = await call(told, "verify", file, "--against-log", "--json")
        # The log is whole again: other tests verify all of it.
        await broker.api("STREAM.PURGE.JOBS", {"filter": job_events(user.name, taken.job_id)})
    assert found.code == 1
    log = json.loads(found.stdout)["log"]
    assert (log["same"], log["expired_events"], log["differences_count"]) == (5, 3, 1)
    assert f"event {taken.seq} is missing" in log["differences"][0]


def _of(events: list[EventObject], *kinds: str) -> list[int | None]:
    return [event.seq for event in events if event.type.split(".")[1] in kinds]
