"""What every call of the client stands on: its connections from ``async with`` to its end, its answers."""

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
    """One caller of one service between ``async with`` and its end. All calls raise HeadraceError."""

    def __init__(
        self,
        api_url: str | None = None,
        token: TokenSource | None = None,
        *,
        websocket_url: str | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Without a URL: what HEADRACE_API_URL names, else this directory's local stack. Raises StackError.

        `token` may be a function that gives a fresh one. `patience_s` is how long a call is repeated while
        no answer comes, or one that says to come back; 0 asks once.
        """
        self._endpoint = named(api_url, token, websocket_url)
        self._credentials = Credentials(self._endpoint.token)
        self._patience_s = patience_s
        self._open = AsyncExitStack()
        self._opened: _Opened | None = None

    async def __aenter__(self) -> Self:
        """Open connections when they are needed. Raises UsageError if it is open already."""
        if self._opened is not None:
            raise UsageError("this client is open already")
        session = await self._open.enter_async_context(open_session())
        calls = Calls(session, self._endpoint.api_url, self._credentials, patience_s=self._patience_s)
        self._opened = _Opened(session, calls, asyncio.get_running_loop())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        self._opened = None
        await self._open.aclose()

    @property
    def _ready(self) -> "_Opened":
        """What is open. Raises UsageError."""
        if self._opened is None:
            raise UsageError("this client is not open: use it within `async with AsyncClient() as client:`")
        if self._opened.loop is not asyncio.get_running_loop():
            raise UsageError("this client was opened in another event loop: open one in each")
        return self._opened

    async def _post(self, path: str, body: object, kind: type[AnswerT], key: str | None) -> AnswerT:
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return decoded(await self._ready.calls.call("POST", path, body=body, headers=headers), kind)

    async def _get(self, path: str, kind: type[AnswerT], params: Params | None = None) -> AnswerT:
        return decoded(await self._ready.calls.call("GET", path, params=params), kind)

    async def _lines(self, path: str, params: Params) -> AsyncGenerator[bytes, None]:
        """Whole lines of a body; one that broke off in the middle is not shown."""
        begun = b""
        async with aclosing(self._ready.calls.pieces(path, params)) as pieces:
            async for piece in pieces:
                *whole, begun = (begun + piece).split(b"\n")
                for line in whole:
                    yield line


def job_path(job_id: str) -> str:
    """The address of a job, quoted."""
    return f"/v1/jobs/{quote(job_id, safe='')}"


def params_of(filters: Mapping[str, Filter]) -> dict[str, str | int | Sequence[str]]:
    """Those that are given, as a query has them."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in filters.items()
        if value is not None
    }


def decoded(content: bytes, kind: type[AnswerT]) -> AnswerT:
    """An answer's body. Raises ProtocolError."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"not a {kind.__name__} of this version: {error}") from error
