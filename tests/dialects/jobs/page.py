"""A page of the dialect `jobs` as its two hooks behave, and what it may never be sent on one connection.

The handler of messages depends on the current job, so each new job closes the socket and opens another. The
closed one comes back after a while with the handler of the earlier job, and stays: that handler writes what
it is told of its own job into the current one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.dialects.clients import Socket, socket_client

RECONNECT_S = 3.0
POLL_S = 1.0
UNFINISHED = {"pending", "running"}


@dataclass
class Connection:
    """One WebSocket, with the current job of its handler, and what it was sent."""

    job_id: str | None
    socket: Socket | None = None
    is_unwanted: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)

    async def close(self) -> None:
        """As `close()` of a browser's WebSocket: also before it is open."""
        self.is_unwanted = True
        if self.socket is not None:
            await self.socket.connection.close()

    def results(self) -> set[str]:
        """The jobs whose results were told. Raises AssertionError for what may not be sent."""
        told: set[str] = set()
        running: set[str] = set()
        for message in self.messages:
            job_id = message["job_id"]
            assert job_id not in told, f"{message} after the end"
            match message:
                case {"type": "job.status", "status": "running", "timestamp": str()}:
                    assert job_id not in running, f"{message} twice"
                    running.add(job_id)
                case {"type": "job.result", "status": "completed" | "failed", "result": dict()}:
                    told.add(job_id)
                case _:
                    raise AssertionError(f"{message} is no message of the dialect")
        return told


class Page:
    """The state of `useExecution`, and all connections that `useWebSocket` has opened."""

    def __init__(
        self, http: httpx.AsyncClient, socket_url: str, token: str, *, reconnect_s: float = RECONNECT_S
    ) -> None:
        self.current: dict[str, Any] = {}
        self.connections: list[Connection] = []
        self.received: dict[str, dict[str, Any]] = {}
        """The result of each job, however it came."""
        self._http = http
        self._socket_url = socket_url
        self._token = token
        self._reconnect_s = reconnect_s
        self._is_connected = False
        self._polling: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def shown(self) -> AsyncIterator["Page"]:
        """The page is there until this is left."""
        self._connect(None)
        try:
            yield self
        finally:
            for task in self._tasks:
                task.cancel()
            for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    raise outcome
        for connection in self.connections:
            connection.results()

    async def execute(self, code: str, headers: Mapping[str, str] | None = None) -> str:
        """Submit a program: its job is the current one. Raises httpx.HTTPError."""
        answer = await self._http.post("/execute", json={"code": code}, headers=headers)
        job_id = str(answer.raise_for_status().json()["job_id"])
        self.current = {"id": job_id, "status": answer.json()["status"]}
        newest = self.connections[-1]
        if newest.socket is not None:
            with suppress(ConnectionClosed):
                await newest.socket.send({"action": "subscribe", "job_id": job_id})
        if not self._is_connected:
            self._polling.add(job_id)
            self._spawn(self._poll(job_id))
        newest.is_unwanted = True
        self._spawn(newest.close())
        self._connect(job_id)
        return job_id

    async def shows_end(self) -> dict[str, Any]:
        """The current job once it has a result. Another one is not submitted while the page still polls."""
        await self.until(lambda: "result" in self.current and not self._polling)
        return self.current

    async def has_received(self, job_id: str) -> None:
        """Wait for the result of a job, on any connection or by a poll."""
        await self.until(lambda: job_id in self.received and not self._polling)

    async def is_connected(self) -> None:
        """Wait until the page does not poll for a new job."""
        await self.until(lambda: self._is_connected)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so, which the page looks at whenever it was told something."""
        while not is_so():
            self._changed.clear()
            await self._changed.wait()

    def _connect(self, job_id: str | None) -> None:
        self.connections.append(Connection(job_id))
        self._spawn(self._serve(self.connections[-1]))

    async def _serve(self, connection: Connection) -> None:
        """From `new WebSocket` to the connection that takes its place, with the same handler."""
        try:
            async with socket_client(self._socket_url, self._token) as connection.socket:
                self._is_connected = True
                self._changed.set()
                if connection.is_unwanted:
                    await connection.close()
                while True:
                    self._take(connection, await connection.socket.next())
        except ConnectionClosed:
            pass
        except (InvalidHandshake, OSError):
            # `onerror` closes the newest connection, whichever has failed.
            await self.connections[-1].close()
        connection.socket = None
        self._is_connected = False
        await asyncio.sleep(self._reconnect_s)
        self._connect(connection.job_id)

    def _take(self, connection: Connection, message: dict[str, Any]) -> None:
        connection.messages.append(message)
        if connection.is_unwanted:
            # A browser hands over nothing once `close()` was called.
            return
        if message["type"] == "job.result":
            self._receive(message["job_id"], message)
        if message.get("job_id") == connection.job_id:
            told = {name: message[name] for name in message if name in {"status", "result"}}
            self._show({**self.current, **told})
        self._changed.set()

    async def _poll(self, job_id: str) -> None:
        with suppress(httpx.HTTPError):
            # A poll that fails is the last.
            await self._poll_to_end(job_id)
        self._polling.discard(job_id)
        self._changed.set()

    async def _poll_to_end(self, job_id: str) -> None:
        while True:
            job = (await self._http.get(f"/execute/jobs/{job_id}")).raise_for_status().json()
            shown = {"id": job_id, "status": job["status"]}
            if job["status"] not in UNFINISHED:
                self._receive(job_id, job)
                self._show({**shown, "result": job["result"]})
                return
            self._show(shown)
            await asyncio.sleep(POLL_S)

    def _receive(self, job_id: str, end: Mapping[str, Any]) -> None:
        found = {"status": end["status"], "result": end["result"]}
        assert self.received.setdefault(job_id, found) == found

    def _show(self, current: dict[str, Any]) -> None:
        self.current = current
        self._changed.set()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.add(asyncio.create_task(work))
