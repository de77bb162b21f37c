"""A client of the dialect, and the end of an execution as an executor would write it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from services.api.dialects.livecode import dialect
from shared.domain.events import Event
from shared.jetstream.connection import Broker
from shared.jetstream.event_log import Appended, Log
from tests import builders
from tests.integration.api_in_process import asked_api

PREFIX = "/dialects/livecode"
PROGRAM = {"sessionId": "tab-1", "language": "python", "code": "print('Hello')"}
UNKNOWN = "0197f000-0000-7000-8000-000000000001"
NOT_FOUND = {"statusCode": 404, "message": "Execution not found", "error": "Not Found"}
NO_SESSION = {"statusCode": 404, "message": "Session not found", "error": "Not Found"}


@dataclass
class LiveCode:
    """What a page does."""

    http: httpx.AsyncClient
    prefix: str = ""

    async def post(self, path: str, body: object = None, key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.http.post(self.prefix + path, json=body, headers=headers)

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(self.prefix + path)

    async def execute(self, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Submit the usual program with changes; a field that is None is left out."""
        body = {name: value for name, value in {**PROGRAM, **changes}.items() if value is not None}
        answer = await self.post("/executions", body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def begin(self, **body: str) -> str:
        """A new code session."""
        answer = await self.post("/code-sessions", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["sessionId"])

    async def save(self, session_id: str, **body: str) -> httpx.Response:
        return await self.http.patch(f"{self.prefix}/code-sessions/{session_id}", json=body)


@asynccontextmanager
async def livecode_api(
    broker: Broker,
    *scopes: str,
    **settings: Any,  # noqa: ANN401 - of any kind
) -> AsyncIterator[LiveCode]:
    """An api of its own, which knows of another one only what the log knows."""
    async with asked_api(broker, *scopes, dialects=(dialect,), **settings) as http:
        yield LiveCode(http, PREFIX)


async def append(log: Log, event: Event) -> None:
    """The job's next event."""
    last = (await log.read_job(event.user_id, event.job_id)).last_sequence
    assert isinstance(await log.append(event, expected=last, patience_s=5), Appended)


async def run_to_end(log: Log, job_id: str, user: str = builders.USER) -> None:
    """It runs and completes."""
    await append(log, builders.running(job_id, user))
    await append(log, builders.completed(job_id, user))
