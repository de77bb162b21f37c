"""A dialect is mounted from its own folder: own keys, own errors, the same quotas and jobs."""

import ast
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.api.http.door import OWN, Dialect, Dialects
from shared.jetstream.connection import Broker
from tests import dialect as package
from tests.dialect.api import dialect
from tests.integration.api_in_process import asked_api

RUN = {"lang": "py", "src": "print(1)"}
SEAMS = {
    *("services.api.dependencies", "services.api.http.auth", "services.api.http.door"),
    *("services.api.http.request_context", "services.api.jobs.cancel", "services.api.jobs.new_job"),
    "services.api.jobs.wait",
}
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def own(broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    """The api with the dialect, as its own clients ask it."""
    async with asked_api(broker, dialects=(dialect,)) as client:
        yield client


@pytest.fixture
async def mini(own: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same, with the key of the dialect instead of a bearer token."""
    own.headers["X-Mini-Key"] = own.headers.pop("Authorization").removeprefix("Bearer ")
    return own


async def test_a_program_is_submitted_read_and_stopped(mini: httpx.AsyncClient) -> None:
    started = await mini.post("/mini/runs", json=RUN)
    assert started.status_code == 201, started.text
    run = started.json()["run"]
    assert started.json() == {"run": run, "state": "QUEUED", "lang": "python"}
    assert (await mini.get(f"/mini/runs/{run}")).json()["state"] == "QUEUED"
    assert (await mini.delete(f"/mini/runs/{run}")).json()["state"] == "CANCELLED"


async def test_the_job_is_the_same_behind_both_doors(mini: httpx.AsyncClient) -> None:
    run = (await mini.post("/mini/runs", json=RUN)).json()["run"]
    bearer = {"Authorization": f"Bearer {mini.headers['X-Mini-Key']}"}
    job = await mini.get(f"/v1/jobs/{run}", headers=bearer)
    assert (job.status_code, job.json()["status"]) == (200, "queued")


@pytest.mark.parametrize("body", [b"{}", b'{"lang":"py","src":"x","more":1}', b"[", b'{"lang":"","src":""}'])
async def test_its_errors_have_its_own_shape(mini: httpx.AsyncClient, body: bytes) -> None:
    answer = await mini.post("/mini/runs", content=body)
    assert answer.status_code == 422
    assert answer.json()["oops"]["code"] == "invalid-request"
    assert answer.json()["oops"]["ref"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/mini/runs/nothing", 404, "unknown-job"),
        ("GET", "/mini/nowhere", 404, "not-found"),
        ("PATCH", "/mini/runs", 405, "method-not-allowed"),
    ],
)
async def test_so_have_those_that_no_route_made(
    mini: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await mini.request(method, path)
    assert (answer.status_code, answer.json()["oops"]["code"]) == (status, code)


async def test_a_bearer_token_is_no_key_and_a_key_is_no_bearer_token(own: httpx.AsyncClient) -> None:
    """Each door looks at its own field alone, with a body and without."""
    for answer in (await own.post("/mini/runs", json=RUN), await own.get("/mini/runs/x")):
        assert answer.status_code == 401
        assert answer.json()["oops"]["text"] == "send your key as X-Mini-Key"
        assert "www-authenticate" not in answer.headers
    token = own.headers.pop("Authorization").removeprefix("Bearer ")
    refused = await own.get("/v1/jobs", headers={"X-Mini-Key": token})
    assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")


async def test_its_requests_are_counted_to_the_same_quota(mini: httpx.AsyncClient) -> None:
    answer = await mini.post("/mini/runs", json=RUN)
    assert "ratelimit" in answer.headers


async def test_a_body_beyond_the_bound_is_refused_in_its_shape(mini: httpx.AsyncClient) -> None:
    answer = await mini.post("/mini/runs", json={**RUN, "src": "x" * 20_000_000})
    assert (answer.status_code, answer.json()["oops"]["code"]) == (413, "too-large")


async def test_paths_beside_its_own_are_the_apis(mini: httpx.AsyncClient) -> None:
    for path in ("/minimum", "/mini2/runs", "/"):
        assert "oops" not in (await mini.get(path)).text


def test_two_dialects_cannot_claim_one_path() -> None:
    async def nothing(*_: object) -> None:
        """Answer nothing."""

    def claims(name: str, prefix: str) -> Dialect:
        return Dialect(name=name, prefixes=(prefix,), door=OWN, routes=())

    with pytest.raises(ValueError, match="b: the path /a/c is another dialect's"):
        Dialects(nothing, [(claims("a", "/a"), nothing), (claims("b", "/a/c"), nothing)])  # type: ignore[list-item]


def test_it_needs_no_folder_but_its_own() -> None:
    """It stands on the seams alone, and nothing of the services knows of it."""
    imported = {
        node.module
        for file in Path(*package.__path__).glob("api*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("services.")
    }
    assert imported <= SEAMS
    for file in (ROOT / "services").rglob("*.py"):
        assert "mini" not in file.read_text().split(), file
