"""A stack whose token secret is being changed: api and notifier accept both, and only they know them."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from headrace.local.supervisor import FACING_CLIENTS, Stack, StackOptions, run_stack
from shared.auth import Tokens
from shared.settings import TokenSettings
from tests.http_client import http_client
from tests.system.test_credentials import environment_of
from tests.system.test_http import assert_problem

pytestmark = pytest.mark.full

OLD, NEW, OLDER = "the old secret, " * 3, "the new secret, " * 3, "the one before the old, " * 3
SECRETS = {"HEADRACE_TOKEN_SECRET": NEW, "HEADRACE_TOKEN_SECRET_PREVIOUS": OLD}


@pytest_asyncio.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A stack with both secrets."""
    async with run_stack(tmp_path, StackOptions(executors=0, sync="fast", environment=SECRETS)) as running:
        yield running


def bearer(secret: str) -> dict[str, str]:
    tokens = Tokens(TokenSettings(token_secret=secret))
    token = tokens.issue("alice", lifetime=timedelta(hours=1), now=datetime.now(UTC))
    return {"Authorization": f"Bearer {token}"}


async def issued_by_the_command() -> str:
    asked = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.auth", "bob"), env=SECRETS, stdout=asyncio.subprocess.PIPE
    )
    return (await asked.communicate())[0].decode().strip()


async def test_tokens_of_both_secrets_are_accepted_and_no_others(stack: Stack) -> None:
    notifier = httpx.URL(stack.address.websocket_url).copy_with(scheme="http", path="/v1/stream")
    async with http_client() as http:
        by_command = {"Authorization": f"Bearer {await issued_by_the_command()}"}
        for headers in (bearer(OLD), bearer(NEW), by_command):
            answer = await http.get(f"{stack.address.api_url}/v1/jobs", headers=headers)
            assert answer.status_code == 200, answer.text
            async with http.stream("GET", notifier, headers=headers) as events:
                assert events.status_code == 200
        assert_problem(
            await http.get(f"{stack.address.api_url}/v1/jobs", headers=bearer(OLDER)), 401, "unauthenticated"
        )
        assert_problem(await http.get(notifier, headers=bearer(OLDER)), 401, "unauthenticated")
    for name, service in stack.services.items():
        told = environment_of(service.process.pid)
        assert ({OLD, NEW} <= {*told.values()}) == (name in FACING_CLIENTS)
        assert {OLD, NEW}.isdisjoint(told.values()) == (name not in FACING_CLIENTS)
