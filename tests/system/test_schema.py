"""The OpenAPI document says what happens: a schema fuzzer that believes it finds nothing to complain of."""

import asyncio
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import pytest_asyncio
from pydantic import BaseModel

import services.api
from headrace.local.supervisor import Stack
from services.api.http.openapi.responses import DocumentedRouter
from services.api.interaction.schemas import InputBody, SignalBody
from services.api.jobs.fields import LIMIT_MAX
from services.api.jobs.schemas import BatchBody, SubmissionBody, TerminalBody
from services.api.sessions.schemas import RunBody, SessionBody
from services.api.settings import ApiSettings
from shared.contract import problems
from shared.contract.problems import MEDIA_TYPE
from shared.version import VERSION
from tests.http_client import http_client
from tests.system.conftest import user_of
from tests.system.test_http import HELLO

pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[2]
EXAMPLES = 8
Json = dict[str, Any]
BODIES: dict[str, type[BaseModel]] = {
    "submit_job": SubmissionBody,
    "submit_batch": BatchBody,
    "send_input": InputBody,
    "resize_terminal": TerminalBody,
    "send_signal": SignalBody,
    "create_session": SessionBody,
    "save_session": SessionBody,
    "run_session": RunBody,
}


@pytest.mark.full
@pytest.mark.timeout(1_800)
async def test_a_fuzzer_that_believes_the_document_finds_no_failure(stack: Stack, tmp_path: Path) -> None:
    """All checks (authentication among them), all phases; deterministic, to be found again.

    In a stack of its own: it erases users and retries dead letters.
    """
    scopes = frozenset({"jobs", "audit:all", "ops"})
    async with user_of(stack, "fuzzer", scopes=scopes) as user:
        fuzzing = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(ROOT / "tests/system/schema/schemathesis.toml")),
            *("run", f"{stack.address.api_url}/openapi.json"),
            *("--header", f"Authorization: Bearer {user.token}"),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
            *("--max-examples", str(EXAMPLES), "--generation-deterministic", "--no-color"),
            # A slow answer is no wrong one: erasing the fuzzer takes a while on a busy machine.
            *("--request-timeout", "120", "--max-response-time", "120"),
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "SCHEMATHESIS_HOOKS": "tests.system.schema.hooks",
                "COLUMNS": "100",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await fuzzing.communicate())[0].decode()
    assert fuzzing.returncode == 0, said[-20_000:]
    assert "Operations:\n  Selected: 31/31\n  Tested: 31" in said, said[-2_000:]


@pytest_asyncio.fixture(loop_scope="session")
async def document(shared_stack: Stack) -> Json:
    async with http_client(base_url=shared_stack.address.api_url) as http:
        found: Json = (await http.get("/openapi.json")).json()
    return found


def contents(document: Json, *, of: str) -> Iterator[tuple[str, str, Json]]:
    """Every operation's content: of its requests, or of its answers that are no problems."""
    for methods in document["paths"].values():
        for operation in methods.values():
            parts = {"request": operation.get("requestBody")} if of == "requests" else operation["responses"]
            for status, part in parts.items():
                for media_type, content in ((part or {}).get("content") or {}).items():
                    if media_type != MEDIA_TYPE:
                        yield f"{operation['operationId']} {status}", media_type, content


def _answered() -> dict[str, type[msgspec.Struct]]:
    """What the routes of all features answer, by the name of its schema."""
    found: dict[str, type[msgspec.Struct]] = {}
    for module in pkgutil.walk_packages(services.api.__path__, "services.api."):
        if module.name.endswith("routes"):
            for router in vars(importlib.import_module(module.name)).values():
                if isinstance(router, DocumentedRouter):
                    found |= router.structs
    return found


async def test_every_answer_has_an_example_that_is_what_its_route_answers(document: Json) -> None:
    """Decoded as its struct, which is encoded again to the same; and valid by the published schema."""
    answered = _answered()
    seen = set()
    for name, media_type, content in contents(document, of="answers"):
        seen.add(name.split()[0])
        if media_type == "application/octet-stream":
            assert isinstance(content["example"], str)
            continue
        kind = answered[content["schema"]["$ref"].rpartition("/")[2]]
        decoded = msgspec.json.decode(json.dumps(content["example"]), type=kind)
        assert json.loads(msgspec.json.encode(decoded)) == content["example"], name
        validator(document, content["schema"]).validate(content["example"])
    operations = {one["operationId"] for methods in document["paths"].values() for one in methods.values()}
    assert operations - seen == {"delete_session", "delete_file"}, "which answer nothing"


async def test_every_request_body_has_examples_that_are_accepted(document: Json) -> None:
    seen = {}
    for name, media_type, content in contents(document, of="requests"):
        if media_type == "application/octet-stream":
            assert all(isinstance(example["value"], str) for example in content["examples"].values())
            continue
        seen[name.split()[0]] = len(content["examples"])
        for example in content["examples"].values():
            validator(document, content["schema"]).validate(example["value"])
            kind = BODIES[name.split()[0]]
            assert kind.model_validate(example["value"]).model_fields_set == set(example["value"])
    assert set(seen) == set(BODIES)
    assert seen["submit_job"] == 2


