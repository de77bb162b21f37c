"""Every line of the table again, straight in the sandbox of a process that is an ordinary user's.

Collected only where we are root. What an ordinary user cannot have, a cgroup of his own, is not there.
"""

import asyncio
import json
from asyncio.subprocess import Process
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.ordinary_user import needs_system_python, readable_copy, started_as_ordinary_user
from tests.security.attacks import ATTACKS, Attack
from tests.security.planted import VARIABLE, secret
from tests.security.test_attacks import marks

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_system_python, pytest.mark.full]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def attacked() -> AsyncIterator[Process]:
    """A process that attacks itself when told to."""
    environment = {VARIABLE: secret()}
    with readable_copy() as copy:
        process = await started_as_ordinary_user(
            copy, "-m", "tests.security.in_a_sandbox", environment=environment
        )
        assert process.stdin is not None
        yield process
        process.stdin.close()
        async with asyncio.timeout(30):
            assert await process.wait() == 0


@pytest.mark.parametrize(
    "attack",
    [pytest.param(each, id=each.program, marks=marks(each)) for each in ATTACKS if not each.needs_count],
)
async def test_an_ordinary_users_cells_withstand_it_too(attacked: Process, attack: Attack) -> None:
    assert attacked.stdin is not None
    assert attacked.stdout is not None
    assert attacked.stderr is not None
    attacked.stdin.write(attack.program.encode() + b"\n")
    answer = await attacked.stdout.readline()
    assert answer, (await attacked.stderr.read()).decode()
    faults = json.loads(answer)
    assert not faults, "\n".join(faults)
