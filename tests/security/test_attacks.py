"""Every line of the table: submitted over HTTP, watched over WebSocket, judged by the checker."""

import os
from pathlib import Path

import pytest

from tests.hosts import needs, needs_cgroups
from tests.security.attacks import ATTACKS, IN_THE_SMALL_TIER, Attack
from tests.security.checker import Checker
from tests.security.submission import PROGRAMS

pytestmark = pytest.mark.asyncio(loop_scope="package")

OLD_ENTRY = "19_old_entry.c"


def marks(attack: Attack) -> list[pytest.MarkDecorator]:
    """What a line needs of its host, and the tier that it is in."""
    found = [] if attack.language == "python" else [needs(attack.language)]
    if attack.program == OLD_ENTRY:
        other = os.uname().machine != "x86_64"
        found.append(pytest.mark.skipif(other, reason="only x86-64 has a 32-bit entry"))
    if attack.needs_count:
        found.append(needs_cgroups)
    if attack.program not in IN_THE_SMALL_TIER:
        found.append(pytest.mark.full)
    return found


@pytest.mark.parametrize(
    "attack", [pytest.param(each, id=each.program, marks=marks(each)) for each in ATTACKS]
)
async def test_an_attack_ends_as_it_must_and_nothing_else_happens(checker: Checker, attack: Attack) -> None:
    faults = await checker.attack(attack)
    assert not faults, "\n".join(faults)


async def test_every_program_is_in_the_table_or_in_a_test_of_its_own() -> None:
    elsewhere = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    forgotten = {path.name for path in PROGRAMS.iterdir()} - {each.program for each in ATTACKS}
    assert {name for name in forgotten if f'"{name}"' not in elsewhere} == set()
