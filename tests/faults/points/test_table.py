"""The table of crash points is whole: every point is a function that exists, every promise has points, and a
point that is not hit is a failure.
"""

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.points.launch import DIED, function_of
from tests.faults.points.point import Point, Row
from tests.faults.points.programs import ROOT, nursery, own_log, prepare
from tests.faults.points.table import POINTS, REPRESENTATIVES, find

SERVICES = ("api", "executor", "projector", "notifier")
OF_EACH = 20
TESTS = {service: f"tests/faults/points/test_{service}_points.py" for service in SERVICES}
KNOWN = find("projector.start.tables_made")


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_a_point_is_a_function_of_its_service(point: Point) -> None:
    _, _, found = function_of(point)
    assert callable(found) or isinstance(found, staticmethod)
    assert point.module == "pathlib" or point.module.startswith((f"services.{point.service}.", "shared."))
    assert point.row.value.startswith(f"| {point.service} |")


def test_no_name_is_used_twice_and_each_service_has_enough() -> None:
    assert len({point.name for point in POINTS}) == len(POINTS)
    counts = Counter(point.service for point in POINTS)
    assert {service for service in SERVICES if counts[service] >= OF_EACH} == set(SERVICES)


def test_every_row_is_represented_in_the_small_tier() -> None:
    assert {find(name).row for name in REPRESENTATIVES} == set(Row)


def test_every_row_of_the_promises_is_hit_and_says_by_what() -> None:
    lines = (ROOT / "ARCHITECTURE.md").read_text().splitlines()
    for row in Row:
        (line,) = [line for line in lines if line.startswith(row.value)]
        (service,) = {point.service for point in POINTS if point.row is row}
        assert f"`{TESTS[service]}`" in line
    table = lines[lines.index("## What a crash does") :]
    told = [line for line in table if line.startswith(tuple(f"| {service} |" for service in SERVICES))]
    assert len(told) == len(Row)


async def launched(
    directory: Path, environment: dict[str, str], *, armed: bool
) -> asyncio.subprocess.Process:
    prepare(directory, is_armed=armed)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.points.launch", KNOWN.name, str(directory)),
        env={**environment, "HEADRACE_VIEW_PATH": str(directory / "view.sqlite"), "PATH": os.defpath},
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )


async def test_an_armed_point_kills_and_tells_and_an_unarmed_one_does_neither(tmp_path: Path) -> None:
    async with own_log(tmp_path / "nats") as (server, _), asyncio.timeout(60):
        dying = await launched(tmp_path / "armed", server.environment, armed=True)
        await dying.communicate()
        living = await launched(tmp_path / "unarmed", server.environment, armed=False)
        assert living.stderr is not None
        while b'"listening"' not in await living.stderr.readline():
            pass
        living.terminate()
        await living.communicate()
    assert dying.returncode == -signal.SIGKILL
    assert (tmp_path / "armed" / DIED).read_text() == KNOWN.name
    assert living.returncode == 0
    assert not (tmp_path / "unarmed" / DIED).exists()


async def test_a_victim_that_dies_elsewhere_or_not_at_all_is_a_failure(tmp_path: Path) -> None:
    async with (
        own_log(tmp_path / "nats") as (server, _),
        nursery("projector", tmp_path) as processes,
        asyncio.timeout(60),
    ):
        environment = {**server.environment, "HEADRACE_VIEW_PATH": str(tmp_path / "view.sqlite")}
        elsewhere = find("projector.question.arrived")
        async with processes.victim(elsewhere, environment, tmp_path / "killed") as victim:
            await victim.ready()
            victim.arm()
            await victim.kill()
            with pytest.raises(AssertionError, match="with -9 at no point"):
                await victim.dead()
        async with processes.victim(elsewhere, environment, tmp_path / "ended") as victim:
            await victim.ready()
            victim.terminate()
            with pytest.raises(AssertionError, match="with 0 at no point"):
                await victim.dead()
