"""One stack for all tests of this folder in a worker, with every dialect at a port of its own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
import pytest_asyncio

from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.dialects.names import DIALECTS
from tests.dialects.browser.pages import ORIGIN
from tests.dialects.clients import http_client
from tests.integration.notifier.conftest import Serve, serve, start_process, url, writer
from tests.issuer import KEYS, Issuer, running_issuer
from tests.system.conftest import User, assert_nothing_was_refused, user_of

__all__ = ["Serve", "serve", "start_process", "url", "writer"]


FIREBASE_PROJECT = "my-project"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def firebase() -> AsyncIterator[Issuer]:
    """Has the keys of the Firebase project whose users that stack lets in."""
    async with running_issuer() as issuer:
        yield issuer


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def dialect_stack(tmp_path_factory: pytest.TempPathFactory, firebase: Issuer) -> AsyncIterator[Stack]:
    """Tests of it have `pytestmark = pytest.mark.asyncio(loop_scope="session")`."""
    environment = {
        "HEADRACE_API_ORIGINS": ORIGIN,
        "HEADRACE_NOTIFIER_ORIGINS": ORIGIN,
        "HEADRACE_LIVECODE_USER": "anonymous",
        "HEADRACE_TOKEN_PROVIDER": "firebase",
        "HEADRACE_TOKEN_PROVIDER_PROJECT": FIREBASE_PROJECT,
        "HEADRACE_TOKEN_PROVIDER_KEYS_URL": firebase.url + KEYS,
    }
    dialects = [f"{name}=0" for name in DIALECTS]
    options = StackOptions(sync="fast", environment=environment, dialects=dialects)
    async with run_stack(tmp_path_factory.mktemp("dialects") / "data", options) as stack:
        yield stack
        assert_nothing_was_refused(stack)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dialect_user(dialect_stack: Stack) -> AsyncIterator[User]:
    """A user of this module's own, with the native client to see the same jobs."""
    async with user_of(dialect_stack) as user:
        yield user


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dialect_http(
    dialect_stack: Stack, dialect_user: User
) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """HTTP in that user's name to each dialect, at its own port."""
    async with AsyncExitStack() as exits:
        yield {
            name: await exits.enter_async_context(http_client(address, dialect_user.token))
            for name, address in dialect_stack.address.dialects.items()
        }
