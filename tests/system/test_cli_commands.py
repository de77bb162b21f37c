"""The other commands, and what holds for all: a version, help, JSON for answers and errors, known values."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.local.supervisor import Stack
from shared.version import VERSION
from tests.cases import cases
from tests.system.conftest import User, user_of
from tests.system.test_cli import Ended, headrace
from tests.system.test_cli_asking import ask
from tests.system.test_cli_jobs import table
from tests.system.test_dead_letters import lost

COMMANDS = (
    *("up", "down", "clean", "status", "languages", "run", "submit", "get", "wait", "ls", "cancel", "logs"),
    *("events", "artifacts", "replay", "export", "verify", "sessions list", "sessions read", "dead-letters"),
    *("retry", "erase", "token", "demo", "doctor", "attach"),
)


async def as_operator(stack: Stack, *words: object) -> Ended:
    """With a token of its own, as for a Headrace elsewhere."""
    async with user_of(stack, scopes=frozenset({"ops"})) as operator:
        settings = {"HEADRACE_API_URL": stack.address.api_url, "HEADRACE_TOKEN": operator.token}
        return await headrace(*words, settings=settings)


def failure(ended: Ended) -> dict[str, Any]:
    """The one object that a command with --json says when it did not do what it was asked to."""
    assert (ended.code, ended.stdout) == (2, b"")
    (line,) = ended.stderr.splitlines()
    said: dict[str, Any] = json.loads(line)
    return said


async def test_it_tells_its_version() -> None:
    said = await headrace("--version")
    assert (said.code, said.stdout) == (0, f"headrace {VERSION}\n".encode())


@pytest.mark.parametrize("command", cases(COMMANDS, {"run"}))
async def test_every_command_has_help_and_json(command: str) -> None:
    short, long = [await headrace(*command.split(), option) for option in ("-h", "--help")]
    assert short.code == long.code == 0
    assert short.stdout == long.stdout
    assert b"--json" in short.stdout


async def test_every_command_is_known_here() -> None:
    shown = (await headrace("-h")).stdout.decode()
    commands = shown.partition("\nCommands:\n")[2].splitlines()
    listed = [line.split()[0] for line in commands if line.startswith("  ") and line[2] != " "]
    assert sorted(listed) == sorted({command.split()[0] for command in COMMANDS})


@pytest.mark.full
async def test_languages_are_listed(local: User) -> None:
    offered = await local.client.languages()
    rows = table(await ask(local, "languages"))
    assert [row["name"] for row in rows] == [language.name for language in offered]
    assert {row["offline"] for row in rows} == {"false"}
    assert (await ask(local, "languages", "--json")).json()["languages"][0]["name"] == offered[0].name


@pytest.mark.full
async def test_sessions_are_listed_and_read(alice: User, http: httpx.AsyncClient) -> None:
    body = {"title": "first", "language": "bash", "code": "echo one\necho two\n"}
    made = (await http.post("/v1/sessions", json=body)).json()
    await http.put(f"/v1/sessions/{made['session_id']}", json={**body, "title": "second"})

    async def said(*words: object) -> Ended:
        return await ask(alice, "sessions", *words, "--user", alice.name)

    (row,) = table(await said("list"))
    assert (row["session_id"], row["title"], row["language"]) == (made["session_id"], "second", "bash")
    (card,) = (await said("list", "--json")).json()["sessions"]
    assert card["session_id"] == made["session_id"]
    read = await said("read", made["session_id"])
    facts = [line.split("\t") for line in read.stdout.decode().splitlines()]
    assert ["title", "second"] in facts
    assert [value for name, *_, value in facts if name == "line"] == ["echo one", "echo two"]
    earlier = await said("read", made["session_id"], "--revision", made["revision"], "--json")
    assert earlier.json()["document"]["title"] == "first"
    unknown = failure(await said("read", "nothing", "--json"))
    assert unknown["problem"]["type"] == "urn:headrace:problem:unknown-session"


@pytest.mark.full
async def test_dead_letters_are_listed_and_retried(shared_stack: Stack, alice: User, local: User) -> None:
    job = await lost(alice)
    jobs: list[dict[str, str]] = []
    while job not in {row["job_id"] for row in jobs}:
        jobs = table(await as_operator(shared_stack, "dead-letters"))
    (row,) = [row for row in jobs if row["job_id"] == job]
    assert (row["user_id"], row["attempt"]) == (alice.name, "3")
    retried = await as_operator(shared_stack, "retry", job[:-1], "--json")
    assert retried.json()["retry_of"] == job
    # The owner of a local stack is its operator.
    again = await ask(local, "retry", job[:-1])
    assert again.stdout.decode().strip() == retried.json()["job_id"]
    assert job in {row["job_id"] for row in table(await ask(local, "dead-letters"))}


@pytest.mark.full
async def test_logs_are_objects_with_json(local: User) -> None:
    job = await local.client.run({"language": "bash", "code": "printf out; printf 'err \\xff' >&2"})
    for follow in ([], ["-f"]):
        pieces = (await ask(local, "logs", "--json", *follow, job.job_id)).lines()
        assert pieces == [
            {"stage": "run", "stream": "stdout", "content": "out", "encoding": "utf-8"},
            {"stage": "run", "stream": "stderr", "content": "ZXJyIP8=", "encoding": "base64"},
        ]


@pytest.mark.full
async def test_errors_are_objects_with_json(local: User, tmp_path: Path) -> None:
    refused = failure(await ask(local, "get", "--json", "0192f3a4-5b6c-7d8e-9f00-112233445566"))
    assert refused["problem"]["status"] == 404
    assert "no job of this id" in refused["error"]
    for words in (["get", "ffff"], ["ls", "--limit", "0"], ["ls", "--wat"], ["wat"], ["verify", "nowhere"]):
        assert failure(await ask(local, *words, "--json"))["error"], words
    assert "headrace up" in failure(await headrace("ls", "--json", cwd=tmp_path))["error"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ls", "--status", "done"], "'completed'"),
        (["ls", "--language", "pyton"], "did you mean python?"),
        (["ls", "--label", "x"], "NAME=VALUE"),
        (["replay", "--type", "complete"], "did you mean completed?"),
        (["replay", "--type", "job.nothing.v1"], "no type of events"),
    ],
)
@pytest.mark.full
async def test_a_filter_with_an_unknown_value_is_an_error(local: User, words: list[str], said: str) -> None:
    refused = await ask(local, *words)
    assert (refused.code, refused.stdout) == (2, b"")
    # Typer folds what it says into a box.
    assert said in " ".join(refused.stderr.decode().replace("│", " ").split())
    assert (await ask(local, "replay", "--type", "job.completed.v1", "--json")).code == 0


@pytest.mark.full
async def test_the_demo_is_a_line_of_json_an_event(local: User) -> None:
    shown = await headrace("demo", "--json", "--data", local.stack.directory)
    *events, outcome = shown.lines()
    assert outcome == {
        "live": outcome["replayed"],
        "replayed": outcome["replayed"],
        "ended_as_expected": True,
        "replay_identical": True,
    }
    assert {event["type"].split(".")[0] for event in events} == {"job"}
