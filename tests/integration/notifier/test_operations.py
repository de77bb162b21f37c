"""What operators see of the connections (docs/protocol.md 11)."""

from datetime import UTC, datetime

import pytest

from shared.contract import problems
from tests import builders
from tests.integration.notifier.client import connected
from tests.integration.notifier.conftest import Serve, token
from tests.integration.notifier.sse import get, headers_of, listed, streaming
from tests.integration.notifier.test_sse_refusals import assert_problem
from tests.integration.notifier.writer import Writer


@pytest.mark.clause("11.1")
async def test_every_connection_is_listed_the_oldest_first(url: str, writer: Writer) -> None:
    job = builders.job_id()
    await writer.append(builders.queued(job))
    before = datetime.now(UTC)
    async with connected(url, token=token()) as one, connected(url), streaming(url, token("bob")) as stream:
        await one.subscribe("*", id="all")
        await one.subscribe(job, id="one")
        await one.event("one")
        await stream.expect("subscribed")
        found = await listed(url)
        assert found["total"] == 3
        first, silent, streamed = found["connections"]
    assert (first["user_id"], silent["user_id"], streamed["user_id"]) == (builders.USER, None, "bob")
    assert [record["transport"] for record in found["connections"]] == ["websocket", "websocket", "sse"]
    assert first["subscriptions"] == [{"id": "all", "job_id": None}, {"id": "one", "job_id": job}]
    assert silent["subscriptions"] == []
    assert len(streamed["subscriptions"]) == 1
    times = [datetime.fromisoformat(record["connected_at"]) for record in found["connections"]]
    moments = [before, *times, datetime.now(UTC)]
    assert moments == sorted(moments)
    assert first["connection_id"] != silent["connection_id"]
    assert all(record["queued_bytes"] == 0 for record in found["connections"])
    assert (await listed(url, query="?limit=1000"))["connections"] == []


@pytest.mark.clause("11.1")
async def test_every_message_of_a_client_is_activity(url: str) -> None:
    async with connected(url, token=token()) as client:
        seen = [(await listed(url))["connections"][0]]
        for message in ({"type": "pong"}, {"type": "ping"}):
            await client.send(**message)
            await client.send(type="ping")
            await client.expect("pong")
            seen.append((await listed(url))["connections"][0])
    assert len({record["connected_at"] for record in seen}) == 1
    activity = [record["last_activity"] for record in seen]
    assert activity == sorted(set(activity))


@pytest.mark.clause("11.1")
async def test_a_user_and_a_number_may_be_chosen(url: str) -> None:
    async with (
        connected(url, token=token()),
        connected(url, token=token()),
        connected(url, token=token("bob")),
    ):
        mine = await listed(url, query=f"?user_id={builders.USER}&limit=1")
        assert (mine["total"], len(mine["connections"])) == (2, 1)
        assert (await listed(url, query="?user_id=nobody")) == {"total": 0, "connections": []}


@pytest.mark.clause("11.1")
@pytest.mark.parametrize("limit", ["0", "1001", "x", "-1", "", "\u0661"])
async def test_a_senseless_number_is_refused(url: str, limit: str) -> None:
    operator = token(scopes=frozenset({"ops"}))
    answer = await get(url, f"/v1/connections?limit={limit}", **headers_of(operator))
    assert_problem(answer, problems.BAD_REQUEST)


@pytest.mark.clause("11.1")
async def test_it_needs_its_scope(serve: Serve) -> None:
    url = await serve()
    assert_problem(await get(url, "/v1/connections"), problems.UNAUTHENTICATED)
    assert_problem(await get(url, "/v1/connections", **headers_of(token())), problems.FORBIDDEN)
