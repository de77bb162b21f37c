"""Requests without a token, in the name of one user with a lane for each session."""

import hashlib

import pytest

from shared.contract.subjects import QUEUED_SUBJECTS, parse
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from tests import builders
from tests.dialects.livecode.client import NO_SESSION, NOT_FOUND, LiveCode, append, livecode_api


def lane_of(session_id: str) -> str:
    return f"anonymous:{hashlib.sha256(session_id.encode()).hexdigest()[:2]}"


async def owners(log: Log) -> list[str]:
    return [parse(entry.subject).user_id async for entry in log.replay(QUEUED_SUBJECTS)]


@pytest.mark.row("livecode", "5.1", "5.2")
async def test_each_session_has_a_lane(nobody: LiveCode, log: Log) -> None:
    first = await nobody.execute()
    assert await nobody.execute() == first
    await nobody.execute(sessionId="tab-2")
    await nobody.execute(sessionId=None)
    session_id = await nobody.begin(code="1")
    await nobody.save(session_id, sourceCode="2")
    run = (await nobody.post(f"/code-sessions/{session_id}/run")).json()
    assert (await nobody.get(f"/code-sessions/{session_id}")).json()["sourceCode"] == "2"
    assert lane_of("tab-1") != lane_of("tab-2")
    assert await owners(log) == [*map(lane_of, ("tab-1", "tab-2")), "anonymous", lane_of(session_id)]
    assert (await nobody.get(f"/executions/{run['executionId']}")).json()["status"] == "QUEUED"
    assert (await nobody.get(f"/executions/{first['executionId']}")).json()["status"] == "QUEUED"


@pytest.mark.row("livecode", "5.5")
async def test_neither_side_sees_the_other_s(broker: Broker, log: Log) -> None:
    async with livecode_api(broker, livecode_user="anonymous") as live:
        own, own_session = (await live.execute())["executionId"], await live.begin()
        authorization = live.http.headers.pop("Authorization")
        theirs, their_session = (await live.execute())["executionId"], await live.begin()
        assert theirs != own, "the same words of another user"
        similar = builders.job_id()
        await append(log, builders.queued(similar, user="anonymous:zz"))
        for job_id in (own, similar, "nothing"):
            assert (await live.get(f"/executions/{job_id}")).json() == NOT_FOUND
        assert (await live.get(f"/code-sessions/{own_session}")).json() == NO_SESSION
        live.http.headers["Authorization"] = authorization
        assert (await live.get(f"/executions/{theirs}")).json() == NOT_FOUND
        assert (await live.get(f"/code-sessions/{their_session}")).json() == NO_SESSION


@pytest.mark.row("livecode", "1.3")
async def test_a_token_that_is_sent_is_checked_all_the_same(nobody: LiveCode) -> None:
    for sent in ("Bearer ", "Bearer forged", "Basic YTpi", ""):
        nobody.http.headers["Authorization"] = sent
        for answer in (await nobody.get("/code-sessions/x"), await nobody.post("/executions", {})):
            assert (answer.status_code, answer.json()["error"]) == (401, "Unauthorized"), sent


@pytest.mark.row("livecode", "5.3", "5.4")
async def test_all_lanes_have_the_quotas_of_one_user(broker: Broker, log: Log) -> None:
    async with livecode_api(broker, livecode_user="anonymous", unfinished_jobs=3) as live:
        del live.http.headers["Authorization"]
        statuses = [
            (await live.post("/executions", {"sessionId": str(tab), "language": "python", "code": "1"}))
            for tab in range(5)
        ]
        assert [answer.status_code for answer in statuses] == [201, 201, 201, 429, 429]
        assert (await live.execute(sessionId="0", code="1"))["status"] == "QUEUED", "a repetition is let in"
    assert len(await owners(log)) == 3
    async with livecode_api(broker, livecode_user="anonymous", user_log_bytes_max=512 * 1024) as live:
        del live.http.headers["Authorization"]
        answer = await live.post(
            "/executions", {"sessionId": "big", "language": "python", "code": "#" * 4_000}
        )
        assert answer.status_code == 507


@pytest.mark.row("livecode", "5.6")
async def test_a_lane_is_a_user_that_an_operator_can_erase(broker: Broker) -> None:
    async with livecode_api(broker, livecode_user="anonymous") as live:
        del live.http.headers["Authorization"]
        job_id = (await live.execute())["executionId"]
        session_id = await live.begin()
    async with livecode_api(broker, "ops", livecode_user="anonymous") as live:
        for lane in (lane_of("tab-1"), lane_of(session_id)):
            for _ in range(2):
                assert (await live.http.delete(f"/v1/users/{lane}")).status_code in {200, 202}
        del live.http.headers["Authorization"]
        assert (await live.get(f"/executions/{job_id}")).json() == NOT_FOUND
        assert (await live.get(f"/code-sessions/{session_id}")).json() == NO_SESSION
