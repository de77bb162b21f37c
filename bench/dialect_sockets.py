"""Many users of the dialect `jobs`, or of the native API, each with one socket and one job."""

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK
from websockets.typing import Subprotocol

from headrace.client.endpoint import issue
from headrace.local.supervisor import Stack
from services.notifier.transports.headrace_v1.messages import SUBPROTOCOL
from shared.dialects.jobs import NAME
from shared.dialects.names import prefix_of

OPENING_AT_ONCE = 50
CODE = "print('hello, world')\n"
PONG = '{"type":"pong"}'


class Side(ABC):
    """How a client of one interface submits, and what its socket is told."""

    name: str
    path: str
    body: bytes

    def __init__(self, stack: Stack) -> None:
        """Use a running stack."""
        self.stack = stack

    @abstractmethod
    async def open(self, token: str) -> ClientConnection:
        """A socket that is told all that follows."""

    @abstractmethod
    def ended(self, message: dict[str, Any]) -> str | None:
        """The job that this message tells the result of, if it does."""


class DialectSide(Side):
    """`POST /execute`, and the socket with the token in its query."""

    name = "dialect"
    path = f"{prefix_of(NAME)}/execute"
    body = msgspec.json.encode({"code": CODE})

    async def open(self, token: str) -> ClientConnection:
        """Nothing need be sent."""
        url = self.stack.address.websocket_url.removesuffix("/v1/ws") + prefix_of(NAME)
        return await connect(f"{url}?token={token}", compression=None)

    def ended(self, message: dict[str, Any]) -> str | None:
        """Of a `job.result`."""
        return message["job_id"] if message["type"] == "job.result" else None


class NativeSide(Side):
    """`POST /v1/jobs`, and a subscription to all jobs."""

    name = "native"
    path = "/v1/jobs"
    body = msgspec.json.encode({"language": "python", "code": CODE})

    async def open(self, token: str) -> ClientConnection:
        """Subscribed."""
        socket = await connect(
            self.stack.address.websocket_url, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None
        )
        subscribe = {"type": "subscribe", "id": "s", "job_id": "*", "after": "now"}
        for message in ({"type": "connection_init", "token": token}, subscribe):
            await socket.send(json.dumps(message))
            await socket.recv()
        return socket

    def ended(self, message: dict[str, Any]) -> str | None:
        """Of a job's terminal event."""
        return message["event"]["job_id"] if message["event"]["type"] == "job.completed.v1" else None


class User:
    """One user: an open socket, and what it was told."""

    def __init__(self, side: Side, token: str, socket: ClientConnection) -> None:
        """Listens once `listen` runs."""
        self.results: list[str] = []
        self._side = side
        self._token = token
        self._socket = socket
        self._changed = asyncio.Event()

    async def listen(self) -> None:
        """Note every result, until the socket is closed. Raises ConnectionClosed if it is lost."""
        with suppress(ConnectionClosedOK):
            async for text in self._socket:
                message = json.loads(text)
                if message["type"] == "ping":
                    await self._socket.send(PONG)
                elif (job_id := self._side.ended(message)) is not None:
                    self.results.append(job_id)
                    self._changed.set()

    async def close(self) -> None:
        """Which ends `listen`."""
        await self._socket.close()

    async def run(self, http: aiohttp.ClientSession) -> float:
        """Milliseconds from a submission to its result at the socket. Raises SystemExit for any other one."""
        began = time.perf_counter()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        url = self._side.stack.address.api_url + self._side.path
        async with http.post(url, data=self._side.body, headers=headers) as answer:
            job_id = (await answer.json())["job_id"]
        await self._changed.wait()
        took_ms = (time.perf_counter() - began) * 1000
        if self.results != [job_id]:
            raise SystemExit(f"the socket of {job_id} was told of {self.results}")
        return took_ms


@asynccontextmanager
async def open_users(side: Side, names: Sequence[str]) -> AsyncIterator[list[User]]:
    """Their sockets, all open at once. Raises SystemExit if one of them was told two results."""
    turns = asyncio.Semaphore(OPENING_AT_ONCE)

    async def open_one(name: str) -> User:
        async with turns:
            token = issue(side.stack.directory, name)
            return User(side, token, await side.open(token))

    users = await asyncio.gather(*map(open_one, names))
    async with asyncio.TaskGroup() as group:
        for user in users:
            group.create_task(user.listen())
        yield users
        for user in users:
            group.create_task(user.close())
    if any(len(user.results) > 1 for user in users):
        raise SystemExit("a socket was told more than the result of its user's job")
