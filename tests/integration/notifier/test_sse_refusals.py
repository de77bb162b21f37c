"""Who is refused a stream and how, as problem+json (docs/protocol.md 10.6 and 10.9)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from headrace.local.nats_server import NatsServer
from shared.contract import problems
from shared.contract.problems import MEDIA_TYPE, ProblemType
from tests import builders
from tests.http_client import http_client
from tests.integration.notifier.client import connected
from tests.integration.notifier.conftest import Serve, token
from tests.integration.notifier.sse import SseClient, get, headers_of, http, streaming
from tests.integration.notifier.writer import Writer


@pytest.mark.clause("10.6", "10.1")
@pytest.mark.parametrize(
    ("sent", "query", "kind"),
    [
        pytest.param(None, "", problems.UNAUTHENTICATED, id="no token"),
        pytest.param("not.a.token", "", problems.UNAUTHENTICATED, id="unreadable"),
        pytest.param(token(lasts_s=-1), "", problems.UNAUTHENTICATED, id="expired"),
        pytest.param(None, f"?token={token()}", problems.UNAUTHENTICATED, id="token in the query"),
        pytest.param(None, f"?access_token={token()}", problems.UNAUTHENTICATED, id="the same by RFC 6750"),
        pytest.param(token(scopes=frozenset({"ops"})), "", problems.FORBIDDEN, id="without the scope"),
        pytest.param(token(), f"?job_id={builders.JOB}", problems.UNKNOWN_JOB, id="unknown job"),
        pytest.param(token(), "?job_id=x", problems.UNKNOWN_JOB, id="no job id"),
        pytest.param(token(), "?after=x", problems.BAD_CURSOR, id="no cursor"),
        pytest.param(token(), "?after=7-0", problems.BAD_CURSOR, id="a cursor of another log"),
    ],
)
async def test_refusals(url: str, sent: str | None, query: str, kind: ProblemType) -> None:
    answer = await get(url, f"/v1/stream{query}", **headers_of(sent))
    assert_problem(answer, kind)
    assert ("www-authenticate" in answer.headers) == (kind is problems.UNAUTHENTICATED)


def assert_problem(answer: httpx.Response, kind: ProblemType) -> None:
    assert answer.status_code == kind.status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["type"] == kind.uri


@pytest.mark.clause("10.6")
async def test_a_job_of_somebody_else_is_unknown(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.run_job(job, user="bob")
    answer = await get(url, f"/v1/stream?job_id={job}", **headers_of(token()))
    assert_problem(answer, problems.UNKNOWN_JOB)


@pytest.mark.clause("10.6")
@pytest.mark.parametrize("last", ["x", "7-0", "start now"])
async def test_a_bad_id_in_the_header_is_refused(url: str, last: str) -> None:
    assert_problem(await get(url, "/v1/stream", **headers_of(token(), last)), problems.BAD_CURSOR)


@pytest.mark.full
@pytest.mark.clause("10.6")
async def test_a_log_that_does_not_answer_is_a_problem(
    url: str, writer: Writer, nats_server: NatsServer
) -> None:
    job = builders.job_id()
    await writer.append(builders.queued(job))
    await nats_server.stop()
    answer = await get(url, f"/v1/stream?job_id={job}", **headers_of(token()))
    assert_problem(answer, problems.UNAVAILABLE)
    assert answer.headers["retry-after"]
    await nats_server.start()


async def test_other_methods_and_other_paths_are_problems(url: str) -> None:
    async with http_client() as client:
        posted = await client.post(http(url), headers=headers_of(token()))
    assert_problem(posted, problems.METHOD_NOT_ALLOWED)
    assert posted.headers["allow"] == "GET"
    assert_problem(await get(url, "/v1/streams"), problems.NOT_FOUND)


@pytest.mark.clause("10.6", "2.7")
async def test_places_are_counted_over_both_transports(serve: Serve) -> None:
    """Of the process and of the user; and a place is free again after its stream."""
    small = await serve(notifier_connections_max=1)
    async with connected(small, token=token()):
        assert_full(await get(small, "/v1/stream", **headers_of(token())))
    narrow = await serve(notifier_user_connections_max=1)
    for _ in range(3):
        async with streaming_when_there_is_a_place(narrow):
            assert_full(await get(narrow, "/v1/stream", **headers_of(token())))
            async with connected(narrow) as refused:
                await refused.send(type="connection_init", token=token())
                assert await refused.close_code() == 4503
            async with streaming(narrow, token("bob")) as other:
                await other.expect("subscribed")


@asynccontextmanager
async def streaming_when_there_is_a_place(url: str) -> AsyncIterator[SseClient]:
    """The server learns of a disconnection in its own time."""
    while (await _status_of(url)) == 503:
        pass
    async with streaming(url, token()) as stream:
        await stream.expect("subscribed")
        yield stream


async def _status_of(url: str) -> int:
    """Of an answer that takes no place: the id is not known, but that is found out later."""
    return (await get(url, f"/v1/stream?job_id={builders.JOB}", **headers_of(token()))).status_code


def assert_full(answer: httpx.Response) -> None:
    assert_problem(answer, problems.TOO_MANY_CONNECTIONS)
    assert answer.headers["retry-after"]


@pytest.mark.clause("10.9")
@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://one.example", True), ("https://evil.example", False), (None, False)]
)
async def test_only_listed_origins_may_read(serve: Serve, origin: str | None, allowed: bool) -> None:
    url = await serve(notifier_origins="https://one.example,https://two.example")
    answer = await get(url, "/v1/stream", **headers_of(None, origin=origin))
    assert_problem(answer, problems.UNAUTHENTICATED)
    assert answer.headers.get("access-control-allow-origin") == (origin if allowed else None)
    if origin is None:
        return
    async with http_client() as client:
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization, last-event-id",
        }
        preflight = await client.options(http(url), headers=asked)
    assert preflight.headers.get("access-control-allow-origin") == (origin if allowed else None)
    assert (preflight.status_code == 200) == allowed
