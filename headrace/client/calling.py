"""Base of the client: its connections for the length of ``async with``, and its responses."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from headrace.client.credentials import Credentials, TokenSource
from headrace.client.endpoint import named
from headrace.client.errors import ProtocolError, UsageError
from headrace.client.http import PATIENCE_S, Calls, Params, open_session

AnswerT = TypeVar("AnswerT")
Filter = str | int | datetime | Sequence[str] | None


@dataclass(frozen=True, slots=True)
class _Opened:
    session: aiohttp.ClientSession
    calls: Calls
    loop: asyncio.AbstractEventLoop


class OpenedClient:
    """A client of one service, opened by ``async with``. All calls raise HeadraceError."""

    def __init__(
        self,
        api_url: str | None = None,
        token: TokenSource | None = None,
        *,
        websocket_url: str | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Without a URL: what HEADRACE_API_URL names, else this directory's local stack. Raises StackError.

        `token` may be a function that returns a fresh one. `patience_s` is how long a call is retried while
        it gets no response, or one that says to retry; 0 tries once.
        """
        self._endpoint = named(api_url, token, websocket_url)
        self._credentials = Credentials(self._endpoint.token)
        self._patience_s = patience_s
        self._open = AsyncExitStack()
        self._opened: _Opened | None = None

    async def __aenter__(self) -> Self:
        """Prepare to open connections on demand. Raises UsageError if it is open already."""
        if self._opened is not None:
            raise UsageError("this client is open already")
        session = await self._open.enter_async_context(open_session())
        calls = Calls(session, self._endpoint.api_url, self._credentials, patience_s=self._patience_s)
        self._opened = _Opened(session, calls, asyncio.get_running_loop())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._opened = None
        await self._open.aclose()

    @property
    def _ready(self) -> "_Opened":
        """The open connections. Raises UsageError."""
        if self._opened is None:
            raise UsageError("this client is not open: use it within `async with AsyncClient() as client:`")
        if self._opened.loop is not asyncio.get_running_loop():
            raise UsageError("this client was opened in another event loop: open one in each")
        return self._opened

    async def _post(self, path: str, body: object, kind: type[AnswerT], key: str | None) -> AnswerT:
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return decode(await self._ready.calls.call("POST", path, body=body, headers=headers), kind)

    async def _get(self, path: str, kind: type[AnswerT], params: Params | None = None) -> AnswerT:
        return decode(await self._ready.calls.call("GET", path, params=params), kind)

    async def _lines(self, path: str, params: Params) -> AsyncGenerator[bytes, None]:
        """Complete lines of a body; an incomplete last line is dropped."""
        begun = b""
        async with aclosing(self._ready.calls.pieces(path, params)) as pieces:
            async for piece in pieces:
                *whole, begun = (begun + piece).split(b"\n")
                for line in whole:
                    yield line


def job_path(job_id: str) -> str:
    """The path of a job, quoted."""
    return f"/v1/jobs/{quote(job_id, safe='')}"


def params_of(filters: Mapping[str, Filter]) -> dict[str, str | int | Sequence[str]]:
    """Query parameters, without those that are None."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in filters.items()
        if value is not None
    }


def decode(content: bytes, kind: type[AnswerT]) -> AnswerT:
    """Decode a response body. Raises ProtocolError."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"not a {kind.__name__} of this version: {error}") from error