def undescribed(document: Json) -> Iterator[str]:
    """Every schema, property, parameter, header, operation and tag that the document says nothing of."""
    for name, schema in document["components"]["schemas"].items():
        parts = {"": schema} | {f".{field}": each for field, each in schema.get("properties", {}).items()}
        yield from (name + part for part, each in parts.items() if not each.get("description"))
    for methods in document["paths"].values():
        for operation in methods.values():
            name = operation["operationId"]
            parameters = operation.get("parameters", ())
            yield from (f"{name}: {one['name']}" for one in parameters if not one.get("description"))
            if not operation.get("description"):
                yield name
            for answer in operation["responses"].values():
                headers = answer.get("headers", {}).items()
                yield from (f"{name}: {header}" for header, one in headers if not one.get("description"))
    yield from (tag["name"] for tag in document["tags"] if not tag.get("description"))


async def test_the_document_describes_every_property_and_parameter(document: Json) -> None:
    assert list(undescribed(document)) == []
    schemas = document["components"]["schemas"].values()
    assert sum(len(schema.get("properties", ())) for schema in schemas) >= 230
    del document["components"]["schemas"]["JobShown"]["properties"]["waiting_for"]["description"]
    assert list(undescribed(document)) == ["JobShown.waiting_for"]


async def test_the_document_says_where_whose_and_which_version_it_is(document: Json) -> None:
    assert [one["url"] for one in document["servers"]] == ["/"]
    assert document["info"]["license"] == {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
    assert document["info"]["version"] == VERSION
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    used = {tag for operation in operations for tag in operation["tags"]}
    assert used == {tag["name"] for tag in document["tags"]}


def validator(document: Json, schema: Json) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]})


async def test_the_document_tells_the_bounds_of_numbers(document: Json) -> None:
    settings = ApiSettings(token_secret="x" * 32)
    schemas = document["components"]["schemas"]
    limits = schemas["LimitsBody"]["properties"]
    assert bounds(limits["memory_bytes"]) == (1_048_576, LIMIT_MAX)
    assert bounds(limits["output_bytes"]) == (0, LIMIT_MAX)
    for body in ("SubmissionBody", "SessionBody"):
        assert bounds(schemas[body]["properties"]["ttl_s"]) == (60, settings.ttl_s_max)
        assert bounds(schemas[body]["properties"]["idle_s"]) == (1, settings.idle_s_max)
    usual = msgspec.to_builtins(settings.limits_max)
    longer = {**usual, "wall_ms": settings.interactive_wall_ms_max}
    interactive = {**HELLO, "interactive": True}
    for body, program, most in (
        ("SubmissionBody", HELLO, usual),
        ("SubmissionBody", interactive, longer),
        ("SessionBody", HELLO, usual),
        ("SessionBody", interactive, longer),
        # What its document is, a run's schema cannot tell.
        ("RunBody", {}, longer),
    ):
        valid = validator(document, {"$ref": f"#/components/schemas/{body}"})
        for name in limits:
            beyond = {**program, "limits": {name: most[name] + 1}}
            assert valid.is_valid({**program, "limits": {name: most[name]}}), (body, name)
            assert not valid.is_valid(beyond), (body, name)
            assert valid.is_valid({**beyond, "limits_policy": "clamp"}), (body, name)


async def test_the_document_tells_what_an_interactive_program_has(document: Json) -> None:
    valid = validator(document, {"$ref": "#/components/schemas/SubmissionBody"})
    own: tuple[Json, ...] = ({"idle_s": 5}, {"terminal": {"columns": 80, "rows": 24}})
    for fields in own:
        assert valid.is_valid({**HELLO, "interactive": True, **fields})
        assert not valid.is_valid({**HELLO, **fields})
        assert not valid.is_valid({**HELLO, "interactive": False, **fields})
    assert valid.is_valid({**HELLO, "stdin": "x"})
    assert not valid.is_valid({**HELLO, "interactive": True, "stdin": "x"})


def bounds(schema: dict[str, Any]) -> tuple[int, int]:
    number, nothing = schema["anyOf"]
    assert (number["type"], nothing) == ("integer", {"type": "null"})
    return number["minimum"], number["maximum"]


async def test_the_document_tells_every_problem_but_those_of_the_http_layer(shared_stack: Stack) -> None:
    async with http_client(base_url=shared_stack.address.api_url) as http:
        document = (await http.get("/openapi.json")).text
    unsaid = {kind for kind in problems.ALL if f'"{kind.slug}"' not in document}
    assert unsaid == {
        problems.NOT_FOUND,
        problems.METHOD_NOT_ALLOWED,
        problems.HEADERS_TOO_LARGE,
        problems.URI_TOO_LONG,
        problems.TOO_SLOW,
        # The notifier's own.
        problems.BAD_CURSOR,
    }
