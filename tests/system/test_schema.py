"""The OpenAPI document says what happens: a schema fuzzer that believes it finds nothing to complain of."""

import asyncio
import os
import sys
from pathlib import Path

import httpx

from headrace.local.supervisor import Stack
from shared import problems
from tests.system.conftest import user_of

ROOT = Path(__file__).parents[2]
EXAMPLES = 8


async def test_a_fuzzer_that_believes_the_document_finds_no_failure(
    shared_stack: Stack, tmp_path: Path
) -> None:
    """All checks (authentication among them), all phases; deterministic, to be found again."""
    scopes = frozenset({"jobs", "audit:all", "ops"})
    async with user_of(shared_stack, "fuzzer", scopes=scopes) as user:
        fuzzing = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(ROOT / "tests/system/schema/schemathesis.toml")),
            *("run", f"{shared_stack.address.api_url}/openapi.json"),
            *("--header", f"Authorization: Bearer {user.token}"),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
            *("--max-examples", str(EXAMPLES), "--generation-deterministic", "--no-color"),
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
    assert "Operations:\n  Selected: 22/22\n  Tested: 22" in said, said[-2_000:]


async def test_the_document_tells_every_problem_but_those_of_the_http_layer(shared_stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=shared_stack.address.api_url) as http:
        document = (await http.get("/openapi.json")).text
    unsaid = {kind for kind in problems.ALL if f'"{kind.slug}"' not in document}
    assert unsaid == {
        problems.NOT_FOUND,
        problems.METHOD_NOT_ALLOWED,
        problems.UNSUPPORTED_MEDIA,
        # The notifier's own.
        problems.TOO_MANY_CONNECTIONS,
        problems.BAD_CURSOR,
    }
