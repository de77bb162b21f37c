"""The api's own application over a real log, asked without a socket, where no projector answers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import msgspec

from services.api.app import create_app
from services.api.dialects.discovery import DialectOf
from services.api.quotas.unfinished_jobs import UnfinishedJobs
from services.api.settings import ApiSettings
from shared.auth import Tokens
from shared.domain.events import Isolation, Limits
from shared.jetstream.connection import Broker
from shared.jetstream.presence import LanguageOffer, Presence, announce
from shared.service.runtime import Service
from tests import builders

SETTINGS = ApiSettings(
    token_secret="not a secret, but of thirty-two bytes",
    requests_per_s=1_000_000,
)
PYTHON = LanguageOffer(
    name="python",
    version="3",
    aliases=("py",),
    extension=".py",
    entrypoint="main.py",
    stages=("run",),
    limits=Limits(),
)


@asynccontextmanager
async def asked_api(
    broker: Broker,
    *scopes: str,
    dialects: Sequence[DialectOf] = (),
    **changes: str | int,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the api in the tests' user's name; a failure of the api is an answer with 500."""
    now = datetime.now(UTC)
    await announce(
        broker,
        Presence(executor_id="x1", time=now, slots=1, isolation=Isolation(), languages=(PYTHON,)),
    )
    settings = msgspec.structs.replace(SETTINGS, **changes)
    tokens = Tokens(settings)
    app = create_app(Service("api"), settings, tokens, broker, UnfinishedJobs(), dialects)
    token = tokens.issue(
        builders.USER, lifetime=timedelta(hours=1), now=now, scopes=frozenset(scopes or ("jobs",))
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://api",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        yield client
