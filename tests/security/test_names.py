"""Hostile names of input files: refused with a problem document, and nothing is run or made anywhere."""

import base64
import io
import json
import stat
import zipfile

import httpx
import pytest

from shared.contract.subjects import JOBS
from tests.security.conftest import StackArena
from tests.system.conftest import broker_of

pytestmark = pytest.mark.asyncio(loop_scope="package")

HOSTILE = {
    "parent": ["../../x"],
    "parent inside": ["a/../../b"],
    "parent at the end": ["a/.."],
    "absolute": ["/etc/cron.d/headrace-canary"],
    "zero byte": ["x\0y"],
    "empty": [""],
    "itself": ["."],
    "itself with a slash": ["./"],
    "slash at the end": ["a/"],
    "two slashes": ["a//b"],
    "long": ["n" * 5_000],
    "long part": ["a/" + "n" * 256],
    "long in bytes": ["é" * 200],
    "deep": ["a/" * 500 + "b"],
    "file and directory": ["dir", "dir/t.txt"],
    "directory and file": ["dir/t.txt", "dir"],
    "twice": ["x.txt", "x.txt"],
    "lone surrogate": ["\udcc3.txt"],
    "newline": ["a\nb"],
    "terminal sequence": ["\x1b[2J"],
}


async def events_of_mallory(arena: StackArena) -> int:
    """How many the log holds; a neighbour's come meanwhile."""
    async with broker_of(arena.stack) as broker:
        answer = await broker.api(f"STREAM.INFO.{JOBS}", {"subjects_filter": "jobs.mallory.>"})
        return sum((answer["state"].get("subjects") or {}).values())


async def refused(arena: StackArena, http: httpx.AsyncClient, bodies: dict[str, dict[str, object]]) -> None:
    """Each submission gets a 4xx. Together they leave no event, and none is in a log as an error of ours."""
    before = await events_of_mallory(arena)
    for name, body in bodies.items():
        # As any client may write it: half of a pair of surrogates can be escaped, but not encoded.
        content = json.dumps(body).encode()
        answer = await http.post("/v1/jobs", content=content, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500, f"{name}: {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json", name
    assert await events_of_mallory(arena) == before
    assert "request_failed" not in arena.logs()
    assert arena.planted.tampered() is None


def python_of(*names: str, content: str = "print('ESCAPED')") -> dict[str, object]:
    files = [{"name": name, "content": content} for name in ("main.py", *names)]
    return {"language": "python", "entrypoint": "main.py", "files": files}


async def test_hostile_names_are_refused(arena: StackArena, http: httpx.AsyncClient) -> None:
    await refused(arena, http, {name: python_of(*names) for name, names in HOSTILE.items()})


async def test_hostile_entrypoints_are_refused(arena: StackArena, http: httpx.AsyncClient) -> None:
    entrypoints = {name: names[0] for name, names in HOSTILE.items() if len(names) == 1}
    code = {"language": "python", "code": "print('ESCAPED')"}
    for body in (python_of(), code):
        await refused(arena, http, {name: {**body, "entrypoint": one} for name, one in entrypoints.items()})


async def test_a_name_that_would_hide_the_entrypoint_is_refused(
    arena: StackArena, http: httpx.AsyncClient
) -> None:
    await refused(arena, http, {"the same": python_of("main.py"), "below it": python_of("main.py/x")})


def bomb() -> bytes:
    """A zip archive with a way up, a link, and a file ten thousand times as long as it looks."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("../../headrace-canary", "x")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("zeros", bytes(10_000_000))
    return made.getvalue()


async def test_an_archive_is_not_unpacked(arena: StackArena, http: httpx.AsyncClient) -> None:
    """As Judge0 takes it; here no field is ignored that nobody knows."""
    packed = base64.b64encode(bomb()).decode()
    fields = ("additional_files", "archive", "zip")
    await refused(arena, http, {field: {**python_of(), field: packed} for field in fields})


async def test_an_archive_among_the_files_stays_what_it_is(arena: StackArena) -> None:
    source = "import os\nprint('attempted', sorted(os.listdir()), os.stat('x.zip').st_size)"
    packed = base64.b64encode(bomb()).decode()
    files = [
        {"name": "main.py", "content": source},
        {"name": "x.zip", "content": packed, "encoding": "base64"},
    ]
    job = await arena.users["mallory"].client.submit({"language": "python", "files": files})
    outcome = await arena.outcome("mallory", job.job_id)
    assert outcome.stdout.decode() == f"attempted ['main.py', 'x.zip'] {len(bomb())}\n"
