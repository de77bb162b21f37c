"""Swagger UI at `/api`, and a document that says what happens."""

import re
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from services.api.dialects.livecode.openapi import document
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Log
from tests.dialects.livecode.client import PREFIX, PROGRAM, LiveCode, livecode_api, run_to_end

Json = dict[str, Any]
REFERENCES = re.compile(r"""(?:src|href)="([^"#]+)\"""")
RESOURCES = Path(str(distribution("fastapi-swagger").locate_file("fastapi_swagger/resources")))


@pytest.mark.row("livecode", "6.1")
async def test_the_page_and_all_that_it_names_come_from_the_dialect(live: LiveCode) -> None:
    del live.http.headers["Authorization"]
    page = await live.get("/api")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<title>Swagger UI" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "script-src" not in policy
    named = REFERENCES.findall(page.text)
    assert len(named) == 4
    for reference in named:
        assert "//" not in reference
        found = await live.http.get(page.url.join(reference))
        assert found.status_code == 200, reference
    bundle = await live.get("/api/assets/swagger-ui-bundle.js")
    assert bundle.content == (RESOURCES / "swagger-ui-bundle.js").read_bytes()
    assert bundle.headers["content-type"].startswith("text/javascript")
    (script,) = (one for one in named if one.endswith("start.js"))
    (address,) = re.findall(r'url: "([^"]+)"', (await live.http.get(page.url.join(script))).text)
    described = page.url.join(address)
    assert str(described) == f"http://api{PREFIX}/api-json"
    assert str(described.join((await live.http.get(described)).json()["servers"][0]["url"])) == (
        f"http://api{PREFIX}/"
    )


@pytest.mark.row("livecode", "6.1")
async def test_nothing_else_is_served_as_an_asset(live: LiveCode) -> None:
    for name in ("..%2f__init__.py", "%2e%2e", "nothing.js", "x" * 300, "%00"):
        answer = await live.get(f"/api/assets/{name}")
        assert (answer.status_code, answer.json()["error"]) == (404, "Not Found"), name


def check(described: Json, schema: str, value: object) -> None:
    reference: Json = {"$ref": f"#/components/schemas/{schema}", "components": described["components"]}
    jsonschema_rs.validator_for(reference).validate(value)


@pytest.mark.row("livecode", "6.2")
async def test_the_document_describes_what_is_sent_and_answered(
    live: LiveCode, log: Log, broker: Broker
) -> None:
    described = (await live.get("/api-json")).json()
    assert described == document(needs_token=True)
    assert described["security"] == [{"bearer": []}]
    async with livecode_api(broker, livecode_user="anonymous") as open_to_all:
        assert (await open_to_all.get("/api-json")).json()["security"] == [{"bearer": []}, {}]
    made = await live.execute()
    check(described, "ExecutionBody", PROGRAM)
    check(described, "AcceptedExecution", made)
    check(described, "Execution", (await live.get(f"/executions/{made['executionId']}")).json())
    await run_to_end(log, made["executionId"])
    check(described, "Execution", (await live.get(f"/executions/{made['executionId']}")).json())
    session_id = await live.begin()
    check(described, "CodeSession", (await live.save(session_id, sourceCode="1")).json())
    check(described, "CodeSessionWithSource", (await live.get(f"/code-sessions/{session_id}")).json())
    check(described, "AcceptedRun", (await live.post(f"/code-sessions/{session_id}/run")).json())
    for refused in (await live.get("/executions/x"), await live.post("/executions", {})):
        check(described, "Error", refused.json())
    with pytest.raises(jsonschema_rs.ValidationError):
        check(described, "Execution", made)
