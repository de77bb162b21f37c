"""Ordinary programs get the right answer: all in warm cells, five of each language everywhere else."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.executor.sandbox.cold.sandbox import open_cold_sandbox
from services.executor.sandbox.warm.sandbox import WarmSandbox, open_warm_sandbox
from tests.cases import languages
from tests.hosts import OFFERED
from tests.ordinary_user import needs_system_python, readable_copy, started_as_ordinary_user
from tests.programs.bare import bare_faults
from tests.programs.corpus import FIVE, LANGUAGES, names_of, read_program
from tests.programs.running import faults_in

# Thirty programs of a language whose compiler takes seconds, on a machine that does other things as well.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

EVERY = languages(LANGUAGES, {"python", "bash", "c"})
EVERY_IN_LITTLE = languages(LANGUAGES, {"python"})
"""Where only a few programs run, one language is enough for the small tier."""

AS_ANOTHER = """
import asyncio, json, sys
from services.executor.sandbox.warm.sandbox import open_warm_sandbox
from tests.programs.corpus import FIVE, read_program
from tests.programs.running import faults_in

async def main():
    async with open_warm_sandbox() as sandbox:
        programs = [read_program(language, name) for language in sys.argv[1:] for name in FIVE]
        print(json.dumps([sandbox.isolation.uid, len(programs), await faults_in(sandbox, programs)]))

asyncio.run(main())
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def warm() -> AsyncIterator[WarmSandbox]:
    """One warm sandbox for all programs."""
    async with open_warm_sandbox() as opened:
        yield opened


@pytest.mark.parametrize("language", EVERY)
async def test_every_program_gets_the_right_answer(warm: WarmSandbox, language: str) -> None:
    faults = await faults_in(warm, [read_program(language, name) for name in names_of(language)])
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", EVERY_IN_LITTLE)
async def test_five_programs_get_the_same_answer_in_cold_cells(language: str) -> None:
    async with open_cold_sandbox() as cold:
        faults = await faults_in(cold, [read_program(language, name) for name in FIVE])
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", EVERY_IN_LITTLE)
async def test_five_programs_get_the_same_answer_without_a_sandbox(language: str) -> None:
    """So the expected answers are the runtimes' own. All of them: `python -m tests.programs.bare`."""
    faults = await bare_faults([read_program(language, name) for name in FIVE])
    assert not faults, "\n".join(faults)


@pytest.mark.full
@needs_system_python
async def test_five_programs_of_each_language_get_the_same_answer_from_an_ordinary_users_sandbox() -> None:
    languages = sorted(OFFERED)
    with readable_copy() as copy:
        asked = await started_as_ordinary_user(copy, "-c", AS_ANOTHER, *languages)
        said, complaint = await asked.communicate()
    assert asked.returncode == 0, complaint.decode()
    uid, count, faults = json.loads(said)
    assert uid != 0
    assert count == len(FIVE) * len(languages)
    assert not faults, "\n".join(faults)
