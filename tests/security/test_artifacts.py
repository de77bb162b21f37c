"""What programs leave to be collected, in the shapes that a collector must not be taken in by."""

import hashlib
from typing import Any

import httpx
import msgspec
import pytest

from tests.security.checker import Checker, attacked
from tests.security.conftest import StackArena
from tests.security.footprint import resident_bytes
from tests.security.submission import LIMITS, MIB, Outcome, source_of

pytestmark = pytest.mark.asyncio(loop_scope="package")

COLLECTED_S = 2.0
"""How long it may take to look at what a program left, however much it left."""


async def collected(
    arena: StackArena,
    checker: Checker,
    program: str,
    *patterns: str,
    args: tuple[str, ...] = (),
    **limits: int,
) -> Outcome:
    """Run a program whose files are asked for; it must have attacked, and nothing of it be left."""
    resident = resident_bytes(arena.executor)
    body: dict[str, Any] = {
        "language": "python",
        "code": source_of(program),
        "args": args,
        "artifacts": patterns,
        "limits": {**msgspec.structs.asdict(LIMITS), **limits},
    }
    job = await arena.users["mallory"].client.submit(body)
    outcome = await arena.outcome("mallory", job.job_id)
    assert attacked(outcome) == [], outcome
    assert await checker.left_behind(outcome, resident) == []
    return outcome


def kept(outcome: Outcome) -> dict[str, tuple[int, str]]:
    """Size and digest of what was collected, by path."""
    return {each["path"]: (each["size"], each["sha256"]) for each in outcome.result["artifacts"]}


def skipped(outcome: Outcome) -> dict[str, str]:
    """Why what matched was not collected, by path."""
    return {each["path"]: each["reason"] for each in outcome.result["skipped"]}


async def test_a_sparse_giant_is_refused_and_not_read(arena: StackArena, checker: Checker) -> None:
    length = 256 * MIB
    outcome = await collected(
        arena, checker, "13_sparse_artifact.py", "*.bin", args=(str(length),), disk_bytes=length
    )
    assert outcome.ending == "completed"
    assert f"length {length} blocks 0" in outcome.said
    assert kept(outcome) == {}
    assert skipped(outcome)["out.bin"]
    assert outcome.lasted_s < COLLECTED_S


async def test_only_plain_files_are_collected(
    arena: StackArena, checker: Checker, http: httpx.AsyncClient
) -> None:
    canary = str(arena.planted.canary_file)
    outcome = await collected(arena, checker, "14_odd_artifacts.py", "*", "**/*", args=(canary,))
    assert outcome.ending == "completed"
    assert outcome.lasted_s < COLLECTED_S
    found = kept(outcome)
    assert found["plain"] == (6, hashlib.sha256(b"plain\n").hexdigest())
    # What was changed at every moment is what it was at the last one.
    changing = {"f", "f.new"}
    mine = {(0, hashlib.sha256(b"").hexdigest()), (5, hashlib.sha256(b"mine\n").hexdigest())}
    assert {found[name] for name in changing & found.keys()} <= mine
    assert found.keys() - changing <= {"plain", "main.py"}
    odd = {"a", "b", "c", "z", "root", "host", "loop", "alias", "s", "d/e/up"}
    assert odd <= skipped(outcome).keys()
    assert all(skipped(outcome).values())
    assert not [path for path in skipped(outcome) if path.startswith(("root/", "d/e/up/"))]
    job_id = outcome.notes[0].job_id
    for path in (*odd, "../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "root/etc/passwd"):
        answer = await http.get(f"/v1/jobs/{job_id}/artifacts/{path}")
        assert 400 <= answer.status_code < 500
        assert "root:" not in answer.text


@pytest.mark.parametrize("kind", ["link", "directory", "locked"])
async def test_names_planted_where_the_host_writes(
    arena: StackArena, checker: Checker, http: httpx.AsyncClient, kind: str
) -> None:
    canary = str(arena.planted.canary_file)
    outcome = await collected(
        arena, checker, "15_planted_names.py", "out.txt", "main.py", args=(canary, kind)
    )
    assert outcome.ending == "completed"
    assert outcome.stdout == b"attempted\n"
    # A file that its owner made unreadable may be his own all the same; a link or a directory is none.
    if kind != "locked":
        assert kept(outcome) == {}
        assert skipped(outcome).keys() >= {"out.txt", "main.py"} or kind == "directory"
    answer = await http.get(f"/v1/jobs/{outcome.notes[0].job_id}/artifacts/out.txt")
    assert (answer.status_code == 200) == ("out.txt" in kept(outcome))
    assert arena.planted.tampered() is None


@pytest.mark.parametrize("program", ["12_inodes.py", "12_depth.py"])
async def test_looking_through_very_many_files_is_bounded(
    arena: StackArena, checker: Checker, program: str
) -> None:
    """Ended by its own exit code, it is collected from like any other."""
    outcome = await collected(arena, checker, program, "*", "**/*")
    assert outcome.ending in {"failed/exit_code", "failed/disk"}
    assert len(outcome.result["artifacts"]) + len(outcome.result["skipped"]) <= 5_000
    assert len(outcome.told) < MIB
    assert outcome.lasted_s < COLLECTED_S + LIMITS.wall_ms / 1000


@pytest.mark.parametrize(
    "pattern", ["../*", "/etc/*", "a/../../*", "", "x\0y", "*" * 5_000, "**/" * 400 + "x", "\x1b[2J"]
)
async def test_a_hostile_pattern_is_refused(http: httpx.AsyncClient, pattern: str) -> None:
    body = {"language": "python", "code": "print('ESCAPED')", "artifacts": [pattern]}
    answer = await http.post("/v1/jobs", json=body)
    assert answer.status_code == 422
    assert [error for error in answer.json()["errors"] if error["field"].startswith("artifacts.0")]


async def test_a_pattern_that_takes_long_to_match_is_bounded(arena: StackArena, checker: Checker) -> None:
    patterns = ("*a" * 60 + "b", "**/**/**/**/**/x", "?" * 100)
    outcome = await collected(arena, checker, "12_depth.py", *patterns)
    assert outcome.ending in {"failed/exit_code", "failed/disk"}
    assert outcome.lasted_s < COLLECTED_S + LIMITS.wall_ms / 1000
