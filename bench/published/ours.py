"""Headrace, each client being a user: over one WebSocket that is always open, or over HTTP alone."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from bench.published.programs import Program
from bench.published.side import Timed
from headrace.client.client import AsyncClient, open_client
from headrace.client.endpoint import local_endpoint
from headrace.local.supervisor import Stack
from shared.contract.codec import EventObject

ENDS = frozenset({"job.completed.v1", "job.failed.v1", "job.timeout.v1", "job.cancelled.v1"})
OUTPUT = "job.output.v1"


def _submission(program: Program) -> dict[str, str]:
    return {"language": program.language, "code": program.code, "stdin": program.stdin}


class OverWebSocket:
    """`POST /v1/jobs`, and the job's events by a subscription of all of the user's jobs."""

    name = "Headrace, WebSocket"

    def __init__(self, clients: list[AsyncClient]) -> None:
        """Clients of one user each."""
        self._clients = clients
        self._queues = [asyncio.Queue[EventObject]() for _ in clients]
        self._watching: list[asyncio.Task[None]] = []

    def offers(self, program: Program) -> bool:
        """All of them."""
        return True

    async def subscribe(self) -> None:
        """Open every socket, and wait until each has shown a job."""
        for number, client in enumerate(self._clients):
            self._watching.append(asyncio.create_task(self._watch(client, number)))
            first = await client.run({"language": "python", "code": ""})
            while (await self._queues[number].get()).job_id != first.job_id:
                pass

    async def close(self) -> None:
        """End the subscriptions."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)

    async def run(self, program: Program, client: int) -> Timed:
        """Until the terminal event is here."""
        began = time.perf_counter()
        job = await self._clients[client].submit(_submission(program))
        first_ms: float | None = None
        while True:
            event = await self._queues[client].get()
            if event.job_id != job.job_id:
                continue
            now_ms = (time.perf_counter() - began) * 1000
            if event.type == OUTPUT and first_ms is None:
                first_ms = now_ms
            if event.type in ENDS:
                if event.type != "job.completed.v1":
                    raise RuntimeError(f"{program.name} in {program.language}: {event.data}")
                return Timed(first_ms, now_ms)

    async def _watch(self, client: AsyncClient, number: int) -> None:
        async for event in client.follow("*", after="start"):
            self._queues[number].put_nowait(event)


class OverHttp:
    """`POST /v1/jobs`, and the job's events by `GET /v1/stream` (Server-Sent Events)."""

    name = "Headrace, HTTP"

    def __init__(self, connections: list[httpx.AsyncClient]) -> None:
        """Connections with one user's token each."""
        self._connections = connections

    def offers(self, program: Program) -> bool:
        """All of them."""
        return True

    async def run(self, program: Program, client: int) -> Timed:
        """Until the terminal event is here."""
        began = time.perf_counter()
        http = self._connections[client]
        answer = await http.post("/v1/jobs", json=_submission(program))
        first_ms: float | None = None
        job_id = answer.raise_for_status().json()["job_id"]
        async with http.stream("GET", "/v1/stream", params={"job_id": job_id}) as events:
            async for line in events.aiter_lines():
                now_ms = (time.perf_counter() - began) * 1000
                if line.startswith("event: job.output") and first_ms is None:
                    first_ms = now_ms
                if line.startswith("event: ") and line.removeprefix("event: ") in ENDS:
                    if line != "event: job.completed.v1":
                        raise RuntimeError(f"{program.name} in {program.language}: {line}")
                    return Timed(first_ms, now_ms)
        raise RuntimeError(f"the stream ended: {json.dumps(job_id)}")


@asynccontextmanager
async def over_websocket(stack: Stack, clients: int) -> AsyncIterator[OverWebSocket]:
    """So many clients of a stack, each with its socket open."""
    async with AsyncExitStack() as opened:
        users = [
            await opened.enter_async_context(
                open_client(local_endpoint(stack.directory, stack.address, f"socket-{number}"))
            )
            for number in range(clients)
        ]
        side = OverWebSocket(users)
        await side.subscribe()
        opened.push_async_callback(side.close)
        yield side


@asynccontextmanager
async def over_http(stack: Stack, clients: int) -> AsyncIterator[OverHttp]:
    """So many clients of a stack, each with a connection that is kept."""
    async with AsyncExitStack() as opened:
        connections = []
        for number in range(clients):
            endpoint = local_endpoint(stack.directory, stack.address, f"http-{number}")
            http = httpx.AsyncClient(
                base_url=endpoint.api_url, headers={"Authorization": f"Bearer {endpoint.token}"}, timeout=60
            )
            connections.append(await opened.enter_async_context(http))
        yield OverHttp(connections)
