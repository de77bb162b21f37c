"""Programs of every language, submitted and watched through the proxy, run in the executor's container."""

import base64

import aiohttp
import pytest

from headrace.client.client import AsyncClient
from headrace.client.models import kept_bytes
from services.executor.languages.catalogue import load_languages
from tests.containers.stack import Stack
from tests.integration.sandbox.programs import EXAMPLES
from tests.programs.corpus import FIVE, Ended, OrdinaryProgram, read_program


async def test_the_image_offers_every_language_of_the_catalogue(stack: Stack) -> None:
    async with stack.client("alice") as client:
        offered = {language.name: language.version for language in await client.languages()}
    languages = load_languages()
    assert offered.keys() == languages.keys()
    told = {name: language.about.version for name, language in languages.items() if language.about}
    assert {name: offered[name][: len(version)] for name, version in told.items()} == told


@pytest.mark.parametrize("language", EXAMPLES)
async def test_a_program_runs_in_a_container_and_is_watched_through_the_proxy(
    stack: Stack, language: str
) -> None:
    example = EXAMPLES[language]
    async with stack.client("alice") as client:
        job = await client.submit(
            {
                "language": language,
                "code": example.echo,
                "args": ["a b", "$(id)"],
                "env": {"GREETING": "hello"},
                "stdin": "given\n",
            }
        )
        events = [event async for event in client.follow(job.job_id)]
        found = await client.get(job.job_id)
    assert [event.type for event in events if event.seq] == [
        "job.queued.v1",
        "job.running.v1",
        "job.completed.v1",
    ]
    assert found.result is not None
    assert kept_bytes(found.result.stdout).decode() == example.echoed


@pytest.mark.parametrize("language", EXAMPLES)
async def test_ordinary_programs_get_the_right_answer_in_a_container(stack: Stack, language: str) -> None:
    faults = []
    async with stack.client("alice") as client:
        for name in FIVE:
            program = read_program(language, name)
            job = await client.run(_submission(program))
            assert job.result is not None, job
            faults += program.faults(
                Ended(
                    stage=job.result.stages[-1].name,
                    exit_code=job.result.exit_code,
                    signal=job.result.signal,
                    stdout=kept_bytes(job.result.stdout),
                    stderr=kept_bytes(job.result.stderr),
                )
            )
    assert not faults, "\n".join(faults)


def _submission(program: OrdinaryProgram) -> dict[str, object]:
    """A program as a client hands it in, byte for byte."""
    files = [
        {"name": file.path, "content": base64.b64encode(file.content).decode(), "encoding": "base64"}
        for file in program.files
    ]
    return {
        "language": program.language.name,
        "files": files,
        "entrypoint": program.entrypoint,
        "args": program.case.args,
        "env": program.case.env,
        "stdin": base64.b64encode(program.stdin).decode(),
        "stdin_encoding": "base64",
    }


async def test_a_token_is_issued_where_the_secret_is(stack: Stack) -> None:
    token = stack.compose("exec", "-T", "api", "python", "-m", "deploy.token", "zoe", "1").strip()
    async with AsyncClient(stack.url, token) as client:
        job = await client.run({"language": "bash", "code": "echo $((6 * 7))"})
    assert (job.user_id, job.status) == ("zoe", "completed")
    assert "usage" in stack.refused("exec", "-T", "api", "python", "-m", "deploy.token")


async def test_the_same_comes_over_server_sent_events(stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {stack.token('alice')}", "Accept": "text/event-stream"}
    async with stack.client("alice") as client, aiohttp.ClientSession(headers=headers) as http:
        job = await client.run({"language": "python", "code": "print('over SSE')"})
        async with http.get(f"{stack.url}/v1/stream", params={"job_id": job.job_id}) as answer:
            assert answer.status == 200, await answer.text()
            said = b""
            while b"job.completed.v1" not in said:
                piece = await answer.content.readany()
                assert piece, said
                said += piece
    assert b"over SSE" in said


async def test_what_is_one_process_own_is_not_for_the_world(stack: Stack) -> None:
    async with aiohttp.ClientSession() as http:
        for path in ("/metrics", "/readyz", "/livez"):
            async with http.get(stack.url + path) as answer:
                assert answer.status == 404, path
