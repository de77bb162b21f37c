"""A client behind a balancer: it asks the api that is about to die, and then the one that is left."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.points.patience import LOOK_S

COME_BACK = frozenset({429, 503})

Json = dict[str, Any]


@dataclass
class Client:
    """One user's. `first` is asked until it breaks off; `kept` always answers some time."""

    first: str
    kept: str
    token: str
    http: httpx.AsyncClient
    breaks: int = field(default=0, init=False)

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        also: frozenset[int] = frozenset(),
        at_first: bool = True,
    ) -> httpx.Response:
        """The answer, which must be good or one of `also`; asked for as long as it takes."""
        while True:
            answer = await self.once(
                method, path, body=body, content=content, headers=headers, at_first=at_first
            )
            if answer is None:
                continue
            if answer.status_code not in COME_BACK:
                assert answer.is_success or answer.status_code in also, answer.text
                return answer
            await asyncio.sleep(LOOK_S)

    async def once(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        at_first: bool = True,
    ) -> httpx.Response | None:
        """One answer; None if it broke off, after which the other one is asked."""
        every = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        try:
            url = self._url(path, at_first)
            return await self.http.request(method, url, json=body, content=content, headers=every)
        except httpx.TransportError:
            self.breaks += 1
            return None

    async def lines(self, path: str, *, after: int = 0) -> list[Json]:
        """Every line of an audit, gone on with behind the last whole one."""
        found: list[Json] = []
        headers = {"Authorization": f"Bearer {self.token}"}
        while True:
            url, begun = self._url(path, True), b""
            try:
                async with self.http.stream(
                    "GET", url, params={"after": str(after)}, headers=headers
                ) as answer:
                    assert answer.is_success, await answer.aread()
                    async for piece in answer.aiter_bytes():
                        *whole, begun = (begun + piece).split(b"\n")
                        for line in whole:
                            found.append(json.loads(line))
                            after = found[-1]["seq"]
                    return found
            except httpx.TransportError:
                self.breaks += 1

    def _url(self, path: str, at_first: bool) -> str:
        return (self.first if at_first and not self.breaks else self.kept) + path
