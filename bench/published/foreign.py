"""Other services by the interfaces that they publish. None of them shows a first byte before the end."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from bench.published.programs import FILES, Language, Program
from bench.published.side import Timed

POLL_S = 0.01
JUDGE0_WAITS = frozenset({1, 2})
"""In the queue, and processing."""
JUDGE0_NAMES: Mapping[Language, str] = {
    "python": "Python (3",
    "javascript": "JavaScript (Node",
    "c++": "C++ (GCC",
    "java": "Java (",
}


class Piston:
    """`POST /api/v2/execute`, in the newest version of each language."""

    def __init__(self, http: httpx.AsyncClient, offered: frozenset[str]) -> None:
        """`offered` are names of languages."""
        self._http = http
        self._offered = offered
        self.name = f"Piston at {http.base_url.host}"

    @classmethod
    async def open(cls, http: httpx.AsyncClient) -> "Piston":
        """Ask what it offers."""
        runtimes = (await http.get("/api/v2/runtimes")).raise_for_status().json()
        return cls(http, frozenset(name for one in runtimes for name in (one["language"], *one["aliases"])))

    def offers(self, program: Program) -> bool:
        """By its name or an alias of it."""
        return program.language in self._offered

    async def run(self, program: Program, client: int) -> Timed:
        """Until it has answered."""
        return await _timed(
            self._http,
            "/api/v2/execute",
            {
                "language": program.language,
                "version": "*",
                "files": [{"name": FILES[program.language], "content": program.code}],
                "stdin": program.stdin,
            },
            lambda answer: answer["run"]["code"] == 0,
        )


class Judge0:
    """`POST /submissions?wait=true`, or polling where it does not wait."""

    def __init__(self, http: httpx.AsyncClient, ids: Mapping[Language, int]) -> None:
        """`ids` are its numbers of languages."""
        self._http = http
        self._ids = ids
        self.name = f"Judge0 at {http.base_url.host}"

    @classmethod
    async def open(cls, http: httpx.AsyncClient) -> "Judge0":
        """Ask what it offers. The last of each language is the newest."""
        offered = (await http.get("/languages")).raise_for_status().json()
        ids = {
            ours: one["id"]
            for one in offered
            for ours, named in JUDGE0_NAMES.items()
            if one["name"].startswith(named)
        }
        return cls(http, ids)

    def offers(self, program: Program) -> bool:
        """By the beginning of its name there."""
        return program.language in self._ids

    async def run(self, program: Program, client: int) -> Timed:
        """Until it says how the program ended."""
        began = time.perf_counter()
        body = {
            "source_code": program.code,
            "language_id": self._ids[program.language],
            "stdin": program.stdin,
        }
        answer = (await self._http.post("/submissions?wait=true", json=body)).json()
        if "status" not in answer:
            token = (await self._http.post("/submissions", json=body)).raise_for_status().json()["token"]
            while True:
                answer = (await self._http.get(f"/submissions/{token}")).raise_for_status().json()
                if answer["status"]["id"] not in JUDGE0_WAITS:
                    break
                await asyncio.sleep(POLL_S)
        if answer["status"]["description"] != "Accepted":
            raise RuntimeError(f"Judge0: {answer['status']['description']}")
        return Timed(None, (time.perf_counter() - began) * 1000)


class Snekbox:
    """`POST /eval`, Python alone, without standard input."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        """Nothing is asked before."""
        self._http = http
        self.name = f"snekbox at {http.base_url.host}"

    def offers(self, program: Program) -> bool:
        """Python that reads nothing."""
        return program.language == "python" and not program.stdin

    async def run(self, program: Program, client: int) -> Timed:
        """Until it has answered."""
        return await _timed(
            self._http, "/eval", {"input": program.code}, lambda answer: answer["returncode"] == 0
        )


Foreign = Piston | Judge0 | Snekbox


async def open_foreign(kind: str, http: httpx.AsyncClient) -> Foreign:
    """The service of this kind at this address. Raises SystemExit for a kind that is unknown."""
    match kind:
        case "piston":
            return await Piston.open(http)
        case "judge0":
            return await Judge0.open(http)
        case "snekbox":
            return Snekbox(http)
        case _:
            raise SystemExit(f"{kind!r} is none of piston, judge0, snekbox")


async def _timed(
    http: httpx.AsyncClient, path: str, body: Mapping[str, Any], is_well: Callable[[Any], bool]
) -> Timed:
    began = time.perf_counter()
    answer = (await http.post(path, json=body)).raise_for_status().json()
    if not is_well(answer):
        raise RuntimeError(f"{path}: {answer}")
    return Timed(None, (time.perf_counter() - began) * 1000)
