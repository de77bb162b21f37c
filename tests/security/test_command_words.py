"""Hostile words for compilers and interpreters: the api refuses them, and the executor those in the log."""

import json

import httpx
import pytest

from shared.domain.allowed_words import WORD_LENGTH_MAX, WORDS_MAX, refused
from shared.jetstream.event_log import Appended, Log
from tests import builders
from tests.cases import cases
from tests.security.command_words import LANGUAGES, attacks_on
from tests.security.conftest import StackArena
from tests.security.test_names import events_of_mallory
from tests.system.conftest import broker_of

STACK = pytest.mark.asyncio(loop_scope="package")
FIELDS = ("compiler_args", "interpreter_args")


@pytest.mark.parametrize("name", LANGUAGES)
def test_no_language_allows_a_hostile_word(name: str) -> None:
    language = LANGUAGES[name]
    attacks = attacks_on(language)
    for forms in (language.compiler_forms, language.interpreter_forms):
        places = refused(attacks, forms)
        assert [word for place, word in enumerate(attacks) if place not in places] == []


async def post(http: httpx.AsyncClient, **fields: object) -> httpx.Response:
    content = json.dumps({"code": "", **fields}).encode()
    return await http.post("/v1/jobs", content=content, headers={"Content-Type": "application/json"})


@STACK
@pytest.mark.parametrize("name", cases(LANGUAGES, {"c", "python"}))
async def test_hostile_words_are_refused_and_nothing_is_stored(
    arena: StackArena, http: httpx.AsyncClient, name: str
) -> None:
    offered = {language.name for language in await arena.users["mallory"].client.languages()}
    before = await events_of_mallory(arena)
    attacks = attacks_on(LANGUAGES[name])
    for field in FIELDS:
        # As many at once as are allowed: each is refused by itself, and has its place in the answer.
        for begin in range(0, len(attacks), WORDS_MAX):
            words = attacks[begin : begin + WORDS_MAX]
            answer = await post(http, language=name, **{field: words})
            assert answer.status_code == 422, answer.text
            if name in offered:
                places = [f"{field}.{place}" for place in range(len(words))]
                assert [each["field"] for each in answer.json()["errors"]] == places
    assert await events_of_mallory(arena) == before
    assert "request_failed" not in arena.logs()


@STACK
async def test_no_other_door_lets_a_hostile_word_in(arena: StackArena, http: httpx.AsyncClient) -> None:
    """Neither a batch nor the run of a session."""
    before = await events_of_mallory(arena)
    plain: dict[str, object] = {"language": "python", "code": "print('ESCAPED')"}
    words = [word for word in attacks_on(LANGUAGES["python"]) if len(word) <= WORD_LENGTH_MAX]
    session = (await http.post("/v1/sessions", json={"title": "t", **plain})).json()
    address = f"/v1/sessions/{session['session_id']}"
    for field in FIELDS:
        for begin in range(0, len(words), 100):
            jobs = [{**plain, field: [word]} for word in words[begin : begin + 100]]
            batch = await http.post("/v1/jobs/batch", json={"jobs": jobs})
            assert {one["status"] for one in batch.json()["jobs"]} == {422}
        for begin in range(0, len(words), WORDS_MAX):
            run = {field: words[begin : begin + WORDS_MAX]}
            answer = await http.post(f"{address}/run", json=run)
            assert answer.status_code == 422, answer.text
            assert len(answer.json()["errors"]) == len(run[field])
    assert await events_of_mallory(arena) == before
    assert "request_failed" not in arena.logs()


@STACK
async def test_words_without_measure_are_refused(arena: StackArena, http: httpx.AsyncClient) -> None:
    before = await events_of_mallory(arena)
    measureless: tuple[object, ...] = (
        ["-O"] * (WORDS_MAX + 1),
        ["-O"] * 100_000,
        ["-" + "W" * WORD_LENGTH_MAX],
        ["-W" + "a" * 1_000_000],
        ["-O\0"],
        ["\ud800"],
        [["-O"]],
        [{}],
        {"0": "-O"},
        "-O",
        7,
    )
    for words in measureless:
        for field in FIELDS:
            answer = await post(http, language="python", **{field: words})
            assert 400 <= answer.status_code < 500, str(words)[:80]
            assert answer.headers["content-type"] == "application/problem+json"
            assert len(answer.content) < 100_000
    assert await events_of_mallory(arena) == before
    assert "request_failed" not in arena.logs()


@STACK
@pytest.mark.parametrize("field", FIELDS)
async def test_a_word_that_got_into_the_log_is_not_run(arena: StackArena, field: str) -> None:
    """As an api of another version, or one that an attacker controls, may write it."""
    job = builders.job_id()
    queued = builders.queued(job, "mallory", **{field: ("-c", "print('ESCAPED')")})
    async with broker_of(arena.stack) as broker:
        assert isinstance(await Log(broker).append(queued, expected=0, patience_s=20), Appended)
    outcome = await arena.outcome("mallory", job)
    assert (outcome.ending, outcome.said) == ("failed/rejected", "")
    assert outcome.detail == f"'-c' is not one of the {field} that python allows here"
